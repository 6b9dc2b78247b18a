import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../src/base/errors.ts';
import { elbow, elbowOf } from '../../../src/cluster/metrics/elbow.ts';
import { calinskiHarabasz, clusterMetrics, daviesBouldin } from '../../../src/cluster/metrics/metrics.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { createRandom } from '../../reference/random.ts';
import * as reference from '../../reference/scores.ts';
import { useEngine } from '../../support/engine.ts';
import { oraclePoints } from '../oraclePoints.ts';
import { blobs } from '../support.ts';

const open = useEngine();

describe('of scikit-learn', () => {
  it.each([
    { name: 'iris', text: irisText, oracle: irisOracle },
    { name: 'digits', text: digitsText, oracle: digitsOracle },
    { name: 'moons', text: moonsText, oracle: moonsOracle },
  ])('$name, of the k-means labels', async ({ text, oracle }) => {
    const points = oraclePoints(text);
    const engine = await open();
    const { metrics, kmeans } = oracle;
    const davies = await daviesBouldin(engine, points, kmeans.labels);
    expect(Math.abs(davies / metrics.daviesBouldin - 1)).toBeLessThan(1e-6);
    const calinski = await calinskiHarabasz(engine, points, kmeans.labels);
    expect(Math.abs(calinski / metrics.calinskiHarabasz - 1)).toBeLessThan(1e-6);
  });

  it('iris, all at once', async () => {
    const { silhouette, daviesBouldin: davies, calinskiHarabasz: calinski } = irisOracle.metrics;
    const metrics = await clusterMetrics(await open(), oraclePoints(irisText), irisOracle.kmeans.labels);
    expect(metrics.silhouettePoints).toBe(150);
    expect(metrics.silhouette).toBeCloseTo(silhouette, 6);
    expect(metrics.daviesBouldin).toBeCloseTo(davies, 6);
    expect(metrics.calinskiHarabasz / calinski).toBeCloseTo(1, 6);
  });
});

describe('against float64', () => {
  it.each([
    { rowCount: 3, columnCount: 2, clusters: 2, offset: 0 },
    { rowCount: 300, columnCount: 5, clusters: 7, offset: 1e4 },
  ])('$rowCount points with $columnCount columns', async ({ rowCount, columnCount, clusters, offset }) => {
    const random = createRandom(rowCount);
    const data = blobs(rowCount, rowCount, columnCount, 4).map((value) => value + offset);
    const labels = Array.from(
      { length: rowCount },
      (_, row) => (row < clusters ? row : random.integer(0, clusters - 1)) - 1,
    );
    const points = { data, rowCount, columnCount };
    const engine = await open();
    const davies = await daviesBouldin(engine, points, labels);
    expect(davies / reference.daviesBouldin(data, columnCount, labels)).toBeCloseTo(1, 5);
    const calinski = await calinskiHarabasz(engine, points, labels);
    expect(calinski / reference.calinskiHarabasz(data, columnCount, labels)).toBeCloseTo(1, 5);
  });
});

it('clusters without extent, and with the same mean', async () => {
  const engine = await open();
  const tight = { data: Float64Array.of(0, 0, 5, 5), rowCount: 4, columnCount: 1 };
  expect(await calinskiHarabasz(engine, tight, [0, 0, 1, 1])).toBe(1);
  expect(await daviesBouldin(engine, tight, [0, 0, 1, 1])).toBe(0);
  expect(await daviesBouldin(engine, tight, [0, 1, 0, 1])).toBe(0);
  await expect(daviesBouldin(engine, tight, [2, 2, 2, 2])).rejects.toThrow(InvalidInput);
});

describe('elbow', () => {
  it('of a curve: the place farthest below the line between its ends', () => {
    expect(elbowOf([1, 2, 3, 4, 5], [100, 50, 20, 15, 12])).toBe(2);
    expect(elbowOf([1, 2, 4, 8, 16], [16, 15, 13, 9, 1])).toBe(0);
    expect(elbowOf([2, 3, 4], [5, 5, 5])).toBe(0);
  });

  it('of four clouds: four clusters, by inertia and by silhouette', async () => {
    const random = createRandom(6);
    const data = Float64Array.from(
      { length: 400 },
      (_, index) => 40 * (index % 2 ? (index >> 2) & 1 : (index >> 1) & 1) + random.uniform(),
    );
    const seen: number[] = [];
    const found = await elbow(
      await open(),
      { data, rowCount: 200, columnCount: 2 },
      {
        clusters: [1, 2, 4, 6],
        kmeans: { seed: 1 },
        onProgress: ({ clusters }) => seen.push(clusters),
      },
    );
    expect(seen).toEqual([1, 2, 4, 6]);
    expect(found).toMatchObject({ elbow: 4, bestSilhouette: 4 });
    expect(found.entries[0]?.silhouette).toBeUndefined();
    expect(found.entries[2]?.silhouette).toBeGreaterThan(0.9);
    expect(found.entries.map(({ inertia }) => inertia)).toEqual(
      found.entries.map(({ inertia }) => inertia).sort((a, b) => b - a),
    );
  });

  it('of directions: silhouettes are of points of length 1', async () => {
    const random = createRandom(8);
    const data = Float64Array.from({ length: 120 }, (_, index) =>
      index % 2 === (index >> 1) % 2 ? 10 ** (4 * random.uniform()) : 0,
    );
    const points = { data, rowCount: 60, columnCount: 2 };
    const { entries } = await elbow(await open(), points, { clusters: [1, 2, 3], kmeans: { metric: 'cosine' } });
    expect(entries[1]?.silhouette).toBe(1);
  });

  it.each([[[2, 3]], [[2, 2, 3]], [[3, 2, 1]], [[1, 2, 21]], [[0, 1, 2]], [[1, 2.5, 3]]])(
    'numbers of clusters %j are refused',
    async (clusters) => {
      const points = { data: blobs(1, 20, 2, 3), rowCount: 20, columnCount: 2 };
      await expect(elbow(await open(), points, { clusters })).rejects.toThrow(InvalidInput);
    },
  );
});
