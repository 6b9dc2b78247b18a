import { describe, expect, it } from 'vitest';
import { Aborted, InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import type { PointChunk, PointChunks } from '../../../src/base/pointChunks.ts';
import { arrayChunks } from '../../../src/cluster/chunks/arrayChunks.ts';
import { StreamingKMeans, type StreamingKMeansOptions } from '../../../src/cluster/chunks/streamingKMeans.ts';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobPoints } from '../support.ts';

const open = useEngine();

/** Chunks of these sizes in turn, without access to single rows and without a known number of rows. */
function unevenChunks({ data, rowCount, columnCount }: HostPoints, sizes: readonly number[]): PointChunks {
  return {
    columnCount,
    async *chunks() {
      for (let first = 0, turn = 0; first < rowCount; turn++) {
        const count = Math.min(sizes[turn % sizes.length] ?? 1, rowCount - first);
        yield { data: data.slice(first * columnCount, (first + count) * columnCount), rowCount: count };
        first += count;
      }
    },
  };
}

/** Chunks that are the `first` ones at the first reading and `later` ones after that. */
function changingChunks(first: readonly number[][], later: readonly number[][]): PointChunks {
  let readings = 0;
  return {
    columnCount: 2,
    async *chunks(): AsyncGenerator<PointChunk> {
      for (const chunk of readings++ === 0 ? first : later) {
        yield { data: Float64Array.from(chunk), rowCount: chunk.length / 2 };
      }
    },
  };
}

const four = [
  [0, 0, 1, 0],
  [9, 9, 9, 8],
];

async function cluster(points: PointChunks, options: StreamingKMeansOptions) {
  return new StreamingKMeans(options).fit(await open(), points);
}

describe('the same bits as in one piece', () => {
  const lattice = Float64Array.from(createRandom(7).integerArray(3000, 0, 9));
  const duplicates = Float64Array.from({ length: 400 }, (_, index) => 10 * (Math.floor(index / 2) % 3));
  const cases: readonly {
    readonly name: string;
    readonly points: HostPoints;
    readonly options: Omit<StreamingKMeansOptions, 'chunkRows'>;
  }[] = [
    { name: 'blobs, k-means++', points: blobPoints(1, 3000, 5, 12), options: { clusters: 12, seed: 5 } },
    {
      name: 'float32, random rows, two rounds at most',
      points: { data: createRandom(5).uniformArray(6000), rowCount: 2000, columnCount: 3 },
      options: { clusters: 30, init: 'random', seed: 6, maximumIterations: 2 },
    },
    {
      name: 'a lattice with clusters that become empty',
      points: { data: lattice, rowCount: 1500, columnCount: 2 },
      options: { clusters: 17, init: 'first', tolerance: 0 },
    },
    {
      name: 'given centroids, most of them far away',
      points: blobPoints(9, 1300, 2, 5),
      options: {
        clusters: 5,
        init: Float64Array.of(0, 0, 500, 500, 600, 600, 700, 700, 800, 800),
        tolerance: 0,
      },
    },
    {
      name: 'fewer different points than clusters',
      points: { data: duplicates, rowCount: 200, columnCount: 2 },
      options: { clusters: 6, seed: 3 },
    },
  ];

  it.each(cases)('$name', async ({ points, options }) => {
    const whole = await new KMeans(options).fit(await open(), points);
    const expected = {
      centroids: whole.centroids,
      inertia: whole.inertia,
      iterations: whole.iterations,
      converged: whole.converged,
      sizes: whole.sizes,
    };
    const cuts: readonly (readonly [PointChunks, number | undefined])[] = [
      [unevenChunks(points, [1, 700, 13]), 256],
      [unevenChunks(points, [points.rowCount]), 999],
      [arrayChunks(points, 500), undefined],
    ];
    for (const [chunks, chunkRows] of cuts) {
      const result = await cluster(chunks, { ...options, ...(chunkRows !== undefined && { chunkRows }) });
      expect(result).toMatchObject(expected);
      expect(result.labels.slice()).toEqual(whole.labels);
      expect(await result.labelsSha256()).toBe(await whole.labelsSha256());
    }
  });

  it('from several arrays, and other points afterwards', async () => {
    const points = blobPoints(3, 900, 3, 4);
    const cut = 301 * 3;
    const arrays = [
      { data: points.data.subarray(0, cut), rowCount: 301, columnCount: 3 },
      { data: points.data.subarray(cut), rowCount: 599, columnCount: 3 },
    ];
    const result = await cluster(arrayChunks(arrays, 128), { clusters: 4, seed: 2, chunkRows: 200 });
    const whole = await new KMeans({ clusters: 4, seed: 2 }).fit(await open(), points);
    expect([...result.labels.chunks(77)].flatMap((chunk) => [...chunk])).toEqual([...whole.labels]);
    const predicted: number[] = [];
    for await (const labels of result.predictChunks(unevenChunks(points, [400, 3]))) predicted.push(...labels);
    expect(predicted).toEqual([...whole.labels]);
    expect(await result.predict(points)).toEqual(whole.labels);
  });
});

it('takes GPU memory for a chunk and the clusters, however many points there are', async () => {
  const engine = await open();
  const live = engine.memory.live;
  const options = { clusters: 4, init: 'first', maximumIterations: 1, chunkRows: 512 } as const;
  const peaks: number[] = [];
  for (const rowCount of [2000, 20_000]) {
    let most = 0;
    const points = arrayChunks(blobPoints(4, rowCount, 6, 4), 300);
    const watched: PointChunks = {
      ...points,
      async *chunks() {
        for await (const chunk of points.chunks()) {
          most = Math.max(most, engine.memory.live - live);
          yield chunk;
        }
      },
    };
    await new StreamingKMeans(options).fit(engine, watched);
    peaks.push(most);
  }
  expect(peaks[1]).toBe(peaks[0]);
  expect(peaks[0]).toBeGreaterThan(512 * 8 * 4);
  // What the class states, with the steps of the pool and its least buffers.
  expect(peaks[0]).toBeLessThan(1.25 * (512 * (4 * 8 + 20) + 4 * (12 * 8 + 12)) + 4096);
  expect(engine.memory.live).toBe(live);
});

describe('errors', () => {
  it.each([
    { name: 'no rows', source: changingChunks([], []), error: InvalidInput, says: '0 points with 2 columns' },
    {
      name: 'a chunk of another width',
      source: changingChunks([[1, 2, 3]], []),
      error: ShapeMismatch,
      says: 'the chunk from row 0 on has 3 numbers, which are not 1.5 rows of 2 columns',
    },
    {
      name: 'NaN in a late chunk',
      source: changingChunks([...four, [1, 2, 3, Number.NaN]], []),
      error: InvalidInput,
      says: 'row 5, column 1 is NaN',
    },
    {
      name: 'fewer rows later',
      source: changingChunks(four, four.slice(1)),
      error: InvalidInput,
      says: 'with 4 rows: it has 2 rows',
    },
    {
      name: 'more rows later',
      source: changingChunks(four, [...four, [1, 1]]),
      error: InvalidInput,
      says: 'it has more than 4 rows',
    },
    {
      name: 'other numbers later',
      source: changingChunks(four, [...four.slice(0, 1), [9, 9, 8, 9]]),
      error: InvalidInput,
      says: 'its numbers differ',
    },
    {
      name: 'another number of rows than announced',
      source: { ...changingChunks(four, four), rowCount: 5 },
      error: InvalidInput,
      says: 'the chunks have 4 rows, but 5 were announced',
    },
    {
      name: 'more clusters than points',
      source: changingChunks([[1, 2]], []),
      error: InvalidInput,
      says: 'of 1 points',
    },
  ])('$name', async ({ source, error, says }) => {
    const engine = await open();
    const live = engine.memory.live;
    const failing = cluster(source, { clusters: 2, init: 'first' });
    await expect(failing).rejects.toThrow(error);
    await expect(failing).rejects.toThrow(says);
    expect(engine.memory.live).toBe(live);
  });

  it('of the source, as they are; of the signal, as Aborted', async () => {
    const engine = await open();
    const failure = new Error('the disk is gone');
    const broken: PointChunks = {
      columnCount: 2,
      async *chunks() {
        yield { data: Float64Array.of(1, 2), rowCount: 1 };
        throw failure;
      },
    };
    await expect(cluster(broken, { clusters: 1 })).rejects.toBe(failure);
    const controller = new AbortController();
    const live = engine.memory.live;
    const running = new StreamingKMeans({ clusters: 20, tolerance: 0, chunkRows: 500 }).fit(
      engine,
      arrayChunks(blobPoints(5, 3000, 4, 20), 100),
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    await expect(running).rejects.toThrow(Aborted);
    expect(engine.memory.live).toBe(live);
  });

  it('of options and arrays', () => {
    expect(() => new StreamingKMeans({ chunkRows: 0 })).toThrow('StreamingKMeans: chunkRows is 0');
    expect(() => new StreamingKMeans({ clusters: 0 })).toThrow('StreamingKMeans: clusters is 0');
    expect(() => arrayChunks([])).toThrow('no array');
    expect(() => arrayChunks({ ...blobPoints(1, 3, 2, 1), rowCount: 2 })).toThrow('6 numbers are not 2 rows of 2');
    for (const chunkRows of [0, 1.5, Number.NaN]) {
      expect(() => arrayChunks(blobPoints(1, 3, 2, 1), chunkRows)).toThrow(`chunkRows is ${chunkRows}`);
    }
    const [narrow, wide] = [blobPoints(1, 3, 2, 1), blobPoints(1, 3, 4, 1)];
    expect(() => arrayChunks([narrow, wide])).toThrow('arrays of 2 and 4 columns');
  });
});
