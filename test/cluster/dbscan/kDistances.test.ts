import { describe, expect, it, vi } from 'vitest';
import { Aborted, InvalidInput } from '../../../src/base/errors.ts';
import { kDistances, kneeOf, suggestEpsilon } from '../../../src/cluster/dbscan/kDistances.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';

const open = useEngine();

/** Sorted distances of some rows to their k-th nearest others, in float64. */
function expectedDistances(data: ArrayLike<number>, columnCount: number, k: number, rows: readonly number[]): number[] {
  const count = data.length / columnCount;
  const distance = (a: number, b: number): number => {
    let sum = 0;
    for (let column = 0; column < columnCount; column++) {
      sum += ((data[a * columnCount + column] as number) - (data[b * columnCount + column] as number)) ** 2;
    }
    return Math.sqrt(sum);
  };
  const kth = (row: number): number => {
    const others = [...Array(count).keys()].filter((other) => other !== row).map((other) => distance(row, other));
    return others.sort((a, b) => a - b)[k - 1] as number;
  };
  return rows.map(kth).sort((a, b) => a - b);
}

function expectClose(actual: Float64Array, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expect(Math.max(...actual.map((value, index) => Math.abs(value - (expected[index] ?? Number.NaN))))).toBeLessThan(
    tolerance,
  );
}

describe('distances to the k-th nearest other point', () => {
  it.each([
    { rowCount: 2, columnCount: 1, k: 1 },
    { rowCount: 9, columnCount: 3, k: 8 },
    { rowCount: 130, columnCount: 2, k: 3 },
    { rowCount: 130, columnCount: 9, k: 64 },
  ])('$rowCount points of $columnCount columns, k = $k', async ({ rowCount, columnCount, k }) => {
    const data = blobs(rowCount, rowCount, columnCount, 5, 1);
    const actual = await kDistances(await open(), { data, rowCount, columnCount }, k);
    expectClose(actual, expectedDistances(data, columnCount, k, [...Array(rowCount).keys()]), 1e-5);
  });

  it('of a sample of the rows, and however the work is split', async () => {
    const engine = await open();
    const random = createRandom(3);
    const data = Float64Array.from({ length: 800 }, () => 1e6 + random.integer(0, 40));
    const points = { data, rowCount: 400, columnCount: 2 };
    const whole = await kDistances(engine, points, 4, { sample: 100 });
    expectClose(
      whole,
      expectedDistances(
        data,
        2,
        4,
        Array.from({ length: 100 }, (_, index) => index * 4),
      ),
      1e-5,
    );
    const budget = vi.spyOn(engine, 'workBudget', 'get').mockReturnValue(20_000);
    expect(await kDistances(engine, points, 4, { sample: 100 })).toEqual(whole);
    budget.mockRestore();
  });

  it('equal points are 0 apart', async () => {
    const points = { data: new Float32Array(20).fill(2.5), rowCount: 10, columnCount: 2 };
    expect([...(await kDistances(await open(), points, 9))]).toEqual(Array(10).fill(0));
    await expect(suggestEpsilon(await open(), points, 4)).rejects.toThrow('most points are equal');
  });
});

describe('epsilon', () => {
  it('the knee is the deepest place below the chord', () => {
    expect(kneeOf(Float64Array.of(0, 1, 2, 3, 10))).toBe(3);
    expect(kneeOf(Float64Array.of(1, 1, 1, 5))).toBe(2);
    expect(kneeOf(Float64Array.of(0, 1, 2, 3))).toBe(3);
    expect(kneeOf(Float64Array.of(2, 2))).toBe(1);
  });

  it('is between the distances within and between dense clouds', async () => {
    const random = createRandom(9);
    const data = Float64Array.from({ length: 1000 }, (_, index) => {
      const scattered = index >= 960;
      return scattered ? random.uniform() * 40 - 20 : random.uniform() + 10 * ((index >> 1) % 2);
    });
    const { epsilon, distances } = await suggestEpsilon(await open(), { data, rowCount: 500, columnCount: 2 }, 5);
    expect(distances.length).toBe(500);
    expect(epsilon).toBeGreaterThan(0.1);
    expect(epsilon).toBeLessThan(2);
  });
});

describe('errors', () => {
  it.each([0, 1.5, 65, 10])('k = %f', async (k) => {
    const points = { data: new Float32Array(10), rowCount: k === 65 ? 5 : 10, columnCount: k === 65 ? 2 : 1 };
    await expect(kDistances(await open(), points, k)).rejects.toThrow(InvalidInput);
  });

  it('of epsilon without points or neighbours', async () => {
    const engine = await open();
    const points = { data: new Float32Array(10), rowCount: 10, columnCount: 1 };
    for (const minimumPoints of [1, 11, 66, 2.5]) {
      const suggestion = suggestEpsilon(engine, points, minimumPoints);
      await expect(suggestion).rejects.toThrow(`minimumPoints is ${minimumPoints}; it must be a whole number from 2`);
    }
    const one = { data: new Float32Array(1), rowCount: 1, columnCount: 1 };
    await expect(kDistances(engine, one, 1)).rejects.toThrow('1 point has no neighbours');
  });

  it('of the sample, and when aborted', async () => {
    const engine = await open();
    const points = { data: new Float32Array(10), rowCount: 10, columnCount: 1 };
    const live = engine.memory.live;
    await expect(kDistances(engine, points, 2, { sample: 1 })).rejects.toThrow('sample is 1');
    await expect(kDistances(engine, points, 2, { signal: AbortSignal.abort() })).rejects.toThrow(Aborted);
    expect(engine.memory.live).toBe(live);
  });
});
