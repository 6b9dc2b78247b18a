import { expect } from 'vitest';
import { type Gathering, recordUpdate } from '../../src/cluster/update.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import { exactSums } from '../reference/cluster.ts';
import { createRandom } from '../reference/random.ts';
import { withState } from './support.ts';

/** Adds up random points of random clusters on the GPU, and compares with BigInt. */
export async function expectExactSums(
  engine: Engine,
  rowCount: number,
  columnCount: number,
  clusterCount: number,
  gathering: Gathering,
  partBytes?: number,
): Promise<void> {
  const random = createRandom(rowCount + columnCount);
  const data = Float64Array.from(
    { length: rowCount * columnCount },
    () => random.normal() * 10 ** random.integer(-3, 3),
  );
  await withState(
    engine,
    data,
    columnCount,
    clusterCount,
    async (state, points) => {
      const labels = random.integerArray(rowCount, 0, clusterCount - 1);
      engine.upload(state.labels, new Uint8Array(labels.buffer));
      recordUpdate(state, gathering);
      const expected = exactSums(points, state.points.exponents, labels, clusterCount);
      const sums = new BigInt64Array(await engine.readBytes(state.sums, clusterCount * columnCount * 8));
      const counts = new Uint32Array(await engine.readBytes(state.counts, clusterCount * 4));
      expect([...counts]).toEqual([...expected.counts]);
      expect(sums.findIndex((sum, index) => sum !== expected.sums[index])).toBe(-1);
    },
    partBytes,
  );
}
