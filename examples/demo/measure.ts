/** Figures that the main job and the page report. */
import { type Distribution, distributionOf } from '../../src/cli/jobs/timing.ts';

/** Runs `work` once to warm up and then `runs` times. */
export async function time<Result>(
  work: () => Promise<Result>,
  runs: number,
): Promise<{ readonly result: Result; readonly milliseconds: Distribution }> {
  let result = await work();
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    result = await work();
    times.push(performance.now() - start);
  }
  return { result, milliseconds: distributionOf(times) };
}

/** Signal and noise, summed up in float64 over one or more tensors. */
export class SignalToNoise {
  #signal = 0;
  #noise = 0;

  add(exact: ArrayLike<number>, approximate: ArrayLike<number>): this {
    for (let index = 0; index < exact.length; index++) {
      const value = exact[index] ?? 0;
      const error = value - (approximate[index] ?? Number.NaN);
      this.#signal += value * value;
      this.#noise += error * error;
    }
    return this;
  }

  /** 10·log₁₀(signal / noise); infinite without noise. */
  get decibels(): number {
    return this.#noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(this.#signal / this.#noise);
  }
}
