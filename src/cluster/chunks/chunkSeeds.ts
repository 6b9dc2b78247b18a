import { type SeedGrid, seedGrid } from '../kmeans/seeding.ts';
import { type Frame, toFrame } from '../points/frame.ts';
import { randomIndex, randomShare } from '../random.ts';
import type { ChunkReader } from './chunkReader.ts';

/** Rows whose squares have one sum. */
const blockRows = 1024;

/** Added to and taken from a small number it leaves the nearest whole one, ties to even, as WGSL's `round` does. */
const rounder = 1.5 * 2 ** 52;

/** Writes coordinates in the frame to `whole` as whole numbers on the grid. */
function toGrid(framed: Float32Array, { scale, bound }: SeedGrid, whole: Int32Array): void {
  for (let index = 0; index < framed.length; index++) {
    const value = Math.max(-bound, Math.min(bound, (framed[index] as number) * scale));
    whole[index] = value + rounder - rounder;
  }
}

/** Squared distances of all rows to their nearest seed, in whole numbers below 2^32, and their sums. */
class SeedDistances {
  readonly #reader: ChunkReader;
  readonly #frame: Frame;
  readonly #grid: SeedGrid;
  readonly #squares: Uint32Array;
  readonly #blockSums: Float64Array;

  constructor(reader: ChunkReader, frame: Frame, grid: SeedGrid) {
    this.#reader = reader;
    this.#frame = frame;
    this.#grid = grid;
    this.#squares = new Uint32Array(reader.rowCount).fill(0xffffffff);
    this.#blockSums = new Float64Array(Math.ceil(reader.rowCount / blockRows));
  }

  /** Takes a seed, in the frame, into account. */
  async approach(seed: Float32Array): Promise<void> {
    const rowFloats = seed.length;
    const newest = new Int32Array(rowFloats);
    toGrid(seed, this.#grid, newest);
    const points = new Int32Array(blockRows * rowFloats);
    const squares = this.#squares;
    const blockSums = this.#blockSums.fill(0);
    for await (const { firstRow, rowCount, framed } of this.#reader.framed(this.#frame, blockRows)) {
      toGrid(framed, this.#grid, points);
      let sum = 0;
      for (let row = 0, index = 0; row < rowCount; row++) {
        let square = 0;
        for (let column = 0; column < rowFloats; column++, index++) {
          const apart = (points[index] as number) - (newest[column] as number);
          square += apart * apart;
        }
        const least = Math.min(square, squares[firstRow + row] as number);
        squares[firstRow + row] = least;
        sum += least;
      }
      blockSums[firstRow / blockRows] = sum;
    }
  }

  /** The row that seed number `seed` is drawn at. */
  draw(randomSeed: number, seed: number): number {
    const blockSums = this.#blockSums;
    const squares = this.#squares;
    let total = 0n;
    for (const sum of blockSums) total += BigInt(sum);
    if (total === 0n) return randomIndex(randomSeed, 'seeds', seed, squares.length);
    let remaining = randomShare(randomSeed, 'seeds', seed, total);
    let block = 0;
    for (; remaining >= BigInt(blockSums[block] as number); block++) remaining -= BigInt(blockSums[block] as number);
    let row = block * blockRows;
    for (let left = Number(remaining); left >= (squares[row] as number); row++) left -= squares[row] as number;
    return row;
  }
}

/**
 * k-means++ over chunks, with the same draws as `seedPlusPlus` makes over points in one piece, see there. The points are
 * read once for each seed, and stay on the CPU: bringing them into their frame takes longer than these distances, which
 * are whole numbers and so the same everywhere. Takes 4 bytes a point.
 * @returns [clusters][rowFloats] in the frame
 */
export async function seedChunks(
  reader: ChunkReader,
  frame: Frame,
  meanVariance: number,
  clusterCount: number,
  randomSeed: number,
): Promise<Float32Array<ArrayBuffer>> {
  const rowFloats = Math.ceil(reader.columnCount / 4) * 4;
  const seeds = new Float32Array(clusterCount * rowFloats);
  const distances = new SeedDistances(reader, frame, seedGrid(reader.columnCount, meanVariance));
  let row = randomIndex(randomSeed, 'seeds', 0, reader.rowCount);
  for (let seed = 0; seed < clusterCount; seed++) {
    const point = toFrame(await reader.readRow(row), frame, 0, 1);
    seeds.set(point, seed * rowFloats);
    if (seed + 1 === clusterCount) break;
    await distances.approach(point);
    row = distances.draw(randomSeed, seed + 1);
  }
  return seeds;
}
