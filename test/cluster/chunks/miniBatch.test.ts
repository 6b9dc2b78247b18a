import { describe, expect, it } from 'vitest';
import { Aborted, InvalidInput } from '../../../src/base/errors.ts';
import { arrayChunks } from '../../../src/cluster/chunks/arrayChunks.ts';
import { MiniBatchKMeans, type MiniBatchKMeansOptions } from '../../../src/cluster/chunks/miniBatch.ts';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { randomIndex } from '../../../src/cluster/random.ts';
import { assignNearest, inertiaOf } from '../../reference/cluster.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';

const open = useEngine();
const columnCount = 3;
const data = blobs(61, 5000, columnCount, 8);
const points = { data, rowCount: 5000, columnCount };

/** Sculley's algorithm in float64 on given batches. */
function learn(batches: readonly (readonly number[])[], start: Float64Array): Float64Array {
  const centres = start.slice();
  const counts = new Float64Array(start.length / columnCount);
  for (const rows of batches) {
    const batch = Float64Array.from(
      rows.flatMap((row) => [...data.subarray(row * columnCount, (row + 1) * columnCount)]),
    );
    const { labels } = assignNearest(batch, columnCount, centres);
    for (const [place, cluster] of labels.entries()) {
      counts[cluster] = (counts[cluster] ?? 0) + 1;
      for (let column = 0; column < columnCount; column++) {
        const index = cluster * columnCount + column;
        const apart = (batch[place * columnCount + column] ?? 0) - (centres[index] ?? 0);
        centres[index] = (centres[index] ?? 0) + apart / (counts[cluster] ?? 1);
      }
    }
  }
  return centres;
}

describe('against the float64 reference', () => {
  const options = { clusters: 8, init: 'first', batchSize: 400, reassignmentRatio: 0, seed: 3 } as const;
  const start = data.slice(0, 8 * columnCount);

  it('random batches of an array, until nothing improves', async () => {
    const fit = await new MiniBatchKMeans(options).fit(await open(), points);
    expect(fit.converged).toBe(true);
    expect(fit.steps).toBeLessThan(200);
    const batches = Array.from({ length: fit.steps }, (_, step) =>
      Array.from({ length: 400 }, (_, place) => randomIndex(3, 'batches', step * 400 + place, 5000)),
    );
    const expected = learn(batches, start);
    for (const [index, value] of expected.entries()) expect(fit.centroids[index]).toBeCloseTo(value, 4);
    const { labels } = assignNearest(data, columnCount, fit.centroids);
    expect([...fit.labels]).toEqual([...labels]);
    expect(fit.inertia).toBeCloseTo(inertiaOf(data, columnCount, fit.centroids, labels), 6);
    expect(fit.sizes.reduce((sum, size) => sum + size)).toBe(5000);
  });

  it('consecutive batches of chunks, the last of a pass smaller, whatever the chunks', async () => {
    const batches: number[][] = [];
    for (let pass = 0; pass < 2; pass++) {
      for (let first = 0; first < 5000; first += 400) {
        batches.push(Array.from({ length: Math.min(400, 5000 - first) }, (_, place) => first + place));
      }
    }
    const expected = learn(batches, start);
    const hashes = new Set<string>();
    for (const chunkRows of [7, 1234, 5000]) {
      const estimator = new MiniBatchKMeans({
        ...options,
        maximumIterations: 2,
        noImprovement: Number.POSITIVE_INFINITY,
      });
      const fit = await estimator.fitChunks(await open(), arrayChunks(points, chunkRows));
      expect(fit).toMatchObject({ steps: 26, converged: false });
      for (const [index, value] of expected.entries()) expect(fit.centroids[index]).toBeCloseTo(value, 4);
      hashes.add(await fit.labelsSha256());
    }
    expect(hashes.size).toBe(1);
  });
});

it('leaves little for Lloyd to improve, and gives the same bits twice', async () => {
  const engine = await open();
  const options: MiniBatchKMeansOptions = { clusters: 8, seed: 1, batchSize: 256 };
  const seen: number[] = [];
  const fit = await new MiniBatchKMeans(options).fit(engine, points, { onProgress: ({ step }) => seen.push(step) });
  const again = await new MiniBatchKMeans(options).fit(engine, points);
  const improved = await new KMeans({ clusters: 8, init: fit.centroids }).fit(engine, points);
  expect(improved.inertia).toBeLessThanOrEqual(fit.inertia);
  expect(fit.inertia).toBeLessThan(1.05 * improved.inertia);
  expect(again.centroids).toEqual(fit.centroids);
  expect(await again.labelsSha256()).toBe(await fit.labelsSha256());
  expect(seen).toEqual(Array.from({ length: fit.steps }, (_, step) => step + 1));
});

it('shows every batch, with the labels of all points where they are asked for, and gives the same bits as unwatched', async () => {
  const engine = await open();
  const live = engine.memory.live;
  const estimator = new MiniBatchKMeans({ clusters: 8, init: 'first', batchSize: 1000, maximumIterations: 1 });
  const steps: number[] = [];
  let labels: Int32Array = new Int32Array();
  let centroids = new Float64Array();
  const fit = await estimator.fit(engine, points, {
    onIteration: async ({ step, assignAll, readCentroids }) => {
      steps.push(step);
      if (step === 1) return;
      const [first, second] = await Promise.all([assignAll(), assignAll()]);
      expect(second).toBe(first);
      labels = await first.read();
      centroids = await readCentroids();
      if (step === 2) expect([...labels]).toEqual([...assignNearest(data, columnCount, centroids).labels]);
    },
  });
  expect(steps).toEqual([1, 2, 3, 4, 5]);
  expect(fit.steps).toBe(5);
  expect(labels).toEqual(fit.labels);
  expect(centroids).toEqual(fit.centroids);
  expect(fit.labels).toEqual((await estimator.fit(engine, points)).labels);
  const failure = new Error('from the callback');
  const failing = estimator.fit(engine, points, {
    onIteration: async ({ assignAll }) => {
      await assignAll();
      throw failure;
    },
  });
  await expect(failing).rejects.toBe(failure);
  expect(engine.memory.live).toBe(live);
});

it('lets clusters without points start again from others', async () => {
  const far = Float64Array.from({ length: 24 }, (_, index) => (index < 3 ? (data[index] ?? 0) : 900 + index));
  const options = { clusters: 8, init: far, batchSize: 300, maximumIterations: 3 } as const;
  const stuck = await new MiniBatchKMeans({ ...options, reassignmentRatio: 0 }).fit(await open(), points);
  expect(stuck.sizes.filter((size) => size > 0).length).toBe(1);
  const freed = await new MiniBatchKMeans(options).fit(await open(), points);
  expect(freed.sizes.filter((size) => size > 0).length).toBe(8);
});

describe('special data and errors', () => {
  it('fewer points than a batch, and a tensor', async () => {
    const engine = await open();
    const few = Float32Array.from(data.subarray(0, 30));
    const fit = await new MiniBatchKMeans({ clusters: 10, init: 'first' }).fit(engine, {
      data: few,
      rowCount: 10,
      columnCount,
    });
    expect(fit.labels.length).toBe(10);
    const tensor = engine.tensor(few, [10, 3]);
    const fromTensor = await new MiniBatchKMeans({ clusters: 10, init: 'first' }).fit(engine, tensor);
    expect(fromTensor.labels).toEqual(fit.labels);
    tensor.dispose();
  });

  it.each([
    { options: { batchSize: 0 }, says: 'batchSize is 0' },
    { options: { noImprovement: 0.5 }, says: 'noImprovement is 0.5' },
    { options: { reassignmentRatio: 2 }, says: 'reassignmentRatio is 2' },
    { options: { maximumIterations: 0 }, says: 'maximumIterations is 0' },
    { options: { clusters: 0 }, says: 'clusters is 0' },
  ])('$says', ({ options, says }) => {
    expect(() => new MiniBatchKMeans(options)).toThrow(InvalidInput);
    expect(() => new MiniBatchKMeans(options)).toThrow(`MiniBatchKMeans: ${says}`);
  });

  it('is stopped by its signal, and leaves no memory behind', async () => {
    const engine = await open();
    const live = engine.memory.live;
    const controller = new AbortController();
    const running = new MiniBatchKMeans({ clusters: 8 }).fit(engine, points, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(running).rejects.toThrow(Aborted);
    const wrong = { data: Float64Array.of(1, Number.NaN), rowCount: 2, columnCount: 1 };
    await expect(new MiniBatchKMeans({ clusters: 1 }).fit(engine, wrong)).rejects.toThrow('row 1, column 0 is NaN');
    expect(engine.memory.live).toBe(live);
  });
});
