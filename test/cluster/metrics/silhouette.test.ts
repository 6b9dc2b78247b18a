import { describe, expect, it } from 'vitest';
import { Aborted, InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import { silhouette, silhouetteSamples } from '../../../src/cluster/metrics/silhouette.ts';
import { largestSegment } from '../../../src/cluster/pairs.ts';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import { createRandom } from '../../reference/random.ts';
import { silhouettes } from '../../reference/scores.ts';
import { useEngine } from '../../support/engine.ts';
import { oraclePoints } from '../oraclePoints.ts';
import { blobs } from '../support.ts';

const open = useEngine();

it('iris: the mean of scikit-learn', async () => {
  const value = await silhouette(await open(), oraclePoints(irisText), irisOracle.kmeans.labels);
  expect(Math.abs(value - irisOracle.metrics.silhouette)).toBeLessThan(1e-6);
});

describe('against float64', () => {
  it.each([
    { rowCount: 3, columnCount: 2, clusters: 1, offset: 0 },
    { rowCount: 300, columnCount: 5, clusters: 7, offset: 1e4 },
    { rowCount: largestSegment + 200, columnCount: 1, clusters: 1.05, offset: -3 },
  ])('$rowCount points with $columnCount columns', async ({ rowCount, columnCount, clusters, offset }) => {
    const random = createRandom(rowCount);
    const data = blobs(rowCount, rowCount, columnCount, 4).map((value) => value + offset);
    const labels = Array.from({ length: rowCount }, (_, row) =>
      row === 0 ? 99 : Math.floor(random.uniform() * clusters) - 1,
    );
    const expected = silhouettes(data, columnCount, labels);
    const values = await silhouetteSamples(await open(), { data, rowCount, columnCount }, labels);
    expect(values[0]).toBe(0);
    const worst = Math.max(...values.map((value, row) => Math.abs(value - (expected[row] ?? 0))));
    expect(worst).toBeLessThan(5e-6);
  });

  it('a sample: the mean of its own silhouettes, the same for the same seed', async () => {
    const engine = await open();
    const points = { data: blobs(5, 500, 2, 3), rowCount: 500, columnCount: 2 };
    const labels = Array.from({ length: 500 }, (_, row) => row % 4);
    const all = [...(await silhouetteSamples(engine, points, labels))];
    const mean = all.reduce((sum, value) => sum + value, 0) / 500;
    const drawn = await silhouette(engine, points, labels, { sample: 200, seed: 3 });
    expect(await silhouette(engine, points, labels, { sample: 200, seed: 3 })).toBe(drawn);
    expect(await silhouette(engine, points, labels, { sample: 200, seed: 4 })).not.toBe(drawn);
    expect(Math.abs(drawn - mean)).toBeLessThan(0.03);
    const one = await silhouette(engine, points, labels, { sample: 1, seed: 1 });
    expect(Math.min(...all.map((value) => Math.abs(value - one)))).toBeLessThan(1e-6);
    expect(await silhouette(engine, points, labels, { sample: 501 })).toBeCloseTo(mean, 12);
  });
});

it('equal points have the silhouette 0', async () => {
  const points = { data: new Float64Array(12).fill(0.1), rowCount: 6, columnCount: 2 };
  expect([...(await silhouetteSamples(await open(), points, [0, 0, 0, 1, 1, 1]))]).toEqual([0, 0, 0, 0, 0, 0]);
});

it('misuse', async () => {
  const engine = await open();
  const points = { data: blobs(1, 6, 2, 2), rowCount: 6, columnCount: 2 };
  await expect(silhouette(engine, points, [0, 0, 0, 0, 0, 0])).rejects.toThrow(/1 clusters of 6 points; .* 2 to 5/);
  await expect(silhouette(engine, points, [0, 1, 2, 3, 4, 5])).rejects.toThrow(InvalidInput);
  await expect(silhouette(engine, points, [0, 1])).rejects.toThrow(ShapeMismatch);
  await expect(silhouette(engine, points, [0, 1, 0, 1, 0, 0.5])).rejects.toThrow(/label 5 is 0.5/);
  await expect(silhouette(engine, points, [0, 1, 0, 1, 0, 1], { sample: 0 })).rejects.toThrow(/sample is 0/);
  const spoiled = {
    ...points,
    data: Float64Array.from(points.data, (value, index) => (index === 3 ? Number.NaN : value)),
  };
  await expect(silhouette(engine, spoiled, [0, 1, 0, 1, 0, 1])).rejects.toThrow(/row 1, column 1 is NaN/);
  const signal = AbortSignal.abort();
  await expect(silhouette(engine, points, [0, 1, 0, 1, 0, 1], { signal })).rejects.toThrow(Aborted);
});
