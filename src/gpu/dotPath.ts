import { declareKernel } from './kernel.ts';

/**
 * How shaders multiply packed 8-bit integers: with the built-in `dot4I8Packed` where the hardware has such an
 * instruction, or as f32 products of the unpacked bytes where the built-in would be emulated.
 */
export type DotPath = 'packed' | 'unpacked';

export const dotPathKernel = declareKernel({
  name: 'gpu/dotPath',
  uniforms: { seed: 'u32' },
  bindings: { y: 'write' },
});

/** 64 invocations × 64 rounds × 16 dot products of 4 pairs, two operations each. */
export const operationsPerWorkgroup = 64 * 64 * 16 * 8;

const longEnoughMilliseconds = 4;
const maximumWorkgroups = 32_768;
const rounds = 3;

/** Compiles and runs the kernel for the measurement. */
export interface DotPathRunner {
  /** Rejects where a path does not compile. */
  compile(path: DotPath): Promise<void>;
  /** Runs the kernel with so many workgroups and resolves when it is done. */
  run(path: DotPath, workgroups: number): Promise<void>;
}

/** Finds the faster path by running the kernel on both, in turns, with as many workgroups as take a few milliseconds. */
export async function fasterDotPath({ compile, run }: DotPathRunner): Promise<DotPath> {
  const time = async (path: DotPath, workgroups: number): Promise<number> => {
    const start = performance.now();
    await run(path, workgroups);
    return performance.now() - start;
  };
  try {
    await compile('packed');
  } catch {
    return 'unpacked';
  }
  await run('packed', 1);
  await run('unpacked', 1);
  let workgroups = 4;
  while (workgroups < maximumWorkgroups && (await time('packed', workgroups)) < longEnoughMilliseconds) {
    workgroups = Math.min(workgroups * 8, maximumWorkgroups);
  }
  const best: Record<DotPath, number> = { packed: Number.POSITIVE_INFINITY, unpacked: Number.POSITIVE_INFINITY };
  for (let round = 0; round < rounds; round++) {
    for (const path of ['packed', 'unpacked'] as const) best[path] = Math.min(best[path], await time(path, workgroups));
  }
  return best.packed <= best.unpacked ? 'packed' : 'unpacked';
}

const known = new Map<string, Promise<DotPath>>();

/** The same, measured once for each adapter in the life of the process. */
export function dotPathOf(adapter: string, measure: () => Promise<DotPath>): Promise<DotPath> {
  let pending = known.get(adapter);
  if (!pending) {
    pending = measure();
    pending.catch(() => known.delete(adapter));
    known.set(adapter, pending);
  }
  return pending;
}
