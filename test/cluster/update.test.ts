import { describe, expect, it } from 'vitest';
import { type Gathering, planUpdate, recordUpdate } from '../../src/cluster/update.ts';
import { exactSums } from '../reference/cluster.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withState } from './support.ts';

const open = useEngine();

async function expectExactSums(
  rowCount: number,
  columnCount: number,
  clusterCount: number,
  gathering: Gathering,
  partBytes?: number,
): Promise<void> {
  const engine = await open();
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

describe.each(['owned', 'staged', 'direct'] as const)('sums and counts equal BigInt: %s', (gathering) => {
  it.each([
    [1, 1, 1],
    [3, 2, 3],
    [257, 3, 5],
    [1000, 16, 64],
    [9000, 5, 2],
    [300, 33, 7],
    [200, 300, 30],
    [700, 2, 513],
  ])('%i × %i, %i clusters', async (rowCount, columnCount, clusterCount) => {
    await expectExactSums(rowCount, columnCount, clusterCount, gathering);
  });

  it('in parts', async () => {
    await expectExactSums(2500, 3, 4, gathering, 1024 * 16);
  });
});

it('plans stay within the memory of a workgroup', () => {
  for (const preferred of ['owned', 'staged'] as const) {
    for (const bytes of [16_384, 49_152]) {
      for (const clusterCount of [1, 7, 64, 500, 1024, 5000]) {
        for (const columnCount of [1, 3, 16, 400]) {
          const { gathering, tile, room, width, rows } = planUpdate(clusterCount, columnCount, bytes, preferred);
          expect(room * tile * 8 + room * 4).toBeLessThanOrEqual(bytes);
          expect(tile).toBeGreaterThanOrEqual(1);
          expect(rows).toBeLessThanOrEqual(32_768);
          if (gathering === 'owned') expect(width).toBeGreaterThanOrEqual(tile);
          if (gathering !== 'direct') expect(room).toBeGreaterThanOrEqual(clusterCount);
        }
      }
    }
  }
});
