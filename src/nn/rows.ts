import type { Engine } from '../gpu/engine.ts';

/** Invocations of a workgroup of the kernels that work on rows. */
export const rowWorkgroupSize = 64;

/** Elements from which on a workgroup shares a row. */
const sharedLength = 32;

/**
 * Invocations that share a row: a workgroup where its elements are neighbours in memory and there are enough of them; one
 * where the rows are neighbours, and on the CPU, where a barrier costs more than it saves.
 */
export function lanesOfRows(
  engine: Engine,
  { length, inner }: { readonly length: number; readonly inner: number },
): 1 | 64 {
  return inner === 1 && length >= sharedLength && !engine.info.software ? rowWorkgroupSize : 1;
}

/** What the tests choose and nobody else. */
export interface RowInternals {
  /** In place of what `lanesOfRows` would choose; 64 only where the elements of a row are neighbours. */
  readonly lanes?: 1 | 64;
}
