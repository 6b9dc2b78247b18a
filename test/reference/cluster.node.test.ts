import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assignNearest, inertiaOf, lloyd, meanVariance, updateCentroids } from './cluster.ts';

interface Oracle {
  readonly clusters: number;
  readonly kmeans: {
    readonly inertia: number;
    readonly iterations: number;
    readonly labels: number[];
    readonly centroids: number[][];
  };
}

function load(name: string): { points: Float64Array; columnCount: number; oracle: Oracle } {
  const read = (extension: string) => readFileSync(new URL(`../oracles/${name}.${extension}`, import.meta.url), 'utf8');
  const rows = read('csv')
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number).slice(0, -1));
  return {
    points: Float64Array.from(rows.flat()),
    columnCount: rows[0]?.length ?? 0,
    oracle: JSON.parse(read('json')) as Oracle,
  };
}

describe('lloyd against scikit-learn 1.2.1', () => {
  test.each([
    { name: 'iris', relative: 1e-14 },
    { name: 'digits', relative: 1e-14 },
    // The points in moons.csv are rounded to 10 digits; scikit-learn had all of them.
    { name: 'moons', relative: 1e-10 },
  ])('$name from the first rows, tolerance 0', ({ name, relative }) => {
    const { points, columnCount, oracle } = load(name);
    const result = lloyd(points, columnCount, points.subarray(0, oracle.clusters * columnCount), { tolerance: 0 });
    expect(result.iterations).toBe(oracle.kmeans.iterations);
    expect(result.converged).toBe(true);
    expect(Math.abs(result.inertia / oracle.kmeans.inertia - 1)).toBeLessThan(relative);
    expect([...result.labels]).toEqual(oracle.kmeans.labels);
    for (const [index, value] of oracle.kmeans.centroids.flat().entries()) {
      expect(result.centroids[index]).toBeCloseTo(value, 9);
    }
  });

  test('stops after maxIterations with a final assignment that is not counted', () => {
    const { points, columnCount } = load('digits');
    const result = lloyd(points, columnCount, points.subarray(0, 10 * columnCount), { tolerance: 0, maxIterations: 5 });
    expect(result.iterations).toBe(5);
    expect(result.converged).toBe(false);
    expect(Math.abs(result.inertia / 1226790.12508898 - 1)).toBeLessThan(1e-14);
  });

  test('moves empty clusters to the farthest points', () => {
    const points = [0, 0, 1, 0, 0, 1, 10, 0, 11, 1, 10, 2, 0, 20, 3, 21];
    const result = lloyd(points, 2, [0, 0, 100, 100, 10, 1, -200, 0], { tolerance: 0 });
    expect([...result.labels]).toEqual([0, 0, 0, 2, 2, 2, 3, 1]);
    expect(result.iterations).toBe(2);
    expect(result.inertia).toBeCloseTo(4, 12);
  });

  test.each([
    { tolerance: 0, iterations: 3 },
    { tolerance: 2, iterations: 2 },
  ])('tolerance $tolerance on one feature with empty clusters: $iterations rounds', ({ tolerance, iterations }) => {
    const result = lloyd([1, 2, 4, 7, 11, 16, 22, 29], 1, [500, 0, 600], { tolerance });
    expect([...result.labels]).toEqual([1, 1, 1, 1, 1, 2, 2, 0]);
    expect([...result.centroids]).toEqual([29, 5, 19]);
    expect(result.inertia).toBe(84);
    expect(result.iterations).toBe(iterations);
  });
});

describe('pieces', () => {
  test('a tie goes to the lowest index', () => {
    const { labels, distances } = assignNearest([0, 2, 1], 1, [0, 2]);
    expect([...labels]).toEqual([0, 1, 0]);
    expect([...distances]).toEqual([0, 0, 1]);
  });

  test('coincident points leave surplus clusters where the largest is', () => {
    expect([...updateCentroids([3, 3, 3], 1, [0, 0, 0], [0, 0, 0], 2)]).toEqual([3, 3]);
  });

  test('a cluster that loses its only point goes to the largest', () => {
    const labels = [0, 0, 0, 1];
    expect([...updateCentroids([0, 1, 2, 50], 1, labels, [1, 0, 1, 900], 3)]).toEqual([1, 1, 50]);
  });

  test('meanVariance and inertiaOf', () => {
    expect(meanVariance([1, 10, 3, 30], 2)).toBe((1 + 100) / 2);
    expect(inertiaOf([1, 1, 4, 5], 2, [0, 0, 4, 4], [0, 1])).toBe(3);
  });
});
