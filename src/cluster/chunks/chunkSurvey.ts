import { RangeSums, VarianceSums } from '../points/pointRanges.ts';
import type { PointStatistics } from '../points/pointSet.ts';
import type { ChunkReader, PlacedChunk } from './chunkReader.ts';

/** What a survey is to look for beside ranges. */
export interface SurveyWishes {
  /** Rows whose coordinates to pick. */
  readonly rows: readonly number[];
  /** Row-major coordinates of further points that must fit into the frame. */
  readonly include?: Float64Array | undefined;
}

/** Picks rows out of chunks that come one after the other. */
class RowPicker {
  readonly #columnCount: number;
  /** Places of the rows, in the order in which they come. */
  readonly #order: readonly (readonly [place: number, row: number])[];
  readonly picked: Float64Array<ArrayBuffer>;
  #next = 0;

  constructor(rows: readonly number[], columnCount: number) {
    this.#columnCount = columnCount;
    this.#order = [...rows.entries()].sort(([, a], [, b]) => a - b);
    this.picked = new Float64Array(rows.length * columnCount);
  }

  add({ data, rowCount, firstRow }: PlacedChunk): void {
    const columnCount = this.#columnCount;
    for (let entry = this.#order[this.#next]; entry; entry = this.#order[++this.#next]) {
      const [place, row] = entry;
      if (row >= firstRow + rowCount) return;
      const first = (row - firstRow) * columnCount;
      this.picked.set(data.subarray(first, first + columnCount), place * columnCount);
    }
  }
}

/**
 * Reads all points twice: for their ranges, which give the frame, and for their variance and single rows.
 * @param wishesOf told how many rows there are, after the first reading
 * @returns the statistics, with the bits that `preparePoints` finds for points in one piece, and the rows wished for in
 * their order, row-major
 * @throws InvalidInput for a non-finite coordinate, and what the reader throws
 */
export async function surveyChunks(
  reader: ChunkReader,
  wishesOf: (rowCount: number) => SurveyWishes,
): Promise<{ readonly statistics: PointStatistics; readonly picked: Float64Array<ArrayBuffer> }> {
  const ranges = new RangeSums(reader.columnCount, reader.what);
  for await (const { data } of reader.chunks()) ranges.add(data);
  const { rows, include } = wishesOf(reader.rowCount);
  const plan = ranges.finish(include ? { include } : {});
  const variances = new VarianceSums(plan);
  const picker = new RowPicker(rows, reader.columnCount);
  for await (const chunk of reader.chunks()) {
    variances.add(chunk.data);
    picker.add(chunk);
  }
  const { frame, largest } = plan;
  return { statistics: { frame, largest, meanVariance: variances.mean(reader.rowCount) }, picked: picker.picked };
}
