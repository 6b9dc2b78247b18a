import { ClusterState } from '../../src/cluster/kmeans/state.ts';
import type { PointSet } from '../../src/cluster/points/pointSet.ts';
import type { HostPoints } from '../../src/cluster/points/points.ts';
import { type PointSource, preparePoints } from '../../src/cluster/points/points.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import { createRandom } from '../reference/random.ts';

/** Rows without the zeros that pad them on the GPU. */
export function unpad(rows: Float32Array, columnCount: number): Float32Array<ArrayBuffer> {
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const rowCount = rows.length / rowFloats;
  return Float32Array.from(
    { length: rowCount * columnCount },
    (_, index) => rows[Math.floor(index / columnCount) * rowFloats + (index % columnCount)] as number,
  );
}

/** The coordinates that the GPU works with. */
export async function readPoints(points: PointSet): Promise<Float32Array<ArrayBuffer>> {
  const read = await Promise.all(
    points.parts.map(async (part) => {
      const size = part.rowCount * points.rowFloats * 4;
      return unpad(new Float32Array(await points.engine.readBytes(part.points, size)), points.columnCount);
    }),
  );
  return Float32Array.from(read.flatMap((part) => [...part]));
}

/** A state over `data`, which is released after `work`. */
export async function withState<T>(
  engine: Engine,
  data: Float64Array | Float32Array,
  columnCount: number,
  clusterCount: number,
  work: (state: ClusterState, coordinates: Float32Array<ArrayBuffer>) => Promise<T>,
  partBytes?: number,
): Promise<T> {
  const source = { data, rowCount: data.length / columnCount, columnCount };
  const points = await preparePoints(engine, source, 'test', partBytes === undefined ? {} : { partBytes });
  try {
    const state = new ClusterState(points, clusterCount);
    try {
      return await work(state, await readPoints(points));
    } finally {
      state.release();
    }
  } finally {
    points.release();
  }
}

/**
 * Points around `clusterCount` random places, in random order. Without logarithms and the like, whose last bits differ
 * between JavaScript engines.
 */
export function blobs(
  seed: number,
  rowCount: number,
  columnCount: number,
  clusterCount: number,
  spread = 0.5,
): Float64Array<ArrayBuffer> {
  const random = createRandom(seed);
  const places = Array.from({ length: clusterCount * columnCount }, () => random.uniform() * 10);
  const data = new Float64Array(rowCount * columnCount);
  for (let row = 0; row < rowCount; row++) {
    const place = random.integer(0, clusterCount - 1);
    for (let column = 0; column < columnCount; column++) {
      const deviation = 2 * (random.uniform() + random.uniform() + random.uniform()) - 3;
      data[row * columnCount + column] = (places[place * columnCount + column] as number) + spread * deviation;
    }
  }
  return data;
}

/** [rows, columns] of sets of points. */
export const pointShapes = [
  [1, 1],
  [7, 3],
  [65, 4],
  [300, 5],
  [2500, 2],
] as const;

/** Values with an offset and a spread that differ by column. */
export function spreadPoints(rowCount: number, columnCount: number): Float32Array<ArrayBuffer> {
  const random = createRandom(rowCount);
  return Float32Array.from({ length: rowCount * columnCount }, (_, index) => {
    const column = index % columnCount;
    return 1000 * column + random.normal() * 10 ** (column - 2);
  });
}

/** What preparing points makes of them, read back. */
export async function prepareAll(engine: Engine, source: PointSource, partBytes?: number) {
  const points = await preparePoints(engine, source, 'test', partBytes === undefined ? {} : { partBytes });
  const { frame, exponents, parts } = points;
  const coordinates = await readPoints(points);
  points.release();
  return { frame, exponents, meanVariance: points.meanVariance, coordinates, partCount: parts.length };
}

/** Blobs as points. */
export function blobPoints(seed: number, rowCount: number, columnCount: number, clusterCount: number): HostPoints {
  return { data: blobs(seed, rowCount, columnCount, clusterCount), rowCount, columnCount };
}
