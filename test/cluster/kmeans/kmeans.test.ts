import { describe, expect, it, vi } from 'vitest';
import { Aborted, CuantaError, InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import { KMeans, type KMeansFit, type KMeansOptions } from '../../../src/cluster/kmeans/kmeans.ts';
import { runLloyd } from '../../../src/cluster/kmeans/lloyd.ts';
import { labelsHash } from '../../../src/cluster/labelsHash.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { assignNearest, inertiaOf, lloyd } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { storedFits } from '../storedFits.ts';
import { blobPoints, blobs, withState } from '../support.ts';

const open = useEngine();

/** Points of an oracle's CSV, whose last column is the class. */
function pointsOf(text: string): HostPoints {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').slice(0, -1).map(Number));
  return { data: Float64Array.from(rows.flat()), rowCount: rows.length, columnCount: rows[0]?.length ?? 0 };
}

async function cluster(points: HostPoints, options: KMeansOptions) {
  return new KMeans(options).fit(await open(), points);
}

describe('against scikit-learn, from the first rows with tolerance 0', () => {
  it.each([
    { name: 'iris', points: pointsOf(irisText), oracle: irisOracle, iterations: 12 },
    { name: 'digits', points: pointsOf(digitsText), oracle: digitsOracle, iterations: 14 },
    { name: 'moons', points: pointsOf(moonsText), oracle: moonsOracle, iterations: 7 },
  ])('$name: inertia within 1e-6, $iterations iterations', async ({ points, oracle, iterations }) => {
    const result = await cluster(points, { clusters: oracle.clusters, init: 'first', tolerance: 0 });
    expect(result.iterations).toBe(iterations);
    expect(result.converged).toBe(true);
    expect(Math.abs(result.inertia / oracle.kmeans.inertia - 1)).toBeLessThan(1e-6);
    expect([...result.labels]).toEqual(oracle.kmeans.labels);
    const sizes = oracle.kmeans.labels.reduce<number[]>((counts, label) => {
      counts[label] = (counts[label] ?? 0) + 1;
      return counts;
    }, []);
    expect([...result.sizes]).toEqual(sizes);
    for (const [index, value] of oracle.kmeans.centroids.flat().entries()) {
      expect(result.centroids[index]).toBeCloseTo(value, 5);
    }
  });
});

it('the best of several starts: of 50 on iris, with a smaller inertia than from the first rows', async () => {
  const points = pointsOf(irisText);
  const engine = await open();
  const seen = new Set<number | undefined>();
  const means = new KMeans({ clusters: 3, starts: 12, tolerance: 0, seed: 1 });
  const fit = await means.fit(engine, points, { onProgress: ({ start }) => seen.add(start) });
  expect([...seen]).toEqual(Array.from({ length: 12 }, (_, start) => start + 1));
  expect(Math.abs(fit.inertia / irisOracle.kmeansBestOf50.inertia - 1)).toBeLessThan(1e-6);
  // Later starts do not depend on earlier ones, and the first is that of a single one.
  const single = await new KMeans({ clusters: 3, tolerance: 0, seed: 1 }).fit(engine, points);
  expect(single.inertia).toBeGreaterThanOrEqual(fit.inertia);
  const again = await means.fit(engine, points);
  expect([...again.labels]).toEqual([...fit.labels]);
});

it('from a former fit, which has settled', async () => {
  const points = pointsOf(irisText);
  const fit = await cluster(points, { clusters: 3, init: 'first', tolerance: 0 });
  const means = new KMeans({ init: fit, tolerance: 0 });
  expect(means.clusters).toBe(3);
  const warm = await means.fit(await open(), points);
  expect(warm.iterations).toBe(1);
  expect([...warm.labels]).toEqual([...fit.labels]);
  expect(warm.centroids).toEqual(fit.centroids);
});

describe('against the float64 reference', () => {
  it.each([
    { tolerance: 1e-4, maximumIterations: 300 },
    { tolerance: 0.05, maximumIterations: 300 },
    { tolerance: 0, maximumIterations: 4 },
    { tolerance: 0, maximumIterations: 1 },
  ])('tolerance $tolerance, at most $maximumIterations iterations', async (options) => {
    const points = blobPoints(12, 900, 3, 9);
    const expected = lloyd(points.data, 3, points.data.subarray(0, 27), {
      tolerance: options.tolerance,
      maxIterations: options.maximumIterations,
    });
    const result = await cluster(points, { clusters: 9, init: 'first', ...options });
    expect(result.iterations).toBe(expected.iterations);
    expect(result.converged).toBe(expected.converged);
    expect([...result.labels]).toEqual([...expected.labels]);
    expect(Math.abs(result.inertia / expected.inertia - 1)).toBeLessThan(1e-6);
  });

  it('labels of one step differ from float64 only where the margin is below the bound', async () => {
    const random = createRandom(2);
    const points = { data: random.normalArray(6000), rowCount: 1500, columnCount: 4 };
    const result = await cluster(points, { clusters: 40, seed: 4, maximumIterations: 1 });
    const { labels } = assignNearest(points.data, 4, result.centroids);
    const own = inertiaOf(points.data, 4, result.centroids, result.labels);
    expect(result.labels.filter((label, row) => label !== labels[row]).length).toBeLessThan(3);
    expect(Math.abs(own / inertiaOf(points.data, 4, result.centroids, labels) - 1)).toBeLessThan(1e-9);
    expect(result.inertia).toBeCloseTo(own, 6);
  });

  it('an offset of 1e4 does not change the labels', async () => {
    const random = createRandom(3);
    const data = Float64Array.from({ length: 1200 }, () => random.integer(-2000, 2000) / 256);
    const options = { clusters: 12, init: 'first', tolerance: 0 } as const;
    const plain = await cluster({ data, rowCount: 400, columnCount: 3 }, options);
    const shifted = await cluster({ data: data.map((value) => value + 1e4), rowCount: 400, columnCount: 3 }, options);
    expect([...shifted.labels]).toEqual([...plain.labels]);
    expect(shifted.iterations).toBe(plain.iterations);
  });
});

describe('the same bits', () => {
  // The hashes stand for every adapter: Dawn and Chromium run this same test.
  it.each(storedFits)('$name: twice, and the stored hash', async ({ points, options, hash }) => {
    const first = await cluster(points, options);
    const second = await cluster(points, options);
    const data = (fit: KMeansFit) => ({ ...fit, predict: 0, transform: 0, score: 0, labelsSha256: 0 });
    expect(data(second)).toEqual(data(first));
    expect(await first.labelsSha256()).toBe(hash);
    expect(await labelsHash(first.labels)).toBe(hash);
  });

  it('whatever one dispatch may do', async () => {
    const engine = await open();
    const points = blobPoints(21, 4000, 3, 7);
    const whole = await cluster(points, { clusters: 7, seed: 3 });
    const budget = vi.spyOn(engine, 'workBudget', 'get').mockReturnValue(30_000);
    const split = await cluster(points, { clusters: 7, seed: 3 });
    expect(budget).toHaveBeenCalled();
    budget.mockRestore();
    expect(await split.labelsSha256()).toBe(await whole.labelsSha256());
    expect(split.centroids).toEqual(whole.centroids);
  });

  it('whatever the parts', async () => {
    const engine = await open();
    const data = blobs(22, 4000, 3, 7);
    const run = (partBytes: number) =>
      withState(
        engine,
        data,
        3,
        7,
        async (state, coordinates) => {
          const start = new Float32Array(28);
          for (let cluster = 0; cluster < 7; cluster++) {
            start.set(coordinates.subarray(cluster * 3, cluster * 3 + 3), cluster * 4);
          }
          state.setCentroids(start);
          const status = await runLloyd(state, { tolerance: 0, maximumIterations: 40 });
          return { status, labels: await state.readLabels(), centroids: await state.readCentroids() };
        },
        partBytes,
      );
    expect(await run(1024 * 16)).toEqual(await run(1 << 20));
  });

  it('from a tensor as from an array, but for the centre', async () => {
    const engine = await open();
    const data = Float32Array.from(blobs(23, 1000, 3, 6));
    const tensor = engine.tensor(data, [1000, 3]);
    const options = { clusters: 6, init: 'first', tolerance: 0 } as const;
    const fromTensor = await new KMeans(options).fit(engine, tensor);
    const fromArray = await cluster({ data, rowCount: 1000, columnCount: 3 }, options);
    expect([...fromTensor.labels]).toEqual([...fromArray.labels]);
    expect(fromTensor.iterations).toBe(fromArray.iterations);
    expect(Math.abs(fromTensor.inertia / fromArray.inertia - 1)).toBeLessThan(1e-6);
    expect([...(await fromTensor.predict(tensor))]).toEqual([...fromTensor.labels]);
    tensor.dispose();
  });
});

describe('special data', () => {
  it('as many clusters as points', async () => {
    const points = blobPoints(31, 23, 2, 3);
    for (const init of ['first', 'random', 'k-means++'] as const) {
      const result = await cluster(points, { clusters: 23, init });
      expect(new Set(result.labels).size).toBe(23);
      expect(result.inertia).toBeLessThan(1e-9);
    }
  });

  it('one point, one cluster', async () => {
    const result = await cluster({ data: Float64Array.of(3, 4), rowCount: 1, columnCount: 2 }, { clusters: 1 });
    expect([...result.centroids]).toEqual([3, 4]);
    expect(result).toMatchObject({ inertia: 0, converged: true });
  });

  it.each(['first', 'random', 'k-means++'] as const)(
    'fewer different points than clusters: surplus ones stay empty (%s)',
    async (init) => {
      const data = Float64Array.from({ length: 200 }, (_, index) => 10 * (Math.floor(index / 2) % 3));
      const result = await cluster({ data, rowCount: 100, columnCount: 2 }, { clusters: 6, init });
      expect(result.inertia).toBeCloseTo(0, 9);
      expect(result.centroids.every(Number.isFinite)).toBe(true);
      expect(result.converged).toBe(true);
      expect(result.sizes.filter((size) => size > 0).length).toBe(3);
      expect(result.sizes.reduce((sum, size) => sum + size)).toBe(100);
    },
  );

  it('constant columns, and all points alike', async () => {
    const { data } = blobPoints(32, 300, 1, 3);
    const widened = Float64Array.from({ length: 900 }, (_, index) =>
      index % 3 === 1 ? (data[Math.floor(index / 3)] ?? 0) : 0.1,
    );
    const plain = await cluster({ data, rowCount: 300, columnCount: 1 }, { clusters: 3, init: 'first' });
    const wide = await cluster({ data: widened, rowCount: 300, columnCount: 3 }, { clusters: 3, init: 'first' });
    expect([...wide.labels]).toEqual([...plain.labels]);
    const alike = await cluster({ data: widened.fill(0.1), rowCount: 300, columnCount: 3 }, { clusters: 2 });
    expect([...alike.centroids]).toEqual([0.1, 0.1, 0.1, 0.1, 0.1, 0.1]);
    expect(alike.inertia).toBe(0);
  });
});

describe('predict', () => {
  it('gives the labels of the points that were fitted, and the nearest centroid of others', async () => {
    const points = blobPoints(41, 500, 5, 6);
    const result = await cluster(points, { clusters: 6, tolerance: 0 });
    expect([...(await result.predict(points))]).toEqual([...result.labels]);
    const others = { data: blobs(42, 100, 5, 6).map((value) => value * 20 - 90), rowCount: 100, columnCount: 5 };
    expect([...(await result.predict(others))]).toEqual([...assignNearest(others.data, 5, result.centroids).labels]);
  });

  it('rejects other columns and non-finite points', async () => {
    const result = await cluster(blobPoints(43, 50, 2, 2), { clusters: 2 });
    await expect(result.predict(blobPoints(43, 50, 3, 2))).rejects.toThrow(ShapeMismatch);
    await expect(result.predict({ data: Float32Array.of(1, Number.NaN), rowCount: 1, columnCount: 2 })).rejects.toThrow(
      'row 0, column 1 is NaN',
    );
  });
});

describe('while it runs', () => {
  it('tells its progress', async () => {
    const seen: { iteration: number; changed: number; shift: number; converged: boolean }[] = [];
    const points = blobPoints(51, 800, 2, 5);
    const result = await new KMeans({ clusters: 5, init: 'first', tolerance: 0 }).fit(await open(), points, {
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.at(-1)).toEqual({ iteration: result.iterations, changed: 0, shift: 0, converged: true });
  });

  it('shows every round', async () => {
    const engine = await open();
    const points = blobPoints(52, 300, 2, 5);
    const rounds: { iteration: number; labels: number[]; centroids: Float64Array }[] = [];
    const result = await new KMeans({ clusters: 5, init: 'first', tolerance: 0 }).fit(engine, points, {
      onIteration: async ({ iteration, labels, readCentroids }) => {
        rounds.push({ iteration, labels: [...(await labels.read())], centroids: await readCentroids() });
      },
    });
    expect(rounds.map(({ iteration }) => iteration)).toEqual(rounds.map((_, index) => index + 1));
    expect(rounds.length).toBe(result.iterations);
    expect(rounds.at(-1)?.labels).toEqual([...result.labels]);
    expect(rounds.at(-1)?.centroids).toEqual(result.centroids);
    expect(rounds[0]?.labels).toEqual([...assignNearest(points.data, 2, points.data.subarray(0, 10)).labels]);
  });

  it('stops when aborted, before and while it runs, and releases its memory', async () => {
    const engine = await open();
    const points = blobPoints(53, 3000, 4, 20);
    const live = engine.memory.live;
    const already = AbortSignal.abort(new Error('enough'));
    await expect(new KMeans().fit(engine, points, { signal: already })).rejects.toThrow(Aborted);
    const controller = new AbortController();
    const options = { clusters: 20, tolerance: 0 } as const;
    const running = new KMeans(options).fit(engine, points, {
      signal: controller.signal,
      onIteration: ({ iteration }) => {
        if (iteration === 2) controller.abort();
      },
    });
    await expect(running).rejects.toThrow(Aborted);
    expect(engine.memory.live).toBe(live);
    const late = new AbortController();
    const second = new KMeans(options).fit(engine, points, { signal: late.signal });
    setTimeout(() => late.abort(), 5);
    await expect(second).rejects.toThrow(Aborted);
    expect(engine.memory.live).toBe(live);
  });

  it('leaves no memory behind, whether it succeeds or fails', async () => {
    const engine = await open();
    const live = engine.memory.live;
    const points = blobPoints(54, 200, 3, 3);
    const result = await cluster(points, { clusters: 3 });
    await result.predict(points);
    const failure = new Error('from the callback');
    const failing = new KMeans({ clusters: 3 }).fit(engine, points, {
      onIteration: () => {
        throw failure;
      },
    });
    await expect(failing).rejects.toBe(failure);
    expect(engine.memory.live).toBe(live);
  });
});

describe('errors', () => {
  it.each([
    { options: { clusters: 0 }, says: 'clusters is 0' },
    { options: { clusters: 2.5 }, says: 'clusters is 2.5' },
    { options: { tolerance: -1 }, says: 'tolerance is -1' },
    { options: { tolerance: Number.NaN }, says: 'tolerance is NaN' },
    { options: { maximumIterations: 0 }, says: 'maximumIterations is 0' },
    { options: { seed: -1 }, says: 'seed is -1' },
    { options: { init: 'best' as 'first' }, says: 'init is "best"' },
    { options: { starts: 0 }, says: 'starts is 0' },
    { options: { starts: 2, init: 'first' as const }, says: 'starts is 2, but init leaves nothing to chance' },
  ])('of options: $says', ({ options, says }) => {
    expect(() => new KMeans(options)).toThrow(says);
    expect(() => new KMeans(options)).toThrow(InvalidInput);
  });

  it.each([
    {
      points: { data: new Float32Array(6), rowCount: 3, columnCount: 2 },
      options: { clusters: 4 },
      says: '4 clusters of 3 points',
    },
    { points: { data: new Float32Array(0), rowCount: 0, columnCount: 2 }, options: {}, says: '0 points' },
    {
      points: { data: new Float32Array(6), rowCount: 2, columnCount: 2 },
      options: {},
      says: '6 numbers are not 2 rows',
    },
    {
      points: { data: Float32Array.of(1, 2, Number.NaN), rowCount: 3, columnCount: 1 },
      options: { clusters: 1 },
      says: 'row 2, column 0 is NaN',
    },
    {
      points: { data: new Float32Array(6), rowCount: 3, columnCount: 2 },
      options: { clusters: 2, init: new Float32Array(3) },
      says: 'need 4',
    },
    {
      points: { data: new Float32Array(6), rowCount: 3, columnCount: 2 },
      options: { clusters: 1, init: Float32Array.of(1, Number.NaN) },
      says: 'init, row 0, column 1 is NaN',
    },
    {
      points: { data: new Float32Array(70_000), rowCount: 1, columnCount: 70_000 },
      options: { clusters: 1 },
      says: 'at most',
    },
  ])('of points: $says', async ({ points, options, says }) => {
    const failing = cluster(points, options);
    await expect(failing).rejects.toThrow(CuantaError);
    await expect(failing).rejects.toThrow(says);
  });

  it('of a tensor that is not a matrix', async () => {
    const engine = await open();
    const tensor = engine.tensor(new Float32Array(8), [2, 2, 2]);
    await expect(new KMeans({ clusters: 1 }).fit(engine, tensor)).rejects.toThrow(ShapeMismatch);
    tensor.dispose();
  });
});
