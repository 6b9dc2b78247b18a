import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../src/base/errors.ts';
import { recordFinish } from '../../../src/cluster/kmeans/finish.ts';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { ClusterState } from '../../../src/cluster/kmeans/state.ts';
import { preparePoints } from '../../../src/cluster/points/points.ts';
import { unitFrame, unitRows } from '../../../src/cluster/points/unitRows.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { unpad } from '../support.ts';

const open = useEngine();

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, left, right] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] ?? 0, b[index] ?? 0];
    product += x * y;
    left += x * x;
    right += y * y;
  }
  return product / Math.sqrt(left * right);
}

/** Vectors of random lengths around a few directions. */
function directions(seed: number, rowCount: number, columnCount: number, count: number): Float64Array<ArrayBuffer> {
  const random = createRandom(seed);
  const centres = Array.from({ length: count * columnCount }, () => random.normal());
  const data = new Float64Array(rowCount * columnCount);
  for (let row = 0; row < rowCount; row++) {
    const length = 10 ** random.integer(-3, 3);
    const first = random.integer(0, count - 1) * columnCount;
    for (let column = 0; column < columnCount; column++) {
      data[row * columnCount + column] = length * ((centres[first + column] ?? 0) + 0.4 * random.normal());
    }
  }
  return data;
}

/** Spherical k-means in float64, from the first rows, until no label changes. */
function spherical(data: Float64Array, columnCount: number, clusterCount: number) {
  const rowCount = data.length / columnCount;
  const rowAt = (row: number): Float64Array => data.subarray(row * columnCount, (row + 1) * columnCount);
  const unit = (row: Float64Array): Float64Array => {
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    return row.map((value) => value / length);
  };
  let centroids = Array.from({ length: clusterCount }, (_, row) => unit(rowAt(row)));
  let labels = new Array<number>(rowCount).fill(-1);
  for (let iterations = 1; ; iterations++) {
    const next = labels.map((_, row) => {
      const likeness = centroids.map((centroid) => cosine(rowAt(row), centroid));
      return likeness.indexOf(Math.max(...likeness));
    });
    const settled = next.every((label, row) => label === labels[row]);
    labels = next;
    if (settled) {
      const inertia = labels.reduce((sum, label, row) => sum + 1 - cosine(rowAt(row), centroids[label] ?? []), 0);
      return { labels, inertia, iterations, centroids };
    }
    const sums = centroids.map(() => new Float64Array(columnCount));
    for (const [row, label] of labels.entries()) {
      unit(rowAt(row)).forEach((value, column) => {
        const sum = sums[label];
        if (sum) sum[column] = (sum[column] ?? 0) + value;
      });
    }
    centroids = sums.map(unit);
  }
}

describe('rows of length 1', () => {
  it('of any length', () => {
    const { data } = unitRows(
      { data: Float64Array.of(3, 4, 3e-200, 4e-200, -3e200, 4e200, 0, -7), rowCount: 4, columnCount: 2 },
      'test',
    );
    const expected = [0.6, 0.8, 0.6, 0.8, -0.6, 0.8, 0, -1];
    for (const [index, value] of expected.entries()) expect(data[index]).toBeCloseTo(value, 14);
  });

  it('not of zeros, and not of what is not finite', () => {
    const points = { data: Float32Array.of(1, 1, 0, 0), rowCount: 2, columnCount: 2 };
    expect(() => unitRows(points, 'test')).toThrow('row 1 is all zeros');
    expect(() => unitRows(points, 'test')).toThrow(InvalidInput);
    points.data[3] = Number.NaN;
    expect(() => unitRows(points, 'test')).toThrow('row 1, column 1 is NaN');
  });
});

it('centroids have length 1, half of it in the frame, within 2^-24, and stay where a mean has none', async () => {
  const engine = await open();
  const random = createRandom(4);
  const clusterCount = 50;
  const data = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, -1);
  const points = await preparePoints(engine, { data, rowCount: 3, columnCount: 3 }, 'test', { frame: unitFrame(3) });
  const state = new ClusterState(points, clusterCount, true);
  const sums = BigInt64Array.from({ length: clusterCount * 3 }, (_, index) =>
    index < 3 ? 0n : BigInt(Math.round(random.normal() * 2 ** random.integer(30, 50))),
  );
  const counts = Uint32Array.from({ length: clusterCount }, () => 2 ** 22 + random.integer(0, 1000));
  engine.upload(state.sums, new Uint8Array(sums.slice().buffer));
  engine.upload(state.counts, new Uint8Array(counts.slice().buffer));
  state.setThreshold(0);
  state.setCentroids(Float32Array.of(0.25, 0.125, 0));
  recordFinish(state);
  const centroids = unpad(await state.readCentroids(), 3);
  state.release();
  points.release();
  expect([...centroids.subarray(0, 3)]).toEqual([0.25, 0.125, 0]);
  for (let cluster = 1; cluster < clusterCount; cluster++) {
    const sum = [0, 1, 2].map((column) => Number(sums[cluster * 3 + column]));
    const own = centroids.subarray(cluster * 3, cluster * 3 + 3);
    const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
    for (const [column, value] of sum.entries()) {
      expect(Math.abs((own[column] ?? 0) - value / length / 2)).toBeLessThan(2 ** -24);
    }
  }
});

describe('spherical k-means', () => {
  it.each([
    [600, 3, 5],
    [300, 20, 4],
  ])('is that of float64: %i × %i, %i clusters', async (rowCount, columnCount, clusters) => {
    const engine = await open();
    const data = directions(rowCount, rowCount, columnCount, clusters);
    const expected = spherical(data, columnCount, clusters);
    const means = new KMeans({ clusters, metric: 'cosine', init: 'first', tolerance: 0 });
    const points = { data, rowCount, columnCount };
    const fit = await means.fit(engine, points);
    expect([...fit.labels]).toEqual(expected.labels);
    expect(fit.iterations).toBe(expected.iterations);
    expect(fit.inertia / expected.inertia).toBeCloseTo(1, 6);
    for (let cluster = 0; cluster < clusters; cluster++) {
      const own = fit.centroids.subarray(cluster * columnCount, (cluster + 1) * columnCount);
      expect(own.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 12);
      expect(cosine(own, expected.centroids[cluster] ?? [])).toBeCloseTo(1, 9);
    }
    // Lengths do not matter.
    expect([...(await fit.predict({ ...points, data: data.map((value) => value * 32) }))]).toEqual(expected.labels);
    expect(await fit.score(points)).toBe(-fit.inertia);
    const table = await fit.transform(points);
    const distances = await table.read();
    table.dispose();
    for (let row = 0; row < 20; row++) {
      const own = data.subarray(row * columnCount, (row + 1) * columnCount);
      const likeness = cosine(own, fit.centroids.subarray(0, columnCount));
      expect(distances[row * clusters]).toBeCloseTo(1 - likeness, 5);
    }
    const warm = await new KMeans({ init: fit, metric: 'cosine', tolerance: 0 }).fit(engine, points);
    expect(warm.labels).toEqual(fit.labels);
    expect(warm.iterations).toBeLessThan(4);
  });

  it('of a tensor, with k-means++ and weights', async () => {
    const engine = await open();
    const data = Float32Array.from(directions(7, 300, 4, 3));
    const tensor = engine.tensor(data, [300, 4]);
    const means = new KMeans({ clusters: 3, metric: 'cosine', seed: 1, starts: 2 });
    const weights = Float32Array.from({ length: 300 }, (_, row) => 1 + (row % 3));
    const fromTensor = await means.fit(engine, tensor, { weights });
    const fromArray = await means.fit(engine, { data, rowCount: 300, columnCount: 4 }, { weights });
    tensor.dispose();
    expect(fromTensor.labels).toEqual(fromArray.labels);
    expect(fromTensor.inertia).toBe(fromArray.inertia);
  });

  it('refuses zeros among points and centroids, and other metrics', async () => {
    const engine = await open();
    const points = { data: Float64Array.of(1, 2, 0, 0), rowCount: 2, columnCount: 2 };
    await expect(new KMeans({ clusters: 1, metric: 'cosine' }).fit(engine, points)).rejects.toThrow(
      'row 1 is all zeros',
    );
    const zero = new KMeans({ clusters: 1, metric: 'cosine', init: new Float64Array(2) });
    await expect(zero.fit(engine, points)).rejects.toThrow('init: row 0 is all zeros');
    expect(() => new KMeans({ metric: 'manhattan' as 'cosine' })).toThrow('metric is "manhattan"');
  });
});
