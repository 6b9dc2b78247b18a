import { describe, expect, it } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import { KMeans, type KMeansOptions } from '../../../src/cluster/kmeans/kmeans.ts';
import { wholeWeights } from '../../../src/cluster/points/weights.ts';
import { inertiaOf } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';

const open = useEngine();

describe('whole weights', () => {
  it('are exact multiples of a power of two, with a sum just below 2^32', () => {
    const random = createRandom(1);
    for (const scale of [2 ** -1074, 2 ** -60, 1, 2 ** 60, 2 ** 1000]) {
      const weights = Float64Array.from({ length: 100 }, () => random.integer(1, 1000) * scale);
      const { values, total } = wholeWeights(weights, 100, 'test');
      const unit = (values[0] as number) / ((weights[0] as number) / scale);
      expect(Math.log2(unit) % 1).toBe(0);
      expect([...values]).toEqual([...weights].map((weight) => (weight / scale) * unit));
      expect(total).toBe(values.reduce((sum, value) => sum + value, 0));
      expect(total).toBeLessThan(2 ** 32);
      expect(total).toBeGreaterThanOrEqual(2 ** 31);
    }
  });

  it('are within 2^-32 of the sum', () => {
    const random = createRandom(2);
    const weights = Float32Array.from({ length: 999 }, () => random.uniform() ** 8);
    const { values, total } = wholeWeights(weights, 999, 'test');
    const sum = weights.reduce((a, b) => a + b, 0);
    for (const [row, value] of values.entries()) {
      expect(Math.abs(value / total - (weights[row] ?? 0) / sum)).toBeLessThan(2 ** -30);
    }
    expect([...wholeWeights(Float64Array.of(7), 1, 'test').values]).toEqual([7 * 2 ** 29]);
    expect(wholeWeights(new Float32Array(3).fill(1e-9), 3, 'test').values.every((value) => value > 2 ** 29)).toBe(true);
  });

  it.each([
    { weights: [1, -0.5], error: InvalidInput, says: 'the weight of row 1 is -0.5' },
    { weights: [Number.NaN, 1], error: InvalidInput, says: 'the weight of row 0 is NaN' },
    { weights: [1, Number.POSITIVE_INFINITY], error: InvalidInput, says: 'the weight of row 1 is Infinity' },
    { weights: [0, 0], error: InvalidInput, says: 'all 2 weights are 0' },
    { weights: [1], error: ShapeMismatch, says: '1 weights for 2 points' },
  ])('refuse $weights', async ({ weights, error, says }) => {
    const points = { data: Float64Array.of(1, 2), rowCount: 2, columnCount: 1 };
    const failing = new KMeans({ clusters: 1 }).fit(await open(), points, { weights: Float64Array.from(weights) });
    await expect(failing).rejects.toThrow(error);
    await expect(failing).rejects.toThrow(says);
  });
});

/** Points on a lattice, which f32 holds exactly in any frame, with whole weights, and the same with as many duplicates. */
function weightedLattice(seed: number, rowCount: number) {
  const random = createRandom(seed);
  const data = Float64Array.from(random.integerArray(rowCount * 3, 0, 60), (value) => value / 4);
  const weights = Float64Array.from({ length: rowCount }, () => random.integer(1, 5));
  const rows = [...weights.keys()].flatMap((row) => new Array<number>(weights[row] ?? 0).fill(row));
  const repeated = Float64Array.from(rows.flatMap((row) => [...data.subarray(row * 3, row * 3 + 3)]));
  return {
    points: { data, rowCount, columnCount: 3 },
    weights,
    rows,
    duplicates: { data: repeated, rowCount: rows.length, columnCount: 3 },
  };
}

describe('weighted k-means', () => {
  it.each([
    { clusters: 9, init: 'k-means++', seed: 3 },
    { clusters: 5, init: Float64Array.from({ length: 15 }, (_, index) => (index * 7) % 16) },
    // Two centroids far off: their clusters are empty at first.
    { clusters: 4, init: Float64Array.of(1, 1, 1, 9, 9, 9, 90, 90, 90, -90, 0, 90) },
  ] satisfies KMeansOptions[])('of whole weights is that of duplicates: $clusters clusters, $init', async (options) => {
    const engine = await open();
    const { points, weights, rows, duplicates } = weightedLattice(options.clusters, 700);
    const means = new KMeans({ ...options, tolerance: 0 });
    const weighted = await means.fit(engine, points, { weights });
    const repeated = await means.fit(engine, duplicates);
    expect([...repeated.labels]).toEqual(rows.map((row) => weighted.labels[row]));
    expect(weighted.iterations).toBe(repeated.iterations);
    expect(weighted.inertia / repeated.inertia).toBeCloseTo(1, 9);
    // The frames differ, and with them how means are rounded to f32.
    for (const [index, value] of weighted.centroids.entries()) {
      expect(value).toBeCloseTo(repeated.centroids[index] ?? Number.NaN, 5);
    }
    // Any power of two of the weights is the same.
    const halved = await means.fit(engine, points, { weights: weights.map((weight) => weight / 8) });
    expect([halved.labels, halved.centroids]).toEqual([weighted.labels, weighted.centroids]);
  });

  it('of equal weights is that without, bit by bit', async () => {
    const engine = await open();
    const { points } = weightedLattice(11, 500);
    const means = new KMeans({ clusters: 7, seed: 2 });
    const plain = await means.fit(engine, points);
    const equal = await means.fit(engine, points, { weights: new Float32Array(500).fill(0.7) });
    expect({ ...equal, inertia: 0 }).toMatchObject({
      labels: plain.labels,
      centroids: plain.centroids,
      iterations: plain.iterations,
    });
    expect(equal.inertia / plain.inertia).toBeCloseTo(0.7, 6);
  });

  it('points of weight 0 are labelled and have no other say', async () => {
    const engine = await open();
    const { points } = weightedLattice(12, 400);
    const random = createRandom(5);
    const weights = Float64Array.from({ length: 400 }, () => random.integer(0, 2) * random.uniform());
    const kept = [...weights.keys()].filter((row) => weights[row] !== 0);
    const data = Float64Array.from(kept.flatMap((row) => [...points.data.subarray(row * 3, row * 3 + 3)]));
    for (const init of ['first', 'k-means++', 'random'] as const) {
      const options = { clusters: 6, init, tolerance: 0 } as const;
      const all = await new KMeans(options).fit(engine, points, { weights });
      const some = await new KMeans(options).fit(
        engine,
        { data, rowCount: kept.length, columnCount: 3 },
        { weights: Float64Array.from(kept, (row) => weights[row] ?? 0) },
      );
      expect([...some.labels]).toEqual(kept.map((row) => all.labels[row]));
      expect(all.inertia / some.inertia).toBeCloseTo(1, 9);
      let inertia = 0;
      for (const row of kept) {
        const own = points.data.subarray(row * 3, row * 3 + 3);
        inertia += (weights[row] ?? 0) * inertiaOf(own, 3, all.centroids, all.labels.subarray(row, row + 1));
      }
      expect(all.inertia / inertia).toBeCloseTo(1, 9);
    }
    const few = new KMeans({ clusters: kept.length + 1 }).fit(engine, points, { weights });
    await expect(few).rejects.toThrow('points with a positive weight');
  });

  it('of a tensor', async () => {
    const engine = await open();
    const { points, weights } = weightedLattice(13, 300);
    const tensor = engine.tensor(Float32Array.from(points.data), [300, 3]);
    const options = { clusters: 4, init: 'first', tolerance: 0 } as const;
    const fromTensor = await new KMeans(options).fit(engine, tensor, { weights });
    const fromArray = await new KMeans(options).fit(engine, points, { weights });
    tensor.dispose();
    expect(fromTensor.labels).toEqual(fromArray.labels);
    expect(fromTensor.inertia / fromArray.inertia).toBeCloseTo(1, 6);
  });
});
