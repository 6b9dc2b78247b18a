import type { Engine } from '../../gpu/engine.ts';
import { allRows, PairPoints } from '../pairs.ts';
import { type Candidates, distanceError, type Leaves, type LinkedClusters, rowDistance } from './linkage.ts';

/**
 * Clusters by Ward's distance √(2·s·t / (s + t)) · |a − b|, a and b being the means of the clusters and s and t their
 * sizes. Memory: one mean a cluster, in float64 on the CPU and in float32 on the GPU.
 */
export class WardClusters implements LinkedClusters {
  readonly #engine: Engine;
  readonly #columnCount: number;
  #means: Float64Array<ArrayBuffer>;
  #sizes: Float64Array<ArrayBuffer>;

  constructor(engine: Engine, { coordinates, columnCount, weights }: Leaves) {
    this.#engine = engine;
    this.#columnCount = columnCount;
    this.#means = coordinates;
    this.#sizes = weights;
  }

  get count(): number {
    return this.#sizes.length;
  }

  async nearest(rows: Uint32Array<ArrayBuffer>): Promise<readonly Candidates[]> {
    const { count } = this;
    const points = new PairPoints(this.#engine, this.#means, this.#columnCount, 'Agglomerative');
    try {
      const everyone = allRows(count);
      const { index, best, second } = await points.nearest(rows, everyone, Float32Array.from(this.#sizes));
      return Array.from(rows, (row, place) => {
        const low = Math.sqrt(best[place] as number);
        const high = Math.sqrt(second[place] as number);
        // 2·s·t / (s + t) is below 2·s.
        const scale = Math.sqrt(2 * (this.#sizes[row] as number));
        const error = (value: number) => distanceError(value, this.#columnCount, scale);
        if (low + error(low) < high - error(high)) return index[place] as number;
        return othersThan(row, count);
      });
    } finally {
      points.release();
    }
  }

  distance(a: number, b: number): number {
    const s = this.#sizes[a] as number;
    const t = this.#sizes[b] as number;
    return Math.sqrt((2 * s * t) / (s + t)) * rowDistance(this.#means, a, b, this.#columnCount);
  }

  merge(parts: readonly (readonly number[])[]): void {
    const columnCount = this.#columnCount;
    const means = new Float64Array(parts.length * columnCount);
    const sizes = new Float64Array(parts.length);
    parts.forEach(([first = 0, second], cluster) => {
      const row = this.#means.subarray(first * columnCount, (first + 1) * columnCount);
      const size = this.#sizes[first] as number;
      if (second === undefined) {
        means.set(row, cluster * columnCount);
        sizes[cluster] = size;
        return;
      }
      const other = this.#sizes[second] as number;
      const total = size + other;
      for (let column = 0; column < columnCount; column++) {
        const value = this.#means[second * columnCount + column] as number;
        means[cluster * columnCount + column] = ((row[column] as number) * size + value * other) / total;
      }
      sizes[cluster] = total;
    });
    this.#means = means;
    this.#sizes = sizes;
  }

  release(): void {
    // Nothing is held between two searches.
  }
}

function othersThan(own: number, count: number): Iterable<number> {
  return {
    *[Symbol.iterator]() {
      for (let other = 0; other < count; other++) if (other !== own) yield other;
    },
  };
}
