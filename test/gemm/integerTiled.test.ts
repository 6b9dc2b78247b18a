import { describe, it } from 'vitest';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { integerKernelSuite } from './kernelSuite.ts';
import { expectExactProduct } from './products.ts';

integerKernelSuite('the tiled kernel of edge 2', { kernel: { kernel: 'tiled', edge: 2 } }, 'packed');
integerKernelSuite('the tiled kernel of edge 2', { kernel: { kernel: 'tiled', edge: 2 } }, 'unpacked');

describe('larger tiles', () => {
  const open = useEngine({ dotPath: 'packed' });

  it.each([
    [4, 63, 65, 130],
    [4, 65, 64, 64],
    [8, 127, 129, 70],
    [8, 129, 127, 129],
  ] as const)('edge %i is exact for %i × %i × %i', async (edge, M, N, K) => {
    const internals = { kernel: { kernel: 'tiled', edge } } as const;
    await expectExactProduct(await open(), createRandom(edge), [M, N, K], internals);
  });
});
