import { describe, expect, test } from 'vitest';
import { assertDensity } from '../../src/cli/jobs/dbscanReference.ts';
import { cloudPoints } from '../../src/cli/jobs/sampleData.ts';
import { dbscan } from '../reference/dbscan.ts';
import { cuantaJson } from '../support/commandLine.ts';

test('cuanta bench dbscan times the fits and the peer', async () => {
  const words = ['bench', 'dbscan', '--points', '300', '--dimensions', '2', '--scaling', '--runs', '1'];
  const { cases, peers, ratios, growth } = await cuantaJson([...words, '--peers', '--runtime', 'dawn']);
  const sizes = [
    { points: 300, dimensions: 2 },
    { points: 600, dimensions: 2 },
    { points: 1200, dimensions: 2 },
    { points: 300, dimensions: 4 },
    { points: 300, dimensions: 8 },
  ];
  expect(cases).toMatchObject(
    sizes.map((size) => ({ name: 'DBSCAN', ...size, checked: true, checkedRows: size.points, warmUps: 1 })),
  );
  expect(peers).toMatchObject(sizes.map((size) => ({ name: 'density-clustering (CPU)', ...size })));
  expect(ratios).toMatchObject(sizes.map(() => ({ ratio: expect.any(Number) })));
  const steps = [
    ['points', 300, 600],
    ['points', 600, 1200],
    ['dimensions', 2, 4],
    ['dimensions', 4, 8],
  ];
  expect(growth).toEqual(
    steps.map(([axis, from, to]) => ({ case: 'DBSCAN', axis, from, to, ratio: expect.any(Number) })),
  );
});

describe('the check of DBSCAN', () => {
  const points = cloudPoints(400, 2, 6, 3);
  const options = { epsilon: 0.5, minimumPoints: 6 };
  const fitOf = () => dbscan(points, 2, options.epsilon, options.minimumPoints);

  test('the reference passes', () => {
    expect(assertDensity(points, 2, options, fitOf())).toBe(400);
  });

  test('a core point that is none, a missing one and a wrong label do not', () => {
    const fit = fitOf();
    const [first = 0, ...others] = fit.coreIndices;
    const without = { labels: fit.labels, coreIndices: Int32Array.from(others) };
    expect(() => assertDensity(points, 2, options, without)).toThrow(`point ${first} has`);
    const border = [...fit.labels.keys()].find((row) => !fit.coreIndices.includes(row)) ?? 0;
    const additional = { labels: fit.labels, coreIndices: Int32Array.of(...fit.coreIndices, border) };
    expect(() => assertDensity(points, 2, options, additional)).toThrow('called a core point');
    fit.labels[first] = 99;
    expect(() => assertDensity(points, 2, options, fit)).toThrow('DBSCAN is wrong');
  });
});
