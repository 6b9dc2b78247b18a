import { describe, expect, it } from 'vitest';
import { seedGrid, seedPlusPlus } from '../../../src/cluster/kmeans/seeding.ts';
import { randomBits, randomIndex } from '../../../src/cluster/random.ts';
import { assignNearest, inertiaOf, roundHalfEven } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs, unpad, withState } from '../support.ts';

const open = useEngine();

/** k-means++ on the grid with BigInt. */
function referenceSeeds(
  points: Float32Array,
  columnCount: number,
  clusterCount: number,
  randomSeed: number,
  meanVariance: number,
): number[] {
  const { scale, bound } = seedGrid(columnCount, meanVariance);
  const grid = Array.from(points, (value) => roundHalfEven(Math.max(-bound, Math.min(bound, value * scale))));
  const rowCount = points.length / columnCount;
  const squares = new Array<number>(rowCount).fill(Number.POSITIVE_INFINITY);
  const rows = [randomIndex(randomSeed, 'seeds', 0, rowCount)];
  for (let seed = 1; seed < clusterCount; seed++) {
    const newest = (rows.at(-1) as number) * columnCount;
    for (let row = 0; row < rowCount; row++) {
      let sum = 0;
      for (let column = 0; column < columnCount; column++) {
        sum += ((grid[row * columnCount + column] as number) - (grid[newest + column] as number)) ** 2;
      }
      squares[row] = Math.min(squares[row] as number, sum);
    }
    const total = squares.reduce((sum, square) => sum + BigInt(square), 0n);
    const { low, high } = randomBits(randomSeed, 'seeds', seed);
    const random = (BigInt(high) << 32n) | BigInt(low);
    let remaining = (random * total) >> 64n;
    let row = Number((random * BigInt(rowCount)) >> 64n);
    if (total > 0n) {
      row = 0;
      while (remaining >= BigInt(squares[row] as number)) {
        remaining -= BigInt(squares[row] as number);
        row++;
      }
    }
    rows.push(row);
  }
  return rows;
}

async function seeds(data: Float64Array, columnCount: number, clusterCount: number, seed: number, partBytes?: number) {
  const engine = await open();
  return withState(
    engine,
    data,
    columnCount,
    clusterCount,
    async (state, points) => {
      const numbers = engine.allocate(clusterCount * 4);
      try {
        await seedPlusPlus(state, seed, numbers, () => undefined);
        const rows = [...new Uint32Array(await engine.readBytes(numbers, clusterCount * 4))];
        const centroids = unpad(await state.readCentroids(), columnCount);
        const expected = referenceSeeds(points, columnCount, clusterCount, seed, state.points.meanVariance);
        const chosen = rows.flatMap((row) => [...points.subarray(row * columnCount, (row + 1) * columnCount)]);
        return { rows, centroids, expected, chosen, points };
      } finally {
        numbers.release();
      }
    },
    partBytes,
  );
}

describe('k-means++ draws the rows that exact arithmetic draws', () => {
  it.each([
    [1, 1, 1],
    [3, 2, 3],
    [1023, 3, 9],
    [1024, 1, 5],
    [1025, 5, 17],
    [3000, 16, 33],
    [400, 70, 12],
  ])('%i × %i, %i clusters', async (rowCount, columnCount, clusterCount) => {
    const data = blobs(rowCount, rowCount, columnCount, 5);
    const { rows, expected, centroids, chosen } = await seeds(data, columnCount, clusterCount, 11);
    expect(rows).toEqual(expected);
    expect([...centroids]).toEqual(chosen);
  });

  it('in parts', async () => {
    const data = blobs(2, 5000, 3, 5);
    const whole = await seeds(data, 3, 12, 4);
    const parts = await seeds(data, 3, 12, 4, 1024 * 16);
    expect(parts.rows).toEqual(whole.rows);
    expect(parts.rows).toEqual(parts.expected);
    expect([...parts.centroids]).toEqual(parts.chosen);
  });

  it('where points are far out', async () => {
    const random = createRandom(3);
    const data = Float64Array.from({ length: 3000 }, (_, index) => random.normal() + (index < 3 ? 1e6 : 0));
    const { rows, expected } = await seeds(data, 3, 20, 5);
    expect(rows).toEqual(expected);
    expect(new Set(rows).size).toBeGreaterThan(10);
  });

  it('where there are fewer different points than clusters', async () => {
    const { rows, expected } = await seeds(Float64Array.of(1, 1, 1, 5, 5, 1), 1, 5, 6);
    expect(rows).toEqual(expected);
  });
});

it('different seeds draw different rows', async () => {
  const data = blobs(1, 500, 2, 5);
  const [first, second] = [await seeds(data, 2, 6, 1), await seeds(data, 2, 6, 2)];
  expect(first.rows).not.toEqual(second.rows);
});

it('starts better than random rows: a lower inertia on average', async () => {
  const data = blobs(4, 2000, 4, 20, 0.1);
  const inertia = (points: Float32Array, centroids: Float32Array): number =>
    inertiaOf(points, 4, centroids, assignNearest(points, 4, centroids).labels);
  const random = createRandom(9);
  let plusPlus = 0;
  let uniform = 0;
  for (let seed = 0; seed < 4; seed++) {
    const { points, centroids } = await seeds(data, 4, 20, seed);
    plusPlus += inertia(points, centroids);
    const rows = Array.from({ length: 20 }, () => random.integer(0, 1999));
    uniform += inertia(points, Float32Array.from(rows.flatMap((row) => [...points.subarray(row * 4, row * 4 + 4)])));
  }
  expect(plusPlus).toBeLessThan(0.5 * uniform);
});

it('the grid keeps squared distances below 2^32', () => {
  for (const columnCount of [1, 2, 3, 16, 1000, 65_536]) {
    for (const variance of [0, 1e-12, 0.01, 1]) {
      const { bound, scale } = seedGrid(columnCount, variance);
      expect(columnCount * (2 * bound) ** 2).toBeLessThan(2 ** 32);
      expect(bound).toBeLessThan(2 ** 15);
      expect(Number.isInteger(Math.log2(scale))).toBe(true);
    }
  }
});
