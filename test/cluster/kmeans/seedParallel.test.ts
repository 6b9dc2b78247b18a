import { describe, expect, it } from 'vitest';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { firstSeed, seedGrid } from '../../../src/cluster/kmeans/seeding.ts';
import { seedParallel } from '../../../src/cluster/kmeans/seedParallel.ts';
import type { PointSet } from '../../../src/cluster/points/pointSet.ts';
import { wholeWeights } from '../../../src/cluster/points/weights.ts';
import { philox, randomBits, randomKey, streamWords } from '../../../src/cluster/random.ts';
import { roundHalfEven } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs, unpad, withState } from '../support.ts';

const open = useEngine();

/** Squared distances on the grid, and seeding in BigInt. */
class Reference {
  readonly #grid: readonly number[];
  readonly #columnCount: number;
  readonly #points: PointSet;
  readonly #weights: readonly bigint[];

  constructor(coordinates: Float32Array, points: PointSet) {
    const { scale, bound } = seedGrid(points.columnCount, points.meanVariance);
    this.#grid = Array.from(coordinates, (value) => roundHalfEven(Math.max(-bound, Math.min(bound, value * scale))));
    this.#columnCount = points.columnCount;
    this.#points = points;
    this.#weights = Array.from({ length: points.rowCount }, (_, row) => BigInt(points.weights?.values[row] ?? 1));
  }

  #square(a: number, b: number): bigint {
    let sum = 0;
    for (let column = 0; column < this.#columnCount; column++) {
      const at = (row: number): number => this.#grid[row * this.#columnCount + column] ?? 0;
      sum += (at(a) - at(b)) ** 2;
    }
    return BigInt(sum);
  }

  /** For each point, its nearest candidate and how far that is. */
  #nearest(candidates: readonly number[]): { readonly place: number; readonly square: bigint }[] {
    return this.#weights.map((_, row) => {
      let best = { place: 0, square: this.#square(row, candidates[0] ?? 0) };
      for (const [place, candidate] of candidates.entries()) {
        const square = this.#square(row, candidate);
        if (square < best.square) best = { place, square };
      }
      return best;
    });
  }

  candidates(seed: number, clusterCount: number): number[] {
    const candidates = [firstSeed(this.#points, seed)];
    for (let round = 0; round < 5; round++) {
      const costs = this.#nearest(candidates).map(({ square }, row) => square * (this.#weights[row] ?? 0n));
      const total = costs.reduce((sum, cost) => sum + cost, 0n);
      if (total === 0n) break;
      for (const [row, cost] of costs.entries()) {
        const [random] = philox([row, round, streamWords.candidates, 0], randomKey(seed));
        if (cost * BigInt(2 * clusterCount) > (BigInt(random) * total) >> 32n) candidates.push(row);
      }
    }
    return candidates;
  }

  /** The rows that weighted k-means++ chooses among candidates. */
  seeds(seed: number, clusterCount: number): number[] {
    const candidates = this.candidates(seed, clusterCount);
    const weights = candidates.map(() => 0n);
    for (const [row, { place }] of this.#nearest(candidates).entries()) {
      weights[place] = (weights[place] ?? 0n) + (this.#weights[row] ?? 0n);
    }
    const draw = (step: number, shares: readonly bigint[]): number => {
      const { low, high } = randomBits(seed, 'seeds', step);
      const total = shares.reduce((sum, share) => sum + share, 0n);
      let remaining = (((BigInt(high) << 32n) | BigInt(low)) * total) >> 64n;
      return shares.findIndex((share) => {
        remaining -= share;
        return remaining < 0n;
      });
    };
    const chosen = [draw(0, weights)];
    while (chosen.length < clusterCount) {
      const shares = candidates.map((candidate, place) => {
        const squares = chosen.map((seeded) => this.#square(candidate, candidates[seeded] ?? 0));
        const [least = 0n] = squares.sort((a, b) => Number(a - b));
        return least * (weights[place] ?? 0n);
      });
      chosen.push(draw(chosen.length, shares));
    }
    return chosen.map((place) => candidates[place] ?? -1);
  }
}

async function expectSeeds(
  rowCount: number,
  columnCount: number,
  clusterCount: number,
  weighted: boolean,
  partBytes?: number,
) {
  const engine = await open();
  const data = blobs(rowCount, rowCount, columnCount, 5);
  await withState(
    engine,
    data,
    columnCount,
    clusterCount,
    async (state, coordinates) => {
      const random = createRandom(3);
      const weights = Float64Array.from({ length: rowCount }, () => random.integer(0, 4) * random.uniform());
      if (weighted) state.points.weigh(wholeWeights(weights, rowCount, 'test'));
      await seedParallel(state, 12, () => undefined);
      const reference = new Reference(coordinates, state.points);
      const rows = reference.seeds(12, clusterCount);
      expect(reference.candidates(12, clusterCount).length).toBeGreaterThan(2 * clusterCount);
      expect(new Set(rows).size).toBe(clusterCount);
      const expected = rows.flatMap((row) => [...coordinates.subarray(row * columnCount, (row + 1) * columnCount)]);
      expect([...unpad(await state.readCentroids(), columnCount)]).toEqual(expected);
    },
    partBytes,
  );
}

describe('k-means|| draws the rows that exact arithmetic draws', () => {
  it('1025 × 3, 7 clusters', () => expectSeeds(1025, 3, 7, false));
  it('2100 × 4, 5 clusters, weighted, in parts', () => expectSeeds(2100, 4, 5, true, 1024 * 16));
});

it('of as many clusters as points, and of fewer different points', async () => {
  const engine = await open();
  const data = blobs(5, 20, 2, 3);
  const fit = await new KMeans({ clusters: 20, init: 'k-means||' }).fit(engine, { data, rowCount: 20, columnCount: 2 });
  expect(fit.inertia).toBeLessThan(1e-9);
  const few = await new KMeans({ clusters: 4, init: 'k-means||' }).fit(engine, {
    data: Float64Array.of(1, 1, 5, 5, 5, 1),
    rowCount: 6,
    columnCount: 1,
  });
  expect(few.sizes.filter((size) => size > 0).length).toBe(2);
  expect(few.inertia).toBe(0);
});

it('starts better than random rows', async () => {
  const engine = await open();
  const points = { data: blobs(9, 1500, 3, 30, 0.1), rowCount: 1500, columnCount: 3 };
  const total = { random: 0, 'k-means||': 0 };
  for (const init of ['random', 'k-means||'] as const) {
    for (let seed = 0; seed < 3; seed++) {
      total[init] += (await new KMeans({ clusters: 30, init, seed, maximumIterations: 1 }).fit(engine, points)).inertia;
    }
  }
  expect(total['k-means||']).toBeLessThan(0.6 * total.random);
});
