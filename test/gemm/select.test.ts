import { describe, expect, it } from 'vitest';
import { chooseFloat, chooseInteger, integerKernelOf } from '../../src/gemm/select.ts';
import type { Engine } from '../../src/gpu/engine.ts';

/** What the choice reads of an engine. */
function engineLike(software: boolean, maxComputeWorkgroupStorageSize = 32_768): Engine {
  const like = { info: { software }, dotPath: 'packed', device: { limits: { maxComputeWorkgroupStorageSize } } };
  return like as unknown as Engine;
}

describe('the choice of a kernel', () => {
  const gpu = engineLike(false);
  const cpu = engineLike(true);

  it.each([
    ['few rows', gpu, 8, 4096, 'matvec', 2],
    ['few rows on the CPU', cpu, 1, 4096, 'matvec', 2],
    ['on the CPU', cpu, 9, 4096, 'register', 8],
    ['large', gpu, 4096, 4096, 'tiled', 8],
    ['medium', gpu, 1024, 1024, 'tiled', 4],
    ['small', gpu, 512, 512, 'tiled', 2],
    ['large, with little workgroup memory', engineLike(false, 16_384), 4096, 4096, 'tiled', 4],
  ] as const)('%s', (_, engine, M, N, kernel, edge) => {
    const choice = chooseInteger(engine, { M, N, batchCount: 1 });
    expect(choice).toMatchObject({ kernel, edge });
    expect(choice.reason).not.toBe('');
    if (kernel === 'tiled') expect(chooseFloat(engine, { M, N, batchCount: 1 })).toMatchObject({ kernel, edge });
  });

  it('uses lanes of a column on GPUs only', () => {
    const choice = { kernel: 'matvec', edge: 2 } as const;
    expect(integerKernelOf(gpu, choice)).toMatchObject({ tileColumns: 4, variant: { constants: { LANES: 16 } } });
    expect(integerKernelOf(cpu, choice)).toMatchObject({ tileColumns: 64, variant: { constants: { LANES: 1 } } });
  });
});
