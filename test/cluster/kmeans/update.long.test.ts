import { describe, it } from 'vitest';
import { useEngine } from '../../support/engine.ts';
import { expectExactSums } from './updateSuite.ts';

const open = useEngine();

describe.each(['owned', 'staged', 'direct', 'sorted'] as const)('sums and counts equal BigInt: %s', (gathering) => {
  it.each([
    [1000, 16, 64],
    [700, 2, 513],
    [5000, 70, 17],
  ])('%i × %i, %i clusters', async (rowCount, columnCount, clusterCount) => {
    await expectExactSums(await open(), rowCount, columnCount, clusterCount, gathering);
  });
});
