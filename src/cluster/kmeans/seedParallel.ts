import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import { recordGather } from '../points/gather.ts';
import { type PointPart, PointSet, partRows } from '../points/pointSet.ts';
import { randomKey, streamWords } from '../random.ts';
import { blockRows, firstSeed, recordGrid, type SeedPart, seedPlusPlus, weightsOf } from './seeding.ts';
import { ClusterState } from './state.ts';

const drawKernel = declareKernel({
  name: 'cluster/seedDraw',
  uniforms: {
    firstWord: 'u32',
    endWord: 'u32',
    rowCount: 'u32',
    partRow: 'u32',
    drawn: 'u32',
    round: 'u32',
    stream: 'u32',
    keyLow: 'u32',
    keyHigh: 'u32',
    totalLow: 'u32',
    totalHigh: 'u32',
  },
  bindings: { squares: 'read', weights: 'read', chosen: 'write' },
});

const nearestKernel = declareKernel({
  name: 'cluster/seedNearest',
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    firstBlock: 'u32',
    first: 'u32',
    candidateStart: 'u32',
    candidateEnd: 'u32',
    firstCandidate: 'u32',
  },
  bindings: {
    packed: 'read',
    candidates: 'read',
    weights: 'read',
    squares: 'write',
    nearest: 'write',
    blockSums: 'write',
  },
});

const width = 64;
/** Candidates that a round draws for each cluster, about. */
const oversampling = 2;
/** Rounds of drawing: five do as well as more (Bahmani et al., section 5). */
const rounds = 5;
/** Candidates that one dispatch compares with. */
const largestBatch = 1024;

/** Draws candidates for one seeding. Holds GPU memory until `release()`. */
class Candidates {
  /** Numbers of the points that are candidates, in the order in which they were drawn. */
  readonly rows: number[] = [];
  readonly #state: ClusterState;
  readonly #parts: readonly SeedPart[];
  readonly #masks: readonly Allocation[];
  readonly #squares: Allocation;
  readonly #nearest: Allocation;
  readonly #blockSums: Allocation;
  readonly #held: Allocation[] = [];

  constructor(state: ClusterState) {
    const { rowVectors, rowCount, parts } = state.points;
    this.#state = state;
    try {
      this.#parts = parts.map((part) => ({ part, packed: this.#allocate(part.rowCount * rowVectors * 8) }));
      this.#masks = parts.map((part) => this.#allocate(Math.ceil(part.rowCount / 32) * 4));
      this.#squares = this.#allocate(rowCount * 4);
      this.#nearest = this.#allocate(rowCount * 4);
      this.#blockSums = this.#allocate(Math.ceil(rowCount / blockRows) * 8);
    } catch (error) {
      this.release();
      throw error;
    }
    for (const part of this.#parts) recordGrid(state.points, part);
  }

  release(): void {
    for (const allocation of this.#held.splice(0)) allocation.release();
  }

  /** Makes these points candidates. */
  add(rows: readonly number[]): void {
    const { engine, points } = this.#state;
    const chosen = engine.allocate(rows.length * points.rowFloats * 4);
    const packed = engine.allocate(rows.length * points.rowVectors * 8);
    recordGather(points, rows, chosen);
    recordGrid(points, { part: { firstRow: 0, rowCount: rows.length, points: chosen }, packed });
    for (const part of this.#parts) this.#recordNearest(part, packed, rows.length);
    chosen.release();
    packed.release();
    for (const row of rows) this.rows.push(row);
  }

  /** The weighted squared distances of all points to their nearest candidates, in sum. */
  async total(): Promise<bigint> {
    const { engine, points } = this.#state;
    const blockCount = Math.ceil(points.rowCount / blockRows);
    const sums = new BigUint64Array(await engine.readBytes(this.#blockSums, blockCount * 8));
    return sums.reduce((sum, block) => sum + block, 0n);
  }

  /** The points that a round draws, in ascending order. */
  async draw(seed: number, round: number, total: bigint): Promise<number[]> {
    const { engine } = this.#state;
    this.#parts.forEach((part, index) => {
      this.#recordDraw(part, this.#masks[index] as Allocation, seed, round, total);
    });
    const rows: number[] = [];
    for (const [index, { part }] of this.#parts.entries()) {
      const size = Math.ceil(part.rowCount / 32) * 4;
      const words = new Uint32Array(await engine.readBytes(this.#masks[index] as Allocation, size));
      for (const [place, word] of words.entries()) {
        for (let bits = word; bits !== 0; bits &= bits - 1) {
          rows.push(part.firstRow + place * 32 + 31 - Math.clz32(bits & -bits));
        }
      }
    }
    return rows;
  }

  /** For each candidate, what the points weigh in sum that it is the nearest to. */
  async weights(): Promise<Uint32Array<ArrayBuffer>> {
    const { engine, points } = this.#state;
    const nearest = new Uint32Array(await engine.readBytes(this.#nearest, points.rowCount * 4));
    const sums = new Uint32Array(this.rows.length);
    for (const [row, candidate] of nearest.entries()) {
      sums[candidate] = (sums[candidate] as number) + (points.weights?.values[row] ?? 1);
    }
    return sums;
  }

  #allocate(size: number): Allocation {
    const allocation = this.#state.engine.allocate(size);
    this.#held.push(allocation);
    return allocation;
  }

  #recordNearest({ part, packed }: SeedPart, candidates: Allocation, count: number): void {
    const state = this.#state;
    const { engine, points } = state;
    const first = this.rows.length === 0 ? 1 : 0;
    for (let candidateStart = 0; candidateStart < count; candidateStart += largestBatch) {
      const candidateEnd = Math.min(candidateStart + largestBatch, count);
      const workPerRow = (candidateEnd - candidateStart) * points.rowVectors * 30;
      for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, blockRows)) {
        engine.run(nearestKernel, {
          uniforms: {
            firstRow,
            endRow,
            firstBlock: (part.firstRow + firstRow) / blockRows,
            first: candidateStart === 0 ? first : 0,
            candidateStart,
            candidateEnd,
            firstCandidate: this.rows.length,
          },
          bindings: {
            packed,
            candidates,
            weights: weightsOf(state, part, packed),
            squares: state.rowsOf(this.#squares, part),
            nearest: state.rowsOf(this.#nearest, part),
            blockSums: this.#blockSums,
          },
          workgroups: Math.ceil((endRow - firstRow) / blockRows),
          work,
          variant: {
            conditions: { weighted: points.weights !== undefined },
            constants: { WIDTH: engine.info.software ? 64 : 256, VECTORS: points.rowVectors },
          },
        });
      }
    }
  }

  #recordDraw({ part, packed }: SeedPart, chosen: Allocation, seed: number, round: number, total: bigint): void {
    const state = this.#state;
    const { engine, points, clusterCount } = state;
    const [keyLow, keyHigh] = randomKey(seed);
    const wordCount = Math.ceil(part.rowCount / 32);
    for (const { first, end, work } of workRuns(engine, wordCount, 32 * 500, width)) {
      engine.run(drawKernel, {
        uniforms: {
          firstWord: first,
          endWord: end,
          rowCount: part.rowCount,
          partRow: part.firstRow,
          drawn: oversampling * clusterCount,
          round,
          stream: streamWords.candidates,
          keyLow,
          keyHigh,
          totalLow: Number(total & 0xffffffffn),
          totalHigh: Number(total >> 32n),
        },
        bindings: {
          squares: state.rowsOf(this.#squares, part),
          weights: weightsOf(state, part, packed),
          chosen,
        },
        workgroups: Math.ceil((end - first) / width),
        work,
        variant: { conditions: { weighted: points.weights !== undefined }, constants: { WIDTH: width } },
      });
    }
  }
}

/** Points of a set, with other weights, as a set of their own. */
function subset(points: PointSet, rows: readonly number[], weights: Uint32Array<ArrayBuffer>): PointSet {
  const { engine, columnCount, rowFloats, frame, meanVariance } = points;
  const parts: PointPart[] = [];
  const step = partRows(engine, columnCount);
  for (let firstRow = 0; firstRow < rows.length; firstRow += step) {
    const chosen = rows.slice(firstRow, firstRow + step);
    const part = { firstRow, rowCount: chosen.length, points: engine.allocate(chosen.length * rowFloats * 4) };
    recordGather(points, chosen, part.points);
    parts.push(part);
  }
  const largest = new Float64Array(columnCount).fill(1);
  const set = new PointSet(engine, { rowCount: rows.length, columnCount }, { frame, largest, meanVariance }, parts);
  set.weigh({ values: weights, total: weights.reduce((sum, weight) => sum + weight, 0) });
  return set;
}

/**
 * Seeds by k-means‖ (B. Bahmani et al., "Scalable k-means++", 2012): a few rounds in which each point becomes a candidate
 * with a probability proportional to its squared distance to the nearest candidate so far (times its weight), about two a
 * cluster; each candidate then weighs as much as the points it is the nearest to, and k-means++ chooses the seeds among
 * them. Passes over the points do not grow with the number of clusters, as those of `seedPlusPlus` do. Draws are decided
 * in integers from random numbers of point and round, so every adapter draws the same. Where there are fewer candidates
 * than clusters, k-means++ chooses among all points.
 * @param afterSeed called after each seed was recorded; may throw to stop
 */
export async function seedParallel(
  state: ClusterState,
  randomSeed: number,
  afterSeed: () => Promise<void> | void,
): Promise<void> {
  const { engine, points, clusterCount, centroids, paddedCount } = state;
  const seedRows = engine.allocate(clusterCount * 4);
  const candidates = new Candidates(state);
  try {
    candidates.add([firstSeed(points, randomSeed)]);
    for (let round = 0; round < rounds; round++) {
      const total = await candidates.total();
      if (total === 0n) break;
      const drawn = await candidates.draw(randomSeed, round, total);
      if (drawn.length > 0) candidates.add(drawn);
    }
    if (candidates.rows.length < clusterCount) {
      await seedPlusPlus(state, randomSeed, seedRows, afterSeed);
      return;
    }
    const weighed = subset(points, candidates.rows, await candidates.weights());
    try {
      const seeds = new ClusterState(weighed, clusterCount);
      try {
        await seedPlusPlus(seeds, randomSeed, seedRows, afterSeed);
        engine.copy(seeds.centroids, centroids, paddedCount * points.rowFloats * 4);
      } finally {
        seeds.release();
      }
    } finally {
      weighed.release();
    }
  } finally {
    candidates.release();
    seedRows.release();
  }
}
