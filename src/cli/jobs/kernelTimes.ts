import type { Engine } from '../../gpu/engine.ts';
import { type Distribution, distributionOf } from './timing.ts';

/** The GPU's own time for a piece of work. */
export interface KernelTimes {
  /** Sum over the kernels of one run; null where the adapter cannot time them. */
  readonly kernelMilliseconds: Distribution | null;
  /** Why there are none. */
  readonly kernelMillisecondsReason?: string;
  /** Median by kernel, its dispatches of one run together. */
  readonly kernels?: Readonly<Record<string, number>>;
}

/** Runs work several times with a timestamp around each kernel, apart from the end-to-end timing: it slows the queue. */
export async function kernelTimes(engine: Engine, runs: number, work: () => Promise<void>): Promise<KernelTimes> {
  if (!engine.info.features.includes('timestamp-query')) {
    return {
      kernelMilliseconds: null,
      kernelMillisecondsReason: 'This adapter lacks the feature "timestamp-query".',
    };
  }
  const sums: number[] = [];
  const byKernel = new Map<string, number[]>();
  for (let run = 0; run < runs; run++) {
    const { kernels } = await engine.profile(work);
    sums.push(kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
    for (const { kernel, milliseconds } of kernels) {
      const times = byKernel.get(kernel) ?? new Array<number>(runs).fill(0);
      times[run] = (times[run] ?? 0) + milliseconds;
      byKernel.set(kernel, times);
    }
  }
  const kernels = Object.fromEntries([...byKernel].map(([name, times]) => [name, distributionOf(times).median]));
  return { kernelMilliseconds: distributionOf(sums), kernels };
}
