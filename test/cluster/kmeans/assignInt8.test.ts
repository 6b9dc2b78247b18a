import { afterEach, describe, expect, it, vi } from 'vitest';
import { recordAssign, recordNorms } from '../../../src/cluster/kmeans/assign.ts';
import { recordAssignInt8 } from '../../../src/cluster/kmeans/assignInt8.ts';
import { QuantizedPoints } from '../../../src/cluster/kmeans/quantizeRows.ts';
import type { ClusterState } from '../../../src/cluster/kmeans/state.ts';
import type { Engine } from '../../../src/gpu/engine.ts';
import { assignExactly } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs, unpad, withState } from '../support.ts';
import { readCentroidCodes, readPointCodes } from './int8Support.ts';

const openShared = useEngine();
const paths = ['unpacked', 'packed'] as const;

async function openWith(path: (typeof paths)[number]): Promise<Engine> {
  const engine = await openShared();
  vi.spyOn(engine, 'dotPath', 'get').mockReturnValue(path);
  return engine;
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Centroids near the points: rows of them, half of them drawn to the middle. */
function centroidsNear(state: ClusterState, points: Float32Array): Float32Array<ArrayBuffer> {
  const { clusterCount } = state;
  const { rowFloats, columnCount, rowCount } = state.points;
  const random = createRandom(clusterCount);
  const centroids = new Float32Array(clusterCount * rowFloats);
  for (let cluster = 0; cluster < clusterCount; cluster++) {
    const row = random.integer(0, rowCount - 1);
    for (let column = 0; column < columnCount; column++) {
      const value = points[row * columnCount + column] as number;
      centroids[cluster * rowFloats + column] = cluster % 2 === 0 ? value : value * 0.75;
    }
  }
  return centroids;
}

/** Assigns on the GPU, by codes first, and exactly on the CPU. */
async function assignBoth(
  engine: Engine,
  data: Float64Array,
  columnCount: number,
  clusterCount: number,
  partBytes?: number,
) {
  const work = async (state: ClusterState, points: Float32Array) => {
    const centroids = centroidsNear(state, points);
    state.setCentroids(centroids);
    const quantized = new QuantizedPoints(state);
    recordNorms(state);
    recordAssign(state, { fresh: true, quantized });
    const labels = await state.readLabels();
    const [changed, ...counters] = new Uint32Array(await engine.readBytes(state.counters, state.counterCount * 4));
    quantized.release();
    const rechecked = counters.slice(counters.length / 2).reduce((sum, count) => sum + count, 0);
    const expected = assignExactly(points, columnCount, unpad(centroids, columnCount), state.fraction);
    return { labels, expected, changed, rechecked };
  };
  return withState(engine, data, columnCount, clusterCount, work, partBytes);
}

describe.each(paths)('labels equal exact ones: %s', (path) => {
  const open = () => openWith(path);

  it.each([
    { rowCount: 1, columnCount: 1, clusterCount: 1 },
    { rowCount: 65, columnCount: 3, clusterCount: 2 },
    { rowCount: 511, columnCount: 4, clusterCount: 5 },
    { rowCount: 520, columnCount: 17, clusterCount: 33 },
    { rowCount: 40, columnCount: 1100, clusterCount: 6 },
  ])('$rowCount × $columnCount, $clusterCount clusters', async ({ rowCount, columnCount, clusterCount }) => {
    const data = blobs(rowCount + columnCount, rowCount, columnCount, clusterCount, 1);
    const { labels, expected, changed, rechecked } = await assignBoth(await open(), data, columnCount, clusterCount);
    expect([...labels]).toEqual([...expected]);
    expect(changed).toBe(rowCount);
    expect(rechecked).toBeLessThan(0.75 * rowCount + 1);
  });

  it('in parts, on a lattice with many equal distances', async () => {
    const random = createRandom(9);
    const data = Float64Array.from({ length: 5000 }, () => random.integer(-20, 20));
    const { labels, expected, changed, rechecked } = await assignBoth(await open(), data, 2, 11, 1024 * 16);
    expect([...labels]).toEqual([...expected]);
    expect(changed).toBe(2500);
    expect(rechecked).toBeGreaterThan(20);
    expect(rechecked).toBeLessThan(1250);
  });

  it('coordinates of very different magnitudes, of which codes see none but the largest', async () => {
    const random = createRandom(6);
    const data = Float64Array.from({ length: 900 }, () => random.normal() * 10 ** random.integer(-12, 6));
    const { labels, expected } = await assignBoth(await open(), data, 3, 20);
    expect([...labels]).toEqual([...expected]);
  });

  it('the largest sums that there are: all coordinates at the end of the range', async () => {
    // Chunks of 1,024 products of 127 · 127 are close to 2^24.
    const columnCount = 1100;
    const data = Float64Array.from({ length: 40 * columnCount }, (_, index) =>
      (Math.floor(index / columnCount) + index) % 2 === 0 ? 1 : -1,
    );
    const { labels, expected } = await assignBoth(await open(), data, columnCount, 6);
    expect([...labels]).toEqual([...expected]);
  });
});

/**
 * Points on lines from one centroid to another, near the middle between them: nearer to one by a share of the distance
 * that falls from 1/4 to 1e-8.
 */
function nearTies(state: ClusterState, centroids: Float32Array, seed: number): Float32Array<ArrayBuffer> {
  const { rowCount, columnCount, rowFloats } = state.points;
  const { clusterCount } = state;
  const random = createRandom(seed);
  const points = new Float32Array(rowCount * rowFloats);
  for (let row = 0; row < rowCount; row++) {
    const from = random.integer(0, clusterCount - 1) * rowFloats;
    const to = random.integer(0, clusterCount - 1) * rowFloats;
    const share = 0.5 + (random.uniform() - 0.5) * 0.5 * 10 ** -random.integer(0, 8);
    for (let column = 0; column < columnCount; column++) {
      const start = centroids[from + column] as number;
      const noise = (random.uniform() - 0.5) * 0.02;
      const value = start + share * ((centroids[to + column] as number) - start) + noise;
      points[row * rowFloats + column] = Math.max(-1, Math.min(1, value));
    }
  }
  return points;
}

describe.each(paths)('codes alone decide nothing wrong: %s', (path) => {
  it.each([
    { columnCount: 2, clusterCount: 6, spread: 0.6 },
    { columnCount: 16, clusterCount: 5, spread: 0.6 },
    { columnCount: 17, clusterCount: 9, spread: 0.04 },
  ])('near ties in $columnCount columns, $clusterCount clusters', async ({ columnCount, clusterCount, spread }) => {
    const rowCount = 1500;
    const engine = await openWith(path);
    // The ends of the range; the points themselves are replaced.
    const data = Float64Array.from({ length: rowCount * columnCount }, (_, index) =>
      index < columnCount ? -0.9 : 0.9,
    );
    await withState(engine, data, columnCount, clusterCount, async (state) => {
      const { rowFloats, parts } = state.points;
      const random = createRandom(columnCount);
      const centroids = Float32Array.from({ length: clusterCount * rowFloats }, (_, index) =>
        index % rowFloats < columnCount ? (2 * random.uniform() - 1) * spread : 0,
      );
      const framed = nearTies(state, centroids, clusterCount);
      const [part] = parts;
      if (!part) throw new Error('no points');
      engine.upload(part.points, new Uint8Array(framed.buffer));
      state.setCentroids(centroids);
      engine.upload(state.labels, new Uint8Array(new Int32Array(rowCount).fill(-1).buffer));
      const quantized = new QuantizedPoints(state);
      recordNorms(state);
      quantized.recordCentroids();
      recordAssignInt8(state, quantized, 0, { slot: 2, forced: false, fresh: true });

      const labels = await state.readLabels();
      const counters = new Uint32Array(await engine.readBytes(state.counters, 12));
      const count = counters[2] as number;
      const made = quantized.parts[0];
      if (!made) throw new Error('no codes');
      const listed = new Uint32Array(await engine.readBytes(made.listed, count * 4));
      const left = [...labels.keys()].filter((row) => labels[row] === -1);
      expect([...listed].sort((a, b) => a - b)).toEqual(left);
      expect(counters[0]).toBe(rowCount - count);
      const exact = assignExactly(
        unpad(framed, columnCount),
        columnCount,
        unpad(centroids, columnCount),
        state.fraction,
      );
      expect([...labels.keys()].filter((row) => labels[row] !== -1 && labels[row] !== exact[row])).toEqual([]);
      expect(rowCount - count).toBeGreaterThan(100);

      // Codes without the bound would be wrong here.
      const points = await readPointCodes(state, quantized);
      const own = await readCentroidCodes(state, quantized);
      const wrong = left.filter((row) => {
        const scores = Array.from({ length: clusterCount }, (_, cluster) => {
          let score = own.offsets[cluster] as number;
          for (let column = 0; column < columnCount; column++) {
            score -=
              (points.codes[row * columnCount + column] as number) *
              (own.codes[cluster * columnCount + column] as number);
          }
          return score;
        });
        return scores.indexOf(Math.min(...scores)) !== exact[row];
      });
      expect(wrong.length).toBeGreaterThan(20);
      quantized.release();
    });
  });
});

it('does nothing once the iteration has halted, unless forced', async () => {
  const engine = await openWith('unpacked');
  await withState(engine, blobs(4, 100, 3, 4), 3, 4, async (state, points) => {
    state.setCentroids(centroidsNear(state, points));
    const quantized = new QuantizedPoints(state);
    recordNorms(state);
    recordAssign(state, { fresh: true, quantized });
    const before = await state.readLabels();
    const words = new Uint32Array(await engine.readBytes(state.control, 64));
    words[0] = 1;
    engine.upload(state.control, new Uint8Array(words.buffer));
    engine.clear(state.counters);
    state.setCentroids(
      centroidsNear(
        state,
        points.map((value) => -value),
      ),
    );
    recordNorms(state);
    recordAssign(state, { quantized });
    expect([...(await state.readLabels())]).toEqual([...before]);
    recordAssign(state, { quantized, forced: true });
    expect([...(await state.readLabels())]).not.toEqual([...before]);
    quantized.release();
  });
});
