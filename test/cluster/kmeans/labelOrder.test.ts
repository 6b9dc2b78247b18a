import { describe, expect, it } from 'vitest';
import { recordChanges } from '../../../src/cluster/kmeans/changes.ts';
import { recordLabelOrder } from '../../../src/cluster/kmeans/labelOrder.ts';
import type { ClusterState } from '../../../src/cluster/kmeans/state.ts';
import type { Allocation } from '../../../src/gpu/allocation.ts';
import type { Engine } from '../../../src/gpu/engine.ts';
import { createRandom, type Random } from '../../reference/random.ts';
import { leavesNoMemoryBehind, useEngine } from '../../support/engine.ts';
import { withState } from '../support.ts';

const open = useEngine();
const leaves = 2 ** 31;

type Entry = readonly [row: number, cluster: number];

/** The entries of a list; what lies beyond its count is not read. */
async function readList(engine: Engine, list: Allocation): Promise<Entry[]> {
  const [count = 0] = new Uint32Array(await engine.readBytes(list, 4));
  const words = new Uint32Array(await engine.readBytes(list, 8 + 8 * count));
  return Array.from({ length: count }, (_, i): Entry => [words[2 * i + 2] as number, words[2 * i + 3] as number]);
}

function setLabels(state: ClusterState, allocation: Allocation, labels: Int32Array<ArrayBuffer>): void {
  state.engine.upload(allocation, new Uint8Array(labels.buffer));
}

/** Sorts what there is, `most` entries at a time, and compares with a stable sort on the CPU. */
async function expectOrder(state: ClusterState, entries: readonly Entry[], list?: Allocation, most?: number) {
  const { engine, points } = state;
  const [part] = points.parts;
  if (!part) throw new Error('There is no part.');
  let first = 0;
  for (const { entries: sorted, capacity } of recordLabelOrder(state, part, list, most)) {
    const expected = entries.slice(first, first + capacity).sort(([, a], [, b]) => a - b);
    expect(await readList(engine, sorted)).toEqual(expected);
    first += capacity;
  }
  expect(first).toBe(list ? 2 * points.rowCount : points.rowCount);
}

const uniformLabel = (random: Random, clusterCount: number) => random.integer(0, clusterCount - 1);
/** All but about one row in a hundred are in one cluster. */
const skewedLabel = (random: Random, clusterCount: number) =>
  random.integer(0, 99) === 0 ? uniformLabel(random, clusterCount) : clusterCount >> 1;

describe('the order of a stable sort', () => {
  it.each([
    ['uniform', 1, 1],
    ['uniform', 31, 1000],
    ['uniform', 255, 3],
    ['uniform', 256, 256],
    ['uniform', 257, 257],
    ['uniform', 2047, 65_536],
    ['uniform', 2048, 7],
    ['uniform', 2049, 65_537],
    ['uniform', 9000, 4096],
    ['skewed', 2300, 1],
    ['skewed', 2300, 512],
    ['skewed', 2300, 100_000],
  ] as const)('%s: %i rows, %i clusters', async (kind, rowCount, clusterCount) => {
    const random = createRandom(rowCount);
    await withState(await open(), random.uniformArray(rowCount), 1, clusterCount, async (state) => {
      const choose = kind === 'skewed' ? skewedLabel : uniformLabel;
      const labels = Int32Array.from({ length: rowCount }, () => choose(random, clusterCount));
      setLabels(state, state.labels, labels);
      const entries = [...labels].map((label, row): Entry => [row, label]);
      await expectOrder(state, entries);
      await expectOrder(state, entries, undefined, Math.ceil(rowCount / 3));
    });
  });

  it.each([0, 1, 1100, 2300])('%i changes join and leave', async (changeCount) => {
    const rowCount = 2300;
    const clusterCount = 300;
    const random = createRandom(changeCount);
    await withState(await open(), random.uniformArray(rowCount), 1, clusterCount, async (state) => {
      const former = Int32Array.from({ length: rowCount }, () => skewedLabel(random, clusterCount));
      const labels = former.map((label, row) => (row < changeCount ? (label + 1) % clusterCount : label));
      setLabels(state, state.former, former);
      setLabels(state, state.labels, labels);
      const [list] = recordChanges(state);
      if (!list) throw new Error('There is no list.');
      const listed = await readList(state.engine, list);
      expect(listed).toHaveLength(changeCount);
      const entries = [
        ...listed.map(([row]): Entry => [row, labels[row] as number]),
        ...listed.map(([row, cluster]): Entry => [row + leaves, cluster]),
      ];
      await expectOrder(state, entries, list);
      await expectOrder(state, entries, list, 900);
    });
  });
});

leavesNoMemoryBehind(open);
