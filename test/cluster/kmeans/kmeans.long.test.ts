import { describe, expect, it } from 'vitest';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { assignNearest, inertiaOf, lloyd } from '../../reference/cluster.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';

const open = useEngine();

describe('many columns', () => {
  it.each([
    [784, 40],
    [2048, 40],
    [5000, 40],
    [65_536, 10],
  ])('%i of them in %i rows, as in float64', async (columnCount, rowCount) => {
    const data = blobs(columnCount, rowCount, columnCount, 4);
    const expected = lloyd(data, columnCount, data.subarray(0, 4 * columnCount), { tolerance: 0 });
    const points = { data, rowCount, columnCount };
    const fit = await new KMeans({ clusters: 4, init: 'first', tolerance: 0 }).fit(await open(), points);
    expect([...fit.labels]).toEqual([...expected.labels]);
    expect(fit.iterations).toBe(expected.iterations);
    expect(fit.inertia / expected.inertia).toBeCloseTo(1, 6);
  });
});

it('many clusters: 6,000 of 6,100 points', async () => {
  const [rowCount, clusters] = [6100, 6000];
  const data = blobs(3, rowCount, 2, 50);
  const fit = await new KMeans({ clusters, init: 'first', maximumIterations: 1 }).fit(await open(), {
    data,
    rowCount,
    columnCount: 2,
  });
  expect(fit.sizes.reduce((sum, size) => sum + size)).toBe(rowCount);
  const some = data.subarray(2 * (rowCount - 300));
  const nearest = assignNearest(some, 2, fit.centroids).labels;
  const own = fit.labels.subarray(rowCount - 300);
  // Where float32 rounds centroids, the nearest may be another one at all but the same distance.
  expect(inertiaOf(some, 2, fit.centroids, own) / inertiaOf(some, 2, fit.centroids, nearest)).toBeCloseTo(1, 4);
});

it('one cluster with 99 % of the points', async () => {
  const [rowCount, columnCount] = [30_000, 4];
  const data = blobs(4, rowCount, columnCount, 1, 0.1).map((value, index) =>
    Math.floor(index / columnCount) % 100 === 0 ? value + 40 + (index % 7) : value,
  );
  const start = data.subarray(0, 8 * columnCount);
  const expected = lloyd(data, columnCount, start, { tolerance: 0 });
  const fit = await new KMeans({ clusters: 8, init: Float64Array.from(start), tolerance: 0 }).fit(await open(), {
    data,
    rowCount,
    columnCount,
  });
  expect(fit.iterations).toBe(expected.iterations);
  expect(fit.inertia / expected.inertia).toBeCloseTo(1, 6);
});
