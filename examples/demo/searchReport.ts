import { breathe } from '../../src/base/pieces.ts';
import type { Distribution } from '../../src/cli/jobs/timing.ts';
import type { Engine } from '../../src/index.ts';
import { SignalToNoise, time } from './measure.ts';
import { bestMatches, type VectorFormat, VectorIndex, type Vectors, vectorFormats } from './vectorIndex.ts';

/** How many matches recall is counted over. */
const recallDepth = 10;

/** How well and how fast one format searches. */
export interface SearchFigures {
  readonly format: VectorFormat;
  /** Share of the 10 best matches in float64 that are among the 10 best, over all vectors as queries; 0 … 1. */
  readonly recallAt10: number;
  /** Of the matrix of all similarities against float64, in dB. */
  readonly sqnrDecibels: number;
  /** Stored vectors with their scales. */
  readonly bytes: number;
  /** All pairs, end to end: upload of the queries, product, readback. */
  readonly milliseconds: Distribution;
}

export interface SearchReport {
  readonly vectorCount: number;
  readonly dimensionCount: number;
  readonly formats: readonly SearchFigures[];
}

/** All dot products in float64, [rowCount, rowCount] row-major. */
async function exactSimilarities({ rowCount, columnCount, data }: Vectors): Promise<Float64Array> {
  const result = new Float64Array(rowCount * rowCount);
  const exact = Float64Array.from(data);
  for (let row = 0; row < rowCount; row++) {
    if (row % 64 === 0) await breathe();
    for (let other = row; other < rowCount; other++) {
      let sum = 0;
      for (let column = 0; column < columnCount; column++) {
        sum += (exact[row * columnCount + column] ?? 0) * (exact[other * columnCount + column] ?? 0);
      }
      result[row * rowCount + other] = sum;
      result[other * rowCount + row] = sum;
    }
  }
  return result;
}

function bestOfEach(similarities: Float32Array | Float64Array, rowCount: number): number[][] {
  return Array.from({ length: rowCount }, (_, row) =>
    bestMatches(similarities.subarray(row * rowCount, (row + 1) * rowCount), row, recallDepth),
  );
}

function recall(expected: readonly number[][], found: readonly number[][]): number {
  let hits = 0;
  let total = 0;
  for (const [row, wanted] of expected.entries()) {
    hits += wanted.filter((index) => found[row]?.includes(index)).length;
    total += wanted.length;
  }
  return hits / total;
}

/**
 * Compares every vector with every other in each format, against float64.
 *
 * @param options.runs how often the product is timed
 */
export async function reportSearch(
  engine: Engine,
  vectors: Vectors,
  options: { readonly runs: number; readonly onProgress?: (line: string) => void },
): Promise<SearchReport> {
  const { rowCount, columnCount, data } = vectors;
  const exact = await exactSimilarities(vectors);
  const expected = bestOfEach(exact, rowCount);
  const formats: SearchFigures[] = [];
  for (const format of vectorFormats) {
    const index = new VectorIndex(engine, vectors, format);
    try {
      const { result, milliseconds } = await time(() => index.similarities(data), options.runs);
      const recallAt10 = recall(expected, bestOfEach(result, rowCount));
      const sqnrDecibels = new SignalToNoise().add(exact, result).decibels;
      formats.push({ format, recallAt10, sqnrDecibels, bytes: index.bytes, milliseconds });
      options.onProgress?.(
        `search: ${format}, recall@${recallDepth} ${(100 * recallAt10).toFixed(2)} %, SQNR ${sqnrDecibels.toFixed(1)} dB, ${Math.round(milliseconds.median)} ms`,
      );
    } finally {
      index.dispose();
    }
  }
  return { vectorCount: rowCount, dimensionCount: columnCount, formats };
}
