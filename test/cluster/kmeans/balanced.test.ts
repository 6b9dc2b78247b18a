import { describe, expect, it } from 'vitest';
import { Aborted, LimitExceeded } from '../../../src/base/errors.ts';
import { BalancedKMeans } from '../../../src/cluster/kmeans/balanced.ts';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { balancedLabels, type Capacity } from '../../../src/cluster/kmeans/transport.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';

const open = useEngine();

/** The least cost of all assignments that keep to the capacity, by trying every one. */
function leastCost(costs: Float64Array, clusterCount: number, { least, most }: Capacity): number {
  const rowCount = costs.length / clusterCount;
  const counts = new Array<number>(clusterCount).fill(0);
  const search = (row: number, sum: number): number => {
    if (row === rowCount) return counts.every((count) => count >= least) ? sum : Number.POSITIVE_INFINITY;
    let best = Number.POSITIVE_INFINITY;
    for (let cluster = 0; cluster < clusterCount; cluster++) {
      if ((counts[cluster] ?? 0) >= most) continue;
      counts[cluster] = (counts[cluster] ?? 0) + 1;
      best = Math.min(best, search(row + 1, sum + (costs[row * clusterCount + cluster] ?? 0)));
      counts[cluster] = (counts[cluster] ?? 0) - 1;
    }
    return best;
  };
  return search(0, 0);
}

describe('the assignment', () => {
  it.each([
    { rows: 7, clusters: 3, capacity: { least: 2, most: 3 } },
    { rows: 8, clusters: 2, capacity: { least: 4, most: 4 } },
    { rows: 6, clusters: 4, capacity: { least: 0, most: 2 } },
    { rows: 7, clusters: 4, capacity: { least: 1, most: 4 } },
    { rows: 5, clusters: 5, capacity: { least: 1, most: 1 } },
  ])('$rows rows to $clusters clusters, $capacity: as good as the best of all', ({ rows, clusters, capacity }) => {
    const random = createRandom(rows * 10 + clusters);
    for (let trial = 0; trial < 40; trial++) {
      // Whole numbers have many ties; most rows prefer the first clusters.
      const costs = Float64Array.from({ length: rows * clusters }, (_, entry) =>
        trial % 2 === 0 ? random.integer(0, 5) + (entry % clusters) : random.uniform() * (1 + (entry % clusters)),
      );
      const labels = balancedLabels(costs, clusters, capacity);
      const counts = new Array<number>(clusters).fill(0);
      let cost = 0;
      for (const [row, label] of labels.entries()) {
        counts[label] = (counts[label] ?? 0) + 1;
        cost += costs[row * clusters + label] ?? 0;
      }
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(capacity.least);
      expect(Math.max(...counts)).toBeLessThanOrEqual(capacity.most);
      expect(cost).toBeCloseTo(leastCost(costs, clusters, capacity), 9);
    }
  });
});

describe('clusters', () => {
  // Three blobs of 300, 60 and 43 points.
  const columnCount = 2;
  const noise = blobs(81, 403, columnCount, 1, 0.5);
  const data = noise.map((value, index) => value + (index < 600 ? 0 : index < 720 ? 30 : 60));
  const points = { data, rowCount: 403, columnCount };

  const blobCentres = Float64Array.of(5, 5, 35, 35, 65, 65);

  it('of equal sizes, twice the same bits', async () => {
    const engine = await open();
    const fit = await new BalancedKMeans({ clusters: 4, seed: 1 }).fit(engine, points);
    expect([...fit.sizes].sort()).toEqual([100, 101, 101, 101]);
    expect(fit.converged).toBe(true);
    const free = await new KMeans({ clusters: 4, seed: 1 }).fit(engine, points);
    expect(fit.inertia).toBeGreaterThan(free.inertia);
    const sums = new Float64Array(8);
    for (const [row, label] of fit.labels.entries()) {
      for (let column = 0; column < 2; column++)
        sums[label * 2 + column] = (sums[label * 2 + column] ?? 0) + (data[row * 2 + column] ?? 0);
    }
    for (const [index, sum] of sums.entries())
      expect(fit.centroids[index]).toBeCloseTo(sum / (fit.sizes[index >> 1] ?? 1), 9);
    const shown: { iteration: number; labels: Int32Array; centroids: Float64Array }[] = [];
    const again = await new BalancedKMeans({ clusters: 4, seed: 1 }).fit(engine, points, {
      onIteration: async ({ iteration, labels, readCentroids }) => {
        shown.push({ iteration, labels: await labels.read(), centroids: await readCentroids() });
      },
    });
    expect(await again.labelsSha256()).toBe(await fit.labelsSha256());
    expect(shown.map(({ iteration }) => iteration)).toEqual(Array.from({ length: fit.iterations }, (_, i) => i + 1));
    expect(shown.at(-1)).toMatchObject({ labels: fit.labels, centroids: fit.centroids });
  });

  it('of at most a share; with room enough, those of KMeans', async () => {
    const engine = await open();
    const half = await new BalancedKMeans({ clusters: 3, init: blobCentres, maximumShare: 0.5 }).fit(engine, points);
    expect(Math.max(...half.sizes)).toBe(202);
    const options = { clusters: 3, seed: 4, tolerance: 0 };
    const free = await new KMeans(options).fit(engine, points);
    const roomy = await new BalancedKMeans({ ...options, maximumShare: 1 }).fit(engine, points);
    expect(roomy.labels).toEqual(free.labels);
    const tensor = engine.tensor(Float32Array.from(data), [403, 2]);
    const fromTensor = await new BalancedKMeans({ clusters: 3 }).fit(engine, tensor);
    tensor.dispose();
    expect(Math.max(...fromTensor.sizes)).toBe(135);
  });

  it('a share that is whole but for rounding is not rounded up', async () => {
    // 0.07 · 100 is a little above 7 in float64; most of the points want to be together.
    const line = Float64Array.from({ length: 100 }, (_, row) => (row < 60 ? row / 1000 : row));
    const fit = await new BalancedKMeans({ clusters: 15, maximumShare: 0.07, maximumIterations: 3 }).fit(await open(), {
      data: line,
      rowCount: 100,
      columnCount: 1,
    });
    expect(Math.max(...fit.sizes)).toBe(7);
  });

  it('refuses what cannot be', async () => {
    const engine = await open();
    expect(() => new BalancedKMeans({ clusters: 4, maximumShare: 0.2 })).toThrow('maximumShare is 0.2');
    expect(() => new BalancedKMeans({ maximumIterations: 0 })).toThrow('BalancedKMeans: maximumIterations is 0');
    const many = { data: new Float32Array(1_000_000), rowCount: 1_000_000, columnCount: 1 };
    await expect(new BalancedKMeans({ clusters: 100 }).fit(engine, many)).rejects.toThrow(LimitExceeded);
    await expect(new BalancedKMeans({ clusters: 500 }).fit(engine, points)).rejects.toThrow(
      'BalancedKMeans: 500 clusters of 403',
    );
    await expect(
      new BalancedKMeans({ clusters: 2 }).fit(engine, points, { signal: AbortSignal.abort() }),
    ).rejects.toThrow(Aborted);
  });
});
