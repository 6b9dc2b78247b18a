import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import { mergeNearest, PairPoints, upload } from '../pairs.ts';
import { type Candidates, distanceError, type Leaves, type LinkedClusters, rowDistance, unit } from './linkage.ts';

const nearestKernel = declareKernel({
  name: 'cluster/linkageNearest',
  uniforms: { firstRow: 'u32', endRow: 'u32', clusterCount: 'u32' },
  bindings: { matrix: 'read', rows: 'read', results: 'write' },
});

const mergeKernel = declareKernel({
  name: 'cluster/linkageMerge',
  uniforms: { firstElement: 'u32', endElement: 'u32', formerCount: 'u32', columnCount: 'u32' },
  bindings: { matrix: 'read', rows: 'read', columns: 'read', merged: 'write' },
});

const width = 64;
const lanes = 16;
/** Bytes of distances that are read back at once. */
const readBytes = 16 << 20;
/** Roundings of one mean of four distances and of its shares. */
const meanRoundings = 8;

/** Two former clusters and their shares, as the shader reads them. */
type Parts = Uint32Array<ArrayBuffer>;

function partsOf(entries: readonly (readonly [number, number, number, number])[]): Parts {
  const words = new Uint32Array(entries.length * 4);
  const floats = new Float32Array(words.buffer);
  entries.forEach(([first, second, firstShare, secondShare], at) => {
    words.set([first, second], at * 4);
    floats.set([firstShare, secondShare], at * 4 + 2);
  });
  return words;
}

function unmerged(rows: Iterable<number>): Parts {
  return partsOf(Array.from(rows, (row) => [row, row, 1, 0]));
}

/**
 * Clusters by the greatest or the mean distance between their leaves. Memory: a matrix of the distances on the GPU, 4
 * bytes a pair, and the next, smaller one beside it.
 */
export class MatrixClusters implements LinkedClusters {
  readonly #engine: Engine;
  readonly #complete: boolean;
  readonly #leaves: Leaves;
  /** Leaves of each cluster. */
  #members: (readonly number[])[];
  #sizes: number[];
  /** How often means were taken of means, at most. */
  #depth = 0;
  #matrix: Allocation;

  /** @throws LimitExceeded for more leaves than the matrix has room for in one binding */
  constructor(engine: Engine, leaves: Leaves, linkage: 'complete' | 'average') {
    this.#engine = engine;
    this.#complete = linkage === 'complete';
    this.#leaves = leaves;
    this.#sizes = [...leaves.weights];
    this.#members = this.#sizes.map((_, leaf) => [leaf]);
    const points = new PairPoints(engine, leaves.coordinates, leaves.columnCount, 'Agglomerative');
    try {
      this.#matrix = points.distances('Agglomerative');
    } finally {
      points.release();
    }
  }

  get count(): number {
    return this.#sizes.length;
  }

  async nearest(rows: Uint32Array<ArrayBuffer>): Promise<readonly Candidates[]> {
    const engine = this.#engine;
    const list = upload(engine, rows);
    const results = engine.allocate(rows.length * lanes * 12);
    let words: Uint32Array<ArrayBuffer>;
    try {
      for (const { first: firstRow, end: endRow, work } of workRuns(engine, rows.length, this.count * 6, 1)) {
        engine.run(nearestKernel, {
          uniforms: { firstRow, endRow, clusterCount: this.count },
          bindings: { matrix: this.#matrix, rows: list, results },
          workgroups: Math.ceil(((endRow - firstRow) * lanes) / width),
          work,
          variant: { constants: { WIDTH: width, LANES: lanes } },
        });
      }
      words = new Uint32Array(await engine.readBytes(results, rows.length * lanes * 12));
    } finally {
      list.release();
      results.release();
    }
    const { index, best, second } = mergeNearest(words, rows.length, lanes);
    const candidates: Candidates[] = [...index];
    const open = Array.from(rows.keys()).filter((place) => {
      const low = best[place] as number;
      const high = second[place] as number;
      return low + this.#error(low) >= high - this.#error(high);
    });
    const step = Math.max(1, Math.floor(readBytes / (this.count * 4)));
    for (let first = 0; first < open.length; first += step) {
      const chunk = open.slice(first, first + step);
      const read = await this.#readRows(chunk.map((place) => rows[place] as number));
      chunk.forEach((place, position) => {
        const limit = best[place] as number;
        const distances = read.subarray(position * this.count, (position + 1) * this.count);
        candidates[place] = this.#within(distances, rows[place] as number, limit + this.#error(limit));
      });
    }
    return candidates;
  }

  distance(a: number, b: number): number {
    const { coordinates, columnCount, weights } = this.#leaves;
    const lower = this.#members[Math.min(a, b)] ?? [];
    const upper = this.#members[Math.max(a, b)] ?? [];
    let greatest = 0;
    let sum = 0;
    for (const left of lower) {
      for (const right of upper) {
        const distance = rowDistance(coordinates, left, right, columnCount);
        if (distance > greatest) greatest = distance;
        sum += distance * (weights[left] as number) * (weights[right] as number);
      }
    }
    // One division, so that the order of a and b makes no difference.
    return this.#complete ? greatest : sum / ((this.#sizes[a] as number) * (this.#sizes[b] as number));
  }

  merge(parts: readonly (readonly number[])[]): void {
    const shares = partsOf(
      parts.map(([first = 0, second]) => {
        if (second === undefined) return [first, first, 1, 0];
        const size = this.#sizes[first] as number;
        const other = this.#sizes[second] as number;
        return [first, second, size / (size + other), other / (size + other)];
      }),
    );
    const next = this.#record(shares, shares);
    this.#matrix.release();
    this.#matrix = next;
    this.#members = parts.map((former) => former.flatMap((cluster) => this.#members[cluster] ?? []));
    this.#sizes = parts.map((former) => former.reduce((sum, cluster) => sum + (this.#sizes[cluster] as number), 0));
    this.#depth++;
  }

  release(): void {
    this.#matrix.release();
  }

  /** Bound of the error of a distance of the matrix. */
  #error(distance: number): number {
    const roundings = this.#complete ? 0 : this.#depth * meanRoundings * unit;
    return distanceError(distance, this.#leaves.columnCount) + distance * roundings;
  }

  /** The clusters that may be no farther than `limit`. */
  #within(distances: Float32Array, own: number, limit: number): number[] {
    const close: number[] = [];
    distances.forEach((distance, other) => {
      if (other !== own && distance - this.#error(distance) <= limit) close.push(other);
    });
    return close;
  }

  async #readRows(rows: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const copied = this.#record(unmerged(rows), unmerged(Array(this.count).keys()));
    try {
      return new Float32Array(await this.#engine.readBytes(copied, rows.length * this.count * 4));
    } finally {
      copied.release();
    }
  }

  /** Records the distances of clusters made of the present ones, [rows][columns]. */
  #record(rows: Parts, columns: Parts): Allocation {
    const engine = this.#engine;
    const columnCount = columns.length / 4;
    const elements = (rows.length / 4) * columnCount;
    const merged = engine.allocate(elements * 4);
    const held = [upload(engine, rows), upload(engine, columns)] as const;
    for (const { first: firstElement, end: endElement, work } of workRuns(engine, elements, 16, width)) {
      engine.run(mergeKernel, {
        uniforms: { firstElement, endElement, formerCount: this.count, columnCount },
        bindings: { matrix: this.#matrix, rows: held[0], columns: held[1], merged },
        workgroups: Math.ceil((endElement - firstElement) / width),
        work,
        variant: { conditions: { complete: this.#complete }, constants: { WIDTH: width } },
      });
    }
    for (const allocation of held) allocation.release();
    return merged;
  }
}
