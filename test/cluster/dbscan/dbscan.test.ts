import { describe, expect, it, vi } from 'vitest';
import { Aborted, CuantaError, InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import { Dbscan, type DbscanOptions } from '../../../src/cluster/dbscan/dbscan.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { dbscan } from '../../reference/dbscan.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { oraclePoints } from '../oraclePoints.ts';
import { blobs } from '../support.ts';

const open = useEngine();

function rowsOf(data: Float64Array | Float32Array, columnCount: number): HostPoints {
  return { data, rowCount: data.length / columnCount, columnCount };
}

async function cluster(points: HostPoints, options: DbscanOptions) {
  return new Dbscan(options).fit(await open(), points);
}

/** Clusters and compares everything with the float64 reference. */
async function agree(points: HostPoints, epsilon: number, minimumPoints: number) {
  const expected = dbscan(points.data, points.columnCount, epsilon, minimumPoints);
  const result = await cluster(points, { epsilon, minimumPoints });
  expect([...result.labels]).toEqual([...expected.labels]);
  expect([...result.coreIndices]).toEqual([...expected.coreIndices]);
  expect(result.clusters).toBe(expected.clusters);
  expect(result.noise).toBe(expected.labels.filter((label) => label < 0).length);
  expect([...result.sizes]).toEqual(
    Array.from({ length: expected.clusters }, (_, label) => expected.labels.filter((own) => own === label).length),
  );
  return expected;
}

describe('against scikit-learn', () => {
  it.each([
    { name: 'iris', points: oraclePoints(irisText), oracle: irisOracle.dbscan },
    { name: 'moons', points: oraclePoints(moonsText), oracle: moonsOracle.dbscan },
  ])('$name: its labels exactly', async ({ points, oracle }) => {
    const result = await cluster(points, { epsilon: oracle.epsilon, minimumPoints: oracle.minPoints });
    expect([...result.labels]).toEqual(oracle.labels);
    expect(result).toMatchObject({ clusters: oracle.clusters, noise: oracle.noise });
    expect(result.coreIndices.length).toBe(oracle.core);
  });
});

describe('against the float64 reference', () => {
  it.each([1, 2, 3, 4, 7])('points of %i columns', async (columnCount) => {
    let seen = 0;
    for (const [seed, rowCount, minimumPoints, scale] of [
      [1, 1, 1, 1],
      [2, 3, 2, 1],
      [3, 63, 3, 1],
      [4, 257, 5, 0.7],
      [5, 500, 12, 1.5],
      [6, 500, 4, 0.4],
    ] as const) {
      const points = rowsOf(blobs(seed, rowCount, columnCount, 8, 1), columnCount);
      const { clusters } = await agree(points, scale * Math.sqrt(columnCount) * 0.5, minimumPoints);
      seen += clusters;
    }
    expect(seen).toBeGreaterThan(2);
  });

  it.each([1, 2, 3, 6])('lattices, where most decisions are ties (%i columns)', async (columnCount) => {
    const random = createRandom(columnCount);
    for (const [step, epsilon] of [
      [1, 1],
      [1, Math.SQRT2],
      [0.1, 0.3],
    ] as const) {
      const side = columnCount === 1 ? 300 : columnCount === 2 ? 16 : 4;
      const data = Float64Array.from({ length: 220 * columnCount }, () => random.integer(-side, side) * step);
      await agree(rowsOf(data, columnCount), epsilon, 3);
    }
  });
});

describe('pairs that float32 cannot tell', () => {
  /** Pairs of points, far from each other, at distances that are epsilon up to a few units in the last place. */
  function closePairs(columnCount: number, epsilon: number, offset: number): Float64Array {
    const random = createRandom(columnCount);
    const places = Array.from({ length: 250 }, (_, pair) => {
      const first = Array.from({ length: columnCount }, () => offset + random.uniform());
      first[0] = (first[0] ?? 0) + pair * 8 * epsilon;
      const direction = Array.from({ length: columnCount }, () => random.uniform() - 0.5);
      const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
      const second = first.map((value, column) => value + (epsilon * (direction[column] ?? 0)) / length);
      return [first, second];
    });
    return Float64Array.from(places.flat(2));
  }

  it.each([
    { columnCount: 1, epsilon: 0.7, offset: 0 },
    { columnCount: 2, epsilon: 0.7, offset: 0 },
    { columnCount: 3, epsilon: 1 / 3, offset: -500 },
    { columnCount: 5, epsilon: 0.7, offset: 0 },
    { columnCount: 9, epsilon: 1e-3, offset: 1 },
  ])('$columnCount columns', async ({ columnCount, epsilon, offset }) => {
    const { clusters } = await agree(rowsOf(closePairs(columnCount, epsilon, offset), columnCount), epsilon, 2);
    // Both answers are there.
    expect(clusters).toBeGreaterThan(40);
    expect(clusters).toBeLessThan(210);
  });

  it.each([2, 5])('tiny, huge and negative coordinates (%i columns)', async (columnCount) => {
    const shape = blobs(9, 300, columnCount, 5, 1);
    for (const scale of [1e-100, 1e-12, -1, 1e15, 1e100]) {
      await agree(
        rowsOf(
          shape.map((value) => value * scale),
          columnCount,
        ),
        0.6 * Math.abs(scale) * Math.sqrt(columnCount),
        4,
      );
    }
  });

  it.each([1e4, 1e8])('an offset of %i', async (offset) => {
    const random = createRandom(4);
    for (const columnCount of [2, 4]) {
      const plain = Float64Array.from(
        { length: 300 * columnCount },
        () => random.integer(-1200 / columnCount, 1200 / columnCount) / 256,
      );
      const moved = plain.map((value) => value + offset);
      const expected = await agree(rowsOf(moved, columnCount), 0.5, 4);
      expect(expected.labels).toEqual(dbscan(plain, columnCount, 0.5, 4).labels);
      expect(expected.clusters).toBeGreaterThan(0);
    }
  });

  it('extents of more cells than 32 bits count', async () => {
    const near = blobs(10, 200, 2, 4, 0.5);
    const data = Float64Array.from([...near, 1e300, -1e300, 3e12, 3e12, -3e12, 7, 3e12 + 0.25, 3e12]);
    await agree(rowsOf(data, 2), 0.5, 3);
    await agree(rowsOf(data, 1), 1e-9, 2);
    await agree(rowsOf(Float64Array.from([...near, ...near.map((value) => value + 1e9)]), 4), 0.8, 3);
  });
});

describe('special data', () => {
  it.each([1, 2, 3, 5])('all alike, one point, constant columns (%i columns)', async (columnCount) => {
    const alike = rowsOf(new Float64Array(70 * columnCount).fill(0.1), columnCount);
    for (const minimumPoints of [1, 70, 71]) await agree(alike, 1e-9, minimumPoints);
    await agree(rowsOf(new Float64Array(columnCount).fill(-3), columnCount), 1, 1);
    await agree(rowsOf(new Float64Array(columnCount).fill(-3), columnCount), 1, 2);
    const [first] = [blobs(3, 200, 1, 6)];
    const constant = Float64Array.from({ length: 200 * columnCount }, (_, index) =>
      index % columnCount === 0 ? (first?.[index / columnCount] ?? 0) : 7,
    );
    await agree(rowsOf(constant, columnCount), 0.05, 4);
  });

  it.each([2, 4])(
    'an epsilon below and beyond all distances, and minimumPoints 1 (%i columns)',
    async (columnCount) => {
      const points = rowsOf(blobs(5, 150, columnCount, 4), columnCount);
      expect((await agree(points, 1e-9, 1)).clusters).toBe(150);
      expect((await agree(points, 1e-9, 2)).clusters).toBe(0);
      expect((await agree(points, 1e6, 150)).clusters).toBe(1);
      expect((await agree(points, 1e140, 151)).clusters).toBe(0);
    },
  );

  it('very many equal points in few cells', async () => {
    const data = Float64Array.from({ length: 60_000 }, (_, index) => (index >> 1) % 3);
    const result = await cluster(rowsOf(data, 2), { epsilon: 0.5, minimumPoints: 100 });
    expect([...result.sizes]).toEqual([10_000, 10_000, 10_000]);
    expect([...result.labels.subarray(0, 5)]).toEqual([0, 1, 2, 0, 1]);
  });

  it('a border point between two clusters belongs to the lower one', async () => {
    // Cores at 0 and 10, the border point at 5 comes first; clusters are numbered by their cores.
    const data = Float64Array.of(5, 10, 10.1, 10.2, 0, 0.1, 0.2, 4.9);
    const { labels } = await cluster(rowsOf(data, 1), { epsilon: 5, minimumPoints: 5 });
    expect([...labels]).toEqual([...dbscan(data, 1, 5, 5).labels]);
  });
});

describe('the same labels', () => {
  it.each([2, 5])('run after run, and however the work is split (%i columns)', async (columnCount) => {
    const engine = await open();
    const points = rowsOf(blobs(7, 250, columnCount, 6, 1), columnCount);
    const options = { epsilon: 0.5 * Math.sqrt(columnCount), minimumPoints: 5 };
    const whole = await cluster(points, options);
    const budget = vi.spyOn(engine, 'workBudget', 'get').mockReturnValue(40_000);
    const split = await cluster(points, options);
    budget.mockRestore();
    expect(whole.clusters).toBeGreaterThan(1);
    expect(await split.labelsSha256()).toBe(await whole.labelsSha256());
    expect(await (await cluster(points, options)).labelsSha256()).toBe(await whole.labelsSha256());
  });

  it('from float32 on the CPU, and from a tensor, which stays as it is', async () => {
    const engine = await open();
    const data = Float32Array.from(blobs(8, 400, 3, 6, 1));
    const expected = dbscan(data, 3, 0.8, 4);
    const tensor = engine.tensor(data, [400, 3]);
    const options = { epsilon: 0.8, minimumPoints: 4 };
    const fromTensor = await new Dbscan(options).fit(engine, tensor);
    expect([...fromTensor.labels]).toEqual([...expected.labels]);
    expect([...(await cluster(rowsOf(data, 3), options)).labels]).toEqual([...expected.labels]);
    expect(await tensor.read()).toEqual(data);
    tensor.dispose();
  });
});

describe('while it runs', () => {
  it.each([2, 4])(
    'tells its progress, stops when aborted, leaves no memory behind (%i columns)',
    async (columnCount) => {
      const engine = await open();
      const live = engine.memory.live;
      const points = rowsOf(blobs(11, 300, columnCount, 3), columnCount);
      const seen: string[] = [];
      await new Dbscan().fit(engine, points, { onProgress: ({ step, share }) => seen.push(`${step} ${share}`) });
      expect([...new Set(seen)]).toEqual(['core 1', 'link 1', 'border 1']);
      await expect(new Dbscan().fit(engine, points, { signal: AbortSignal.abort() })).rejects.toThrow(Aborted);
      const controller = new AbortController();
      const running = new Dbscan().fit(engine, points, {
        signal: controller.signal,
        onProgress: ({ step }) => step === 'link' && controller.abort(),
      });
      await expect(running).rejects.toThrow(Aborted);
      expect(engine.memory.live).toBe(live);
    },
  );
});

describe('errors', () => {
  it.each([
    { options: { epsilon: 0 }, says: 'epsilon is 0' },
    { options: { epsilon: -1 }, says: 'epsilon is -1' },
    { options: { epsilon: Number.NaN }, says: 'epsilon is NaN' },
    { options: { epsilon: Number.POSITIVE_INFINITY }, says: 'epsilon is Infinity' },
    { options: { minimumPoints: 0 }, says: 'minimumPoints is 0' },
    { options: { minimumPoints: 1.5 }, says: 'minimumPoints is 1.5' },
  ])('of options: $says', ({ options, says }) => {
    expect(() => new Dbscan(options)).toThrow(says);
    expect(() => new Dbscan(options)).toThrow(InvalidInput);
  });

  it.each([
    { points: { data: new Float32Array(0), rowCount: 0, columnCount: 2 }, says: '0 points' },
    { points: { data: new Float32Array(6), rowCount: 2, columnCount: 2 }, says: '6 numbers are not 2 rows' },
    { points: rowsOf(Float64Array.of(1, 2, Number.NaN, 4), 2), says: 'row 1, column 0 is NaN' },
    { points: rowsOf(Float64Array.of(1, 2, 3, 4, Number.NEGATIVE_INFINITY), 5), says: 'column 4 is -Infinity' },
  ])('of points: $says', async ({ points, says }) => {
    await expect(cluster(points, {})).rejects.toThrow(CuantaError);
    await expect(cluster(points, {})).rejects.toThrow(says);
  });

  it('of a tensor that is not a matrix', async () => {
    const engine = await open();
    const tensor = engine.tensor(new Float32Array(8), [2, 2, 2]);
    await expect(new Dbscan().fit(engine, tensor)).rejects.toThrow(ShapeMismatch);
    tensor.dispose();
  });
});
