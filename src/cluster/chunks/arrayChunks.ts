import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { PointChunks } from '../../base/pointChunks.ts';
import { assertHostPoints, type HostPoints } from '../points/points.ts';

/**
 * Points that are in memory as chunks: one array, or several of the same width one after the other.
 * @param chunkRows most rows of a chunk, at least 1; default 65,536
 * @throws ShapeMismatch for no array, for arrays of different widths and for one whose length is not rowCount · columnCount,
 * InvalidInput for an impossible chunkRows and what is no array of floats
 */
export function arrayChunks(points: HostPoints | readonly HostPoints[], chunkRows = 65_536): PointChunks {
  const arrays = Array.isArray(points) ? points : [points];
  for (const array of arrays) assertHostPoints(array, 'arrayChunks');
  const columnCount = arrays[0]?.columnCount ?? 0;
  const other = arrays.find((array) => array.columnCount !== columnCount);
  if (arrays.length === 0 || other) {
    throw new ShapeMismatch(
      `arrayChunks: ${other ? `arrays of ${columnCount} and ${other.columnCount} columns` : 'no array'}; give at least one, and all with the same columns.`,
    );
  }
  if (!Number.isSafeInteger(chunkRows) || chunkRows < 1) {
    throw new InvalidInput(
      `arrayChunks: chunkRows is ${chunkRows}; it must be a whole number of at least 1. Leave it out for 65,536.`,
    );
  }
  return {
    columnCount,
    rowCount: arrays.reduce((sum, { rowCount }) => sum + rowCount, 0),
    async *chunks() {
      for (const { data, rowCount } of arrays) {
        for (let first = 0; first < rowCount; first += chunkRows) {
          const count = Math.min(chunkRows, rowCount - first);
          yield { data: data.subarray(first * columnCount, (first + count) * columnCount), rowCount: count };
        }
      }
    },
    async readRows(first, count) {
      const rows = new Float64Array(count * columnCount);
      let begin = 0;
      for (const { data, rowCount } of arrays) {
        const from = Math.max(first, begin);
        const to = Math.min(first + count, begin + rowCount);
        if (from < to) {
          rows.set(
            data.subarray((from - begin) * columnCount, (to - begin) * columnCount),
            (from - first) * columnCount,
          );
        }
        begin += rowCount;
      }
      return rows;
    },
  };
}
