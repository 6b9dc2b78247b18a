import type { Engine } from '../gpu/engine.ts';

/**
 * Calls `record` for consecutive ranges of `count` rows, each within the work budget of one dispatch where possible. All
 * but the last have a multiple of `granularity` rows.
 */
export function splitWork(
  engine: Engine,
  count: number,
  workPerRow: number,
  granularity: number,
  record: (firstRow: number, endRow: number) => void,
): void {
  const step = Math.max(1, Math.floor(engine.workBudget / workPerRow / granularity)) * granularity;
  for (let firstRow = 0; firstRow < count; firstRow += step) record(firstRow, Math.min(count, firstRow + step));
}
