import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { ClusterState } from './state.ts';

const distancesKernel = declareKernel({
  name: 'cluster/distances',
  uniforms: { firstRow: 'u32', endRow: 'u32', vectors: 'u32', fraction: 'i32' },
  bindings: { points: 'read', centroids: 'read', labels: 'read', keys: 'write' },
});

const width = 64;

/**
 * Reads, for every point, a key of its squared distance to the centroid that its label names: the exact distance cut to
 * 25 bits, so that keys are the same on every adapter, and in the order of the distances. 0 stands for 0.
 */
export async function readDistanceKeys(state: ClusterState): Promise<Uint32Array<ArrayBuffer>> {
  const { engine, centroids, points } = state;
  const { rowVectors, rowCount } = points;
  const keys = engine.allocate(rowCount * 4);
  try {
    const workPerRow = rowVectors * 4 * 80;
    for (const part of points.parts) {
      const bindings = {
        points: part.points,
        centroids,
        labels: state.rowsOf(state.labels, part),
        keys: state.rowsOf(keys, part),
      };
      for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, width)) {
        engine.run(distancesKernel, {
          uniforms: { firstRow, endRow, vectors: rowVectors, fraction: state.fraction },
          bindings,
          workgroups: Math.ceil((endRow - firstRow) / width),
          work,
          variant: { constants: { WIDTH: width } },
        });
      }
    }
    return new Uint32Array(await engine.readBytes(keys, rowCount * 4));
  } finally {
    keys.release();
  }
}

/** The squared distance in the frame that a key stands for, within 2^-25 of it. */
export function distanceOfKey(key: number, fraction: number): number {
  if (key === 0) return 0;
  const bitLength = key >>> 24;
  // The bits cut off are half a unit on average.
  const significand = 2 ** 24 + (key % 2 ** 24) + (bitLength > 25 ? 0.5 : 0);
  return significand * 2 ** (bitLength - 25 - 2 * fraction);
}
