import { describe, expect, it } from 'vitest';
import { Aborted } from '../../../src/base/errors.ts';
import { BisectingKMeans } from '../../../src/cluster/kmeans/bisecting.ts';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';

const open = useEngine();
const columnCount = 3;
const data = blobs(71, 800, columnCount, 6, 0.3);
const points = { data, rowCount: 800, columnCount };

it('splits one cluster after the other: nested, ever smaller inertia, centroids the means', async () => {
  const engine = await open();
  const many = await new BisectingKMeans({ clusters: 7, seed: 2 }).fit(engine, points);
  let labels = many.labels;
  for (let clusters = 6; clusters >= 1; clusters--) {
    // Without its last split it is the fit with one cluster less.
    const { from, to } = many.splits[clusters - 1] ?? { from: 0, to: 0 };
    labels = labels.map((label) => (label === to ? from : label));
    const fewer = clusters === 5 ? await new BisectingKMeans({ clusters, seed: 2 }).fit(engine, points) : undefined;
    if (fewer) {
      expect(fewer.labels).toEqual(labels);
      expect(fewer.inertia).toBeGreaterThan(many.inertia);
      expect(fewer.splits).toEqual(many.splits.slice(0, 4));
    }
  }
  expect(new Set(labels).size).toBe(1);
  const sums = new Float64Array(7 * columnCount);
  let inertia = 0;
  for (const [row, label] of many.labels.entries()) {
    for (let column = 0; column < columnCount; column++) {
      const value = data[row * columnCount + column] ?? 0;
      sums[label * columnCount + column] = (sums[label * columnCount + column] ?? 0) + value;
      inertia += (value - (many.centroids[label * columnCount + column] ?? 0)) ** 2;
    }
  }
  for (const [index, sum] of sums.entries()) {
    expect(many.centroids[index]).toBeCloseTo(sum / (many.sizes[Math.floor(index / columnCount)] ?? 0), 5);
  }
  expect(many.inertia).toBeCloseTo(inertia, 6);
  const again = await new BisectingKMeans({ clusters: 7, seed: 2 }).fit(engine, points);
  expect(await again.labelsSha256()).toBe(await many.labelsSha256());
});

it('shows every split: the fit with as many clusters', async () => {
  const engine = await open();
  const shown: { labels: Int32Array; centroids: Float64Array; split: { from: number; to: number } }[] = [];
  const fit = await new BisectingKMeans({ clusters: 4, seed: 2 }).fit(engine, points, {
    onIteration: async ({ clusters, labels, split, readCentroids }) => {
      expect(clusters).toBe(shown.length + 2);
      shown.push({ labels: await labels.read(), centroids: await readCentroids(), split });
    },
  });
  expect(shown.map(({ split }) => split)).toEqual(fit.splits);
  expect(shown.at(-1)).toMatchObject({ labels: fit.labels, centroids: fit.centroids });
  const two = await new BisectingKMeans({ clusters: 2, seed: 2 }).fit(engine, points);
  expect(shown[0]).toMatchObject({ labels: two.labels, centroids: two.centroids });
});

it('chooses by inertia, or by size', async () => {
  // Two hundred close points, and far away ten that are far from each other.
  const close = blobs(72, 200, 1, 1, 0.1);
  const line = Float64Array.from({ length: 210 }, (_, row) =>
    row < 200 ? (close[row] ?? 0) : 1000 + 10 * (row - 200),
  );
  const split = async (strategy: 'biggest-inertia' | 'largest-cluster') =>
    new BisectingKMeans({ clusters: 3, strategy }).fit(await open(), { data: line, rowCount: 210, columnCount: 1 });
  expect(Math.max(...(await split('biggest-inertia')).sizes)).toBe(200);
  expect(Math.min(...(await split('largest-cluster')).sizes)).toBe(10);
});

describe('special data and errors', () => {
  it('one cluster is KMeans with one; equal points are not split; a tensor', async () => {
    const engine = await open();
    const one = await new BisectingKMeans({ clusters: 1 }).fit(engine, points);
    const whole = await new KMeans({ clusters: 1 }).fit(engine, points);
    expect(one).toMatchObject({ centroids: whole.centroids, inertia: whole.inertia, splits: [] });
    const three = Float32Array.from({ length: 30 }, (_, row) => (row % 3) / 10);
    const tensor = engine.tensor(three, [30, 1]);
    const fit = await new BisectingKMeans({ clusters: 9 }).fit(engine, tensor);
    tensor.dispose();
    expect([...fit.sizes]).toEqual([10, 10, 10]);
    expect(fit.inertia).toBeLessThan(1e-12);
  });

  it('of options, points and the signal', async () => {
    const engine = await open();
    const live = engine.memory.live;
    expect(() => new BisectingKMeans({ clusters: 0 })).toThrow('BisectingKMeans: clusters is 0');
    expect(() => new BisectingKMeans({ tolerance: -1 })).toThrow('BisectingKMeans: tolerance is -1');
    expect(() => new BisectingKMeans(JSON.parse('{"strategy":"worst"}'))).toThrow('strategy is "worst"');
    expect(() => new BisectingKMeans(JSON.parse('{"init":"first"}'))).toThrow('init is "first"');
    const few = { data: Float64Array.of(1, 2), rowCount: 2, columnCount: 1 };
    await expect(new BisectingKMeans({ clusters: 3 }).fit(engine, few)).rejects.toThrow('3 clusters of 2 points');
    const controller = new AbortController();
    const running = new BisectingKMeans({ clusters: 5 }).fit(engine, points, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(running).rejects.toThrow(Aborted);
    expect(engine.memory.live).toBe(live);
  });
});
