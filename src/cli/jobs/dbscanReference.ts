/** Float64 checks of DBSCAN, for the benchmark. */
import type { DbscanFit } from '../../cluster/dbscan/dbscan.ts';
import { sampleOf } from './sampleData.ts';

/** Distances that a check may take: about half a second of plain JavaScript. */
const checkBudget = 2 ** 25;

/**
 * Checks rows of a fit (every one, or a random choice where there are too many) by what defines DBSCAN: core points are
 * those with enough neighbours, neighbouring core points share a label, other points have the lowest label of their core
 * neighbours, or -1.
 *
 * @returns the number of rows that were checked
 * @throws Error with the first row that is wrong
 */
export function assertDensity(
  points: Float32Array,
  columnCount: number,
  { epsilon, minimumPoints }: { readonly epsilon: number; readonly minimumPoints: number },
  { labels, coreIndices }: Pick<DbscanFit, 'labels' | 'coreIndices'>,
): number {
  const rowCount = points.length / columnCount;
  const isCore = new Uint8Array(rowCount);
  for (const row of coreIndices) isCore[row] = 1;
  const neighboursOf = (row: number): number[] => {
    const found: number[] = [];
    for (let other = 0; other < rowCount; other++) {
      let sum = 0;
      for (let column = 0; column < columnCount; column++) {
        const apart = (points[row * columnCount + column] ?? 0) - (points[other * columnCount + column] ?? 0);
        sum += apart * apart;
      }
      if (sum <= epsilon * epsilon) found.push(other);
    }
    return found;
  };

  const checkedRows = Math.min(rowCount, Math.max(1, Math.floor(checkBudget / points.length)));
  for (const row of sampleOf(rowCount, checkedRows, rowCount)) {
    const neighbours = neighboursOf(row);
    const core = neighbours.length >= minimumPoints;
    if (core !== (isCore[row] === 1)) {
      throw new Error(
        `DBSCAN is wrong: point ${row} has ${neighbours.length} neighbours, and is ${core ? 'not ' : ''}called a core point at ${minimumPoints}.`,
      );
    }
    const others = neighbours.filter((other) => isCore[other] === 1).map((other) => labels[other] ?? Number.NaN);
    const expected = others.length === 0 ? -1 : Math.min(...others);
    if (labels[row] !== expected || (core && others.some((label) => label !== expected))) {
      throw new Error(
        `DBSCAN is wrong: point ${row} has label ${labels[row]}, its core neighbours have ${[...new Set(others)]}.`,
      );
    }
  }
  return checkedRows;
}
