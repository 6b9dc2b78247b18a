import { describe, expect, it } from 'vitest';
import { planUpdate } from '../../../src/cluster/kmeans/update.ts';
import { useEngine } from '../../support/engine.ts';
import { expectExactSums } from './updateSuite.ts';

const open = useEngine();

// Workgroup memory of several kilobytes compiles for seconds: update.long.test.ts has more such sizes.
describe.each(['owned', 'staged', 'direct', 'sorted'] as const)('sums and counts equal BigInt: %s', (gathering) => {
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

describe('sums and counts equal BigInt: sorted', () => {
  it.each([
    ['all rows in one cluster', 2500, 5, 300, { strays: 0 }],
    ['all but as many as there are clusters', 2500, 5, 300, { strays: 300 }],
    ['weighted, all but as many as there are clusters', 2049, 3, 40, { strays: 40, weighted: true }],
    ['one cluster', 2049, 3, 1, {}],
    ['more clusters than rows', 100, 1, 65_536, {}],
    ['in parts, a few at a time', 2500, 3, 400, { partBytes: 1024 * 16, sortedEntries: 300 }],
  ] as const)('%s', async (_, rowCount, columnCount, clusterCount, options) => {
    await expectExactSums(await open(), rowCount, columnCount, clusterCount, 'sorted', options);
  });
});

it('more clusters than a workgroup has threads', async () => {
  await expectExactSums(await open(), 700, 2, 513, 'owned');
});

describe.each([16_384, 49_152])('plans for %i bytes of a workgroup', (bytes) => {
  const counts = [1, 7, 64, 500, 1024, 5000];
  const sizes = counts.flatMap((clusterCount) =>
    [1, 3, 16, 400].map((columnCount) => ({ rowCount: 1e6, columnCount, clusterCount, weighted: true })),
  );

  it.each(['owned', 'staged'] as const)('%s: they stay within these', (preferred) => {
    for (const size of sizes) {
      const { gathering, tile, room, width, rows } = planUpdate(size, bytes, preferred);
      expect(room * tile * (preferred === 'staged' ? 12 : 8) + room * 4).toBeLessThanOrEqual(bytes);
      expect(tile).toBeGreaterThanOrEqual(1);
      expect(rows).toBeLessThanOrEqual(32_768);
      if (gathering === 'owned') expect(width).toBeGreaterThanOrEqual(tile);
      if (gathering === 'owned' || gathering === 'staged') expect(room).toBeGreaterThanOrEqual(size.clusterCount);
    }
  });

  it('many sums are sorted on GPUs, and added to memory at once by SwiftShader', () => {
    for (const size of sizes) {
      const { gathering, tile } = planUpdate(size, bytes, 'staged');
      expect(['staged', 'sorted']).toContain(gathering);
      if (gathering === 'staged') expect(tile).toBeGreaterThanOrEqual(Math.min(size.columnCount, 8));
      expect(['owned', 'direct']).toContain(planUpdate(size, bytes, 'owned').gathering);
    }
    const many = { rowCount: 1e6, columnCount: 128, clusterCount: 4096, weighted: false };
    expect(planUpdate(many, bytes, 'staged')).toMatchObject({ gathering: 'sorted', rows: 256 });
    expect(planUpdate({ ...many, clusterCount: 64 }, bytes, 'staged').gathering).toBe('staged');
    expect(planUpdate({ ...many, clusterCount: 20_000 }, bytes, 'owned').gathering).toBe('direct');
  });
});
