import { breathe } from '../../base/pieces.ts';
import type { Engine } from '../../gpu/engine.ts';
import { minMax } from '../../quant/range.ts';
import type { JobContext } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { uniformValues } from './sampleData.ts';
import { type Distribution, distributionOf } from './timing.ts';

/** The timed search for the least and greatest element of a resident tensor. */
export interface TimedRanges extends KernelTimes {
  readonly name: string;
  readonly elements: number;
  readonly checked: true;
  /** End to end: the reduction and the readback of two numbers. */
  readonly milliseconds: Distribution;
  /** Bytes of the tensor over the median, in 10⁹ a second. */
  readonly gigabytesPerSecond: number;
}

/** Times `minMax` per tensor on seeded numbers, after comparing its result with the CPU's. */
export async function benchRanges(
  engine: Engine,
  { elements, runs, seed }: { readonly elements: number; readonly runs: number; readonly seed: number },
  { onProgress }: JobContext,
): Promise<TimedRanges> {
  onProgress?.('ranges, check');
  await breathe();
  const values = uniformValues(elements, seed);
  using x = engine.tensor(values, [elements]);
  const reduce = async (): Promise<number[]> => {
    const ranges = minMax(engine, x);
    using minimum = ranges.minimum;
    using maximum = ranges.maximum;
    const [least, greatest] = await Promise.all([minimum.read(), maximum.read()]);
    return [...least, ...greatest];
  };
  const expected = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    expected[0] = Math.min(expected[0] ?? value, value);
    expected[1] = Math.max(expected[1] ?? value, value);
  }
  const found = await reduce();
  if (found[0] !== expected[0] || found[1] !== expected[1]) {
    throw new Error(`The range of ${elements} elements came out as [${found}], but is [${expected}].`);
  }
  const times: number[] = [];
  for (let run = 1; run <= runs; run++) {
    onProgress?.(`ranges, run ${run} of ${runs}`);
    const start = performance.now();
    await reduce();
    times.push(performance.now() - start);
  }
  const milliseconds = distributionOf(times);
  const kernels = await kernelTimes(engine, 3, async () => void (await reduce()));
  const gigabytesPerSecond = (elements * 4) / (milliseconds.median * 1e6);
  return { name: 'ranges f32', elements, checked: true, milliseconds, gigabytesPerSecond, ...kernels };
}
