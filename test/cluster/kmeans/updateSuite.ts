import { expect } from 'vitest';
import { recordChanges } from '../../../src/cluster/kmeans/changes.ts';
import { type Gathering, recordUpdate } from '../../../src/cluster/kmeans/update.ts';
import { wholeWeights } from '../../../src/cluster/points/weights.ts';
import type { Engine } from '../../../src/gpu/engine.ts';
import { exactSums } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { withState } from '../support.ts';

/** What is special about the points, their labels or the update. */
export interface SumsOptions {
  readonly partBytes?: number;
  readonly weighted?: boolean;
  /** Most rows outside the last cluster. Default: all clusters are equally likely. */
  readonly strays?: number;
  readonly sortedEntries?: number;
}

/** Adds up random points of random clusters on the GPU, then changes of their labels, and compares with BigInt. */
export async function expectExactSums(
  engine: Engine,
  rowCount: number,
  columnCount: number,
  clusterCount: number,
  gathering: Gathering,
  { partBytes, weighted = false, strays = rowCount, sortedEntries }: SumsOptions = {},
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
      const weights = wholeWeights(random.uniformArray(rowCount), rowCount, 'test');
      if (weighted) state.points.weigh(weights);
      const how = { gathering, ...(sortedEntries !== undefined && { sortedEntries }) };
      const labels = random.integerArray(rowCount, 0, clusterCount - 1);
      if (strays < rowCount) labels.fill(clusterCount - 1, strays);
      const expectSums = async () => {
        const expected = exactSums(
          points,
          state.points.exponents,
          labels,
          clusterCount,
          weighted ? weights.values : undefined,
        );
        const sums = new BigInt64Array(await engine.readBytes(state.sums, clusterCount * columnCount * 8));
        const counts = new Uint32Array(await engine.readBytes(state.counts, clusterCount * 4));
        expect([...counts]).toEqual([...expected.counts]);
        expect(sums.findIndex((sum, index) => sum !== expected.sums[index])).toBe(-1);
      };
      engine.upload(state.labels, new Uint8Array(labels.slice().buffer));
      recordUpdate(state, how);
      await expectSums();
      engine.copy(state.labels, state.former, rowCount * 4);
      for (let row = 0; row < rowCount; row++) {
        if (random.integer(0, 2) === 0) labels[row] = strays < rowCount ? 0 : random.integer(0, clusterCount - 1);
      }
      engine.upload(state.labels, new Uint8Array(labels.slice().buffer));
      recordUpdate(state, { ...how, changes: recordChanges(state) });
      await expectSums();
      // Nothing has changed since.
      recordUpdate(state, { ...how, changes: recordChanges(state) });
      await expectSums();
      // The first word of control halts.
      engine.upload(state.control, new Uint8Array([1, 0, 0, 0]));
      recordUpdate(state, how);
      await expectSums();
    },
    partBytes,
  );
}
