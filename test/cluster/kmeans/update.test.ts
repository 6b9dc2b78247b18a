import { describe, expect, it } from 'vitest';
import { planUpdate } from '../../../src/cluster/kmeans/update.ts';
import { useEngine } from '../../support/engine.ts';
import { expectExactSums } from './updateSuite.ts';

const open = useEngine();

// Workgroup memory of several kilobytes compiles for seconds: update.long.test.ts has more such sizes.
describe.each(['owned', 'staged', 'direct'] as const)('sums and counts equal BigInt: %s', (gathering) => {
  it.each([
    [1, 1, 1],
    [3, 2, 3],
    [257, 3, 5],
    [9000, 5, 2],
    [300, 33, 7],
    [200, 300, 30],
  ])('%i × %i, %i clusters', async (rowCount, columnCount, clusterCount) => {
    await expectExactSums(await open(), rowCount, columnCount, clusterCount, gathering);
  });

  it('in parts', async () => {
    await expectExactSums(await open(), 2500, 3, 4, gathering, { partBytes: 1024 * 16 });
  });

  it('weighted', async () => {
    await expectExactSums(await open(), 300, 3, 5, gathering, { weighted: true });
  });
});

it('more clusters than a workgroup has threads', async () => {
  await expectExactSums(await open(), 700, 2, 513, 'owned');
});

it('plans stay within the memory of a workgroup', () => {
  for (const preferred of ['owned', 'staged'] as const) {
    for (const bytes of [16_384, 49_152]) {
      for (const clusterCount of [1, 7, 64, 500, 1024, 5000]) {
        for (const columnCount of [1, 3, 16, 400]) {
          const { gathering, tile, room, width, rows } = planUpdate(clusterCount, columnCount, bytes, preferred, true);
          expect(room * tile * (preferred === 'staged' ? 12 : 8) + room * 4).toBeLessThanOrEqual(bytes);
          expect(tile).toBeGreaterThanOrEqual(1);
          expect(rows).toBeLessThanOrEqual(32_768);
          if (gathering === 'owned') expect(width).toBeGreaterThanOrEqual(tile);
          if (gathering !== 'direct') expect(room).toBeGreaterThanOrEqual(clusterCount);
        }
      }
    }
  }
});
