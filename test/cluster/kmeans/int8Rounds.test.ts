import { afterEach, describe, expect, it, vi } from 'vitest';
import { InvalidInput } from '../../../src/base/errors.ts';
import { Int8Rounds } from '../../../src/cluster/kmeans/int8Rounds.ts';
import { KMeans, type KMeansOptions } from '../../../src/cluster/kmeans/kmeans.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { storedFits } from '../storedFits.ts';
import { blobPoints, withState } from '../support.ts';

const openShared = useEngine();

/** An engine with the products of GPUs: without them, narrow rows are left to f32. */
async function open() {
  const engine = await openShared();
  vi.spyOn(engine, 'dotPath', 'get').mockReturnValue('packed');
  return engine;
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Points of an oracle's CSV, whose last column is the class. */
function pointsOf(text: string): HostPoints {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').slice(0, -1).map(Number));
  return { data: Float64Array.from(rows.flat()), rowCount: rows.length, columnCount: rows[0]?.length ?? 0 };
}

async function cluster(points: HostPoints, options: KMeansOptions) {
  return new KMeans({ ...options, precision: 'int8' }).fit(await open(), points);
}

describe('precision int8 against scikit-learn, from the first rows with tolerance 0', () => {
  it.each([
    { name: 'iris', text: irisText, oracle: irisOracle, iterations: 12, share: 0.05 },
    { name: 'digits', text: digitsText, oracle: digitsOracle, iterations: 14, share: 0.038 },
    { name: 'moons', text: moonsText, oracle: moonsOracle, iterations: 7, share: 0.02 },
  ])('$name: its labels, with at most $share left to f32', async ({ text, oracle, iterations, share }) => {
    const result = await cluster(pointsOf(text), { clusters: oracle.clusters, init: 'first', tolerance: 0 });
    expect([...result.labels]).toEqual(oracle.kmeans.labels);
    expect(result.iterations).toBe(iterations);
    expect(Math.abs(result.inertia / oracle.kmeans.inertia - 1)).toBeLessThan(1e-6);
    expect(result.int8).toMatchObject({ rounds: iterations, gaveUp: false });
    expect(result.int8?.recheckShare).toBeLessThan(share);
  });
});

// The hashes are those of the same fits with precision f32 in kmeans.test.ts, on Dawn and Chromium alike.
describe('the same bits as f32', () => {
  it.each(storedFits)('$name', async ({ points, options, hash }) => {
    const result = await cluster(points, options);
    expect(await result.labelsSha256()).toBe(hash);
    expect(result.int8?.rounds).toBe(result.iterations);
  });

  it('of points far from the origin, with constant columns and duplicates', async () => {
    const random = createRandom(3);
    const data = Float64Array.from({ length: 1600 }, (_, index) => {
      const value = random.integer(-2000, 2000) / 256;
      return index % 4 === 2 ? 7 : 1e4 + (index < 800 ? value : Math.round(value));
    });
    const points = { data, rowCount: 400, columnCount: 4 };
    for (const clusters of [1, 12]) {
      const options = { clusters, init: 'first', tolerance: 0 } as const;
      const expected = await new KMeans(options).fit(await open(), points);
      const { labels, centroids, inertia, iterations, int8 } = await cluster(points, options);
      expect({ labels, centroids, inertia, iterations }).toEqual({
        labels: expected.labels,
        centroids: expected.centroids,
        inertia: expected.inertia,
        iterations: expected.iterations,
      });
      expect(int8?.rounds).toBe(iterations);
      expect('int8' in expected).toBe(false);
    }
  });

  it('of as many clusters as points, and of points that are all alike', async () => {
    const few = await cluster(blobPoints(31, 23, 2, 3), { clusters: 23, init: 'first' });
    expect(new Set(few.labels).size).toBe(23);
    const alike = await cluster(
      { data: new Float64Array(60).fill(0.1), rowCount: 30, columnCount: 2 },
      { clusters: 3 },
    );
    expect([...alike.labels]).toEqual(Array(30).fill(alike.labels[0]));
    expect(alike.inertia).toBe(0);
  });
});

describe('when 8 bits do not pay', () => {
  it('leaves narrow rows to f32 where bytes have to be unpacked', async () => {
    for (const [dotPath, columnCount, pays] of [
      ['unpacked', 32, false],
      ['unpacked', 33, true],
      ['packed', 1, true],
    ] as const) {
      const engine = await openShared();
      vi.spyOn(engine, 'dotPath', 'get').mockReturnValue(dotPath);
      await withState(engine, new Float64Array(4 * columnCount), columnCount, 2, async (state) => {
        const rounds = new Int8Rounds(state);
        expect(rounds.options.quantized !== undefined).toBe(pays);
        expect(rounds.report).toEqual({ rounds: 0, recheckShare: 0, gaveUp: !pays });
        rounds.release();
      });
    }
  });

  it('gives them up after the second round, with the same labels', async () => {
    const random = createRandom(11);
    const points = { data: random.normalArray(1500 * 128), rowCount: 1500, columnCount: 128 };
    const options = { clusters: 32, init: 'first', tolerance: 0, maximumIterations: 5 } as const;
    const engine = await open();
    const expected = await new KMeans(options).fit(engine, points);
    const live = engine.memory.live;
    const seen: boolean[] = [];
    const result = await new KMeans({ ...options, precision: 'int8' }).fit(engine, points, {
      onIteration: () => undefined,
      onProgress: ({ int8 }) => seen.push(int8?.gaveUp ?? false),
    });
    expect(engine.memory.live).toBe(live);
    expect(seen).toEqual([false, false, true, true, true]);
    expect(result.int8).toMatchObject({ rounds: 3, gaveUp: true });
    expect(result.int8?.recheckShare).toBeGreaterThan(0.5);
    expect([...result.labels]).toEqual([...expected.labels]);
    expect(result.inertia).toBe(expected.inertia);
  });
});

it('another precision is an error', () => {
  expect(() => new KMeans({ precision: 'int4' as 'int8' })).toThrow(InvalidInput);
  expect(() => new KMeans({ precision: 'int4' as 'int8' })).toThrow('precision is "int4"');
});
