import { grouped } from '../shared/elements.ts';

/** A share as people read it. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** How many points the clusters have. */
export function sizeRange(sizes: Int32Array): Record<string, string> {
  if (sizes.length === 0) return {};
  const least = sizes.reduce((low, size) => Math.min(low, size));
  const most = sizes.reduce((high, size) => Math.max(high, size));
  return { 'Points a cluster': least === most ? grouped(least) : `${grouped(least)} to ${grouped(most)}` };
}

/** Milliseconds as people read them. */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A sum of squares, or the like, with about six digits. */
export function quantity(value: number): string {
  return Math.abs(value) >= 1e5 ? grouped(Math.round(value)) : String(Number(value.toPrecision(6)));
}
