import type { CodeFormat } from '../quant/parameters.ts';
import { type Histogram, magnitudesOf, totalOf } from './histogram.ts';
import { type ParameterRange, within } from './searchRange.ts';

/** Elements that are spread evenly from one place to another, in units of cells. */
type Stretch = readonly [start: number, end: number, count: number];

/** From the least to the greatest element. */
function ascending({ first, counts, zeros }: Histogram): Stretch[] {
  const cells = counts.map((count, index): Stretch => [first + index, first + index + 1, count]);
  return [...cells.slice(0, -first), [0, 0, zeros], ...cells.slice(-first)];
}

const mirrored = (stretches: readonly Stretch[]): Stretch[] =>
  stretches.map(([start, end, count]): Stretch => [-end, -start, count]).reverse();

/** The place that so many elements lie before. */
function placeAfter(elements: number, stretches: readonly Stretch[]): number {
  let before = 0;
  let place = 0;
  for (const [start, end, count] of stretches) {
    if (count === 0) continue;
    if (before + count > elements) return start + ((end - start) * (elements - before)) / count;
    before += count;
    place = end;
  }
  return place;
}

/**
 * The range that holds `percentile` % of what a histogram counted, evenly spread within cells: for asymmetric codes as many
 * are left out below as above (as ONNX Runtime does), for symmetric ones those greatest in magnitude (as NVIDIA's tools do).
 */
export function percentileRange(
  histogram: Histogram,
  percentile: number,
  scheme: CodeFormat['scheme'],
): ParameterRange {
  const outside = totalOf(histogram) * (1 - percentile / 100);
  const width = 2 ** histogram.exponent;
  if (scheme === 'symmetric') {
    const magnitudes = magnitudesOf(histogram).map((count, cell): Stretch => [cell, cell + 1, count]);
    const limit = -placeAfter(outside, mirrored([[0, 0, histogram.zeros], ...magnitudes])) * width;
    return within(histogram, -limit, limit);
  }
  const stretches = ascending(histogram);
  const [low, high] = [placeAfter(outside / 2, stretches), -placeAfter(outside / 2, mirrored(stretches))];
  return within(histogram, low * width, high * width);
}
