import { describe, expect, it } from 'vitest';
import { InvalidInput, LimitExceeded, ShapeMismatch } from '../../../src/base/errors.ts';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { recordTransform } from '../../../src/cluster/kmeans/transform.ts';
import type { Engine } from '../../../src/gpu/engine.ts';
import { assignNearest, inertiaOf } from '../../reference/cluster.ts';
import { useEngine } from '../../support/engine.ts';
import { withLimits } from '../../support/limits.ts';
import { pretending } from '../../support/workBudget.ts';
import { blobs, withState } from '../support.ts';

const open = useEngine();

/** Distances of all points to all centroids, in float64. */
function distances(data: ArrayLike<number>, centroids: ArrayLike<number>, columnCount: number): number[] {
  const [rowCount, clusterCount] = [data.length / columnCount, centroids.length / columnCount];
  return Array.from({ length: rowCount * clusterCount }, (_, index) => {
    const [row, cluster] = [Math.floor(index / clusterCount), index % clusterCount];
    let sum = 0;
    for (let column = 0; column < columnCount; column++) {
      sum += ((data[row * columnCount + column] ?? 0) - (centroids[cluster * columnCount + column] ?? 0)) ** 2;
    }
    return Math.sqrt(sum);
  });
}

/** The distances of points in a frame to the first of them. */
async function transformed(engine: Engine, rowCount: number, columnCount: number, clusterCount: number) {
  const data = blobs(rowCount, rowCount, columnCount, 4);
  return withState(
    engine,
    data,
    columnCount,
    clusterCount,
    async (state) => {
      const { centre } = state.points.frame;
      const { rowFloats, frame } = state.points;
      const centroids = new Float32Array(clusterCount * rowFloats);
      for (let cluster = 0; cluster < clusterCount; cluster++) {
        for (let column = 0; column < columnCount; column++) {
          const value = (data[cluster * columnCount + column] ?? 0) - (centre[column] ?? 0);
          centroids[cluster * rowFloats + column] = value * 2 ** frame.exponent;
        }
      }
      state.setCentroids(centroids);
      const tensor = recordTransform(state);
      const read = await tensor.read();
      expect(tensor.shape).toEqual([rowCount, clusterCount]);
      tensor.dispose();
      const expected = distances(data, data.subarray(0, clusterCount * columnCount), columnCount);
      // Coordinates reach to 10 and are rounded by 2^-24 of that, on both sides.
      const rounding = 2 * Math.sqrt(columnCount) * 16 * 2 ** -24;
      const wrong = expected.findIndex(
        (value, index) =>
          !(Math.abs(value - (read[index] ?? Number.NaN)) <= value * (columnCount + 16) * 2 ** -23 + rounding),
      );
      expect(wrong).toBe(-1);
    },
    1024 * 16,
  );
}

describe('distances to all centroids', () => {
  it.each([
    [1, 1, 1],
    [65, 3, 7],
    [2500, 4, 5],
  ])('%i × %i, %i clusters', async (rowCount, columnCount, clusterCount) => {
    await transformed(await open(), rowCount, columnCount, clusterCount);
  });

  it('in bindings that hold 64 rows, and where a buffer holds too few', async () => {
    const engine = await open();
    const small = pretending(engine, {});
    const limited = (maxBufferSize: number) =>
      new Proxy(small, {
        get: (target, name) =>
          name === 'device'
            ? withLimits(engine.device, { maxStorageBufferBindingSize: 2 ** 17, maxBufferSize })
            : Reflect.get(target, name),
      });
    await transformed(limited(2 ** 28), 300, 3, 200);
    await expect(transformed(limited(1000), 300, 3, 200)).rejects.toThrow(LimitExceeded);
  });
});

describe('of a fit', () => {
  const points = { data: blobs(41, 300, 5, 6), rowCount: 300, columnCount: 5 };
  const others = { data: blobs(42, 70, 5, 6).map((value) => 3 * value - 9), rowCount: 70, columnCount: 5 };

  it('transform and score other points', async () => {
    const engine = await open();
    const live = engine.memory.live;
    const fit = await new KMeans({ clusters: 6, tolerance: 0 }).fit(engine, points);
    const table = await fit.transform(others);
    const read = await table.read();
    table.dispose();
    const expected = distances(others.data, fit.centroids, 5);
    for (const [index, value] of expected.entries()) expect(Math.abs(value - (read[index] ?? 0))).toBeLessThan(1e-5);
    const nearest = assignNearest(others.data, 5, fit.centroids).labels;
    expect(await fit.score(others)).toBeCloseTo(-inertiaOf(others.data, 5, fit.centroids, nearest), 6);
    expect(await fit.score(points)).toBe(-fit.inertia);
    const twice = await fit.score(others, new Float32Array(70).fill(2));
    expect(twice / (await fit.score(others))).toBeCloseTo(2, 12);
    const tensor = engine.tensor(Float32Array.from(others.data), [70, 5]);
    expect((await fit.score(tensor)) / (await fit.score(others))).toBeCloseTo(1, 5);
    tensor.dispose();
    expect(engine.memory.live).toBe(live);
  });

  it('refuse points that float32 cannot hold beside the centroids', async () => {
    const engine = await open();
    const live = engine.memory.live;
    const fit = await new KMeans({ clusters: 6, seed: 3 }).fit(engine, points);
    const withFar = (far: number) => ({ ...points, data: Float64Array.from([...points.data, ...Array(5).fill(far)]) });
    const near = await fit.predict({ ...withFar(1e12), rowCount: 301 });
    expect([...near.subarray(0, 300)]).toEqual([...fit.labels]);
    for (const far of [1e15, -1e30, 1e200]) {
      const beyond = { ...withFar(far), rowCount: 301 };
      await expect(fit.predict(beyond)).rejects.toThrow('times as far as the centroids');
      await expect(fit.transform(beyond)).rejects.toThrow(InvalidInput);
    }
    for (const scale of [1e-60, 1e60]) {
      const scaled = { ...points, data: points.data.map((value) => value * scale) };
      const other = await new KMeans({ clusters: 6 }).fit(engine, scaled);
      await expect(other.transform(scaled)).rejects.toThrow('distances are float32');
    }
    expect(engine.memory.live).toBe(live);
  });

  it('refuse other columns and wrong weights', async () => {
    const fit = await new KMeans({ clusters: 2 }).fit(await open(), points);
    const narrow = { data: new Float64Array(4), rowCount: 2, columnCount: 2 };
    await expect(fit.transform(narrow)).rejects.toThrow(ShapeMismatch);
    await expect(fit.score(narrow)).rejects.toThrow(ShapeMismatch);
    await expect(fit.score(others, new Float64Array(70).fill(-1))).rejects.toThrow(InvalidInput);
  });
});
