/** How far values lie from those that they stand for. */
import type { HostData } from '../hostTensor.ts';

/** How far a value lies from the one that it stands for. */
export interface Difference {
  /**
   * Signal-to-noise ratio in decibels: 10·log₁₀(Σx² / Σ(x − y)²). Within ±200, so that it survives JSON: 200 where nothing
   * differs, −200 where the noise has no bound or there is no signal.
   */
  readonly sqnr: number;
  /** Cosine of the angle between the two, from −1 to 1; 1 where nothing differs, 0 where only one is zero. */
  readonly cosine: number;
  /** Greatest |x − y|; the largest double where an element is not finite although it should be. */
  readonly maxError: number;
}

const decibelBound = 200;

/** Decibels of a ratio of noise to signal, within ±200. */
export function decibels(noiseToSignal: number): number {
  const value = 10 * Math.log10(1 / noiseToSignal);
  return Number.isNaN(value) ? -decibelBound : Math.min(Math.max(value, -decibelBound), decibelBound);
}

/** Adds up, in float64, how far found elements lie from wanted ones. Keeps five numbers, no elements. */
export class DifferenceMeter {
  #wanted = 0;
  #found = 0;
  #product = 0;
  #noise = 0;
  #maxError = 0;

  /** @throws RangeError where the lengths differ */
  add(wanted: HostData, found: HostData): void {
    if (wanted.length !== found.length) {
      throw new RangeError(`${found.length} elements are compared with ${wanted.length}.`);
    }
    // Sums in variables: a field would be written for each element.
    let [wantedSum, foundSum, productSum, noiseSum, maxError] = [0, 0, 0, 0, this.#maxError];
    for (let index = 0; index < wanted.length; index++) {
      const x = wanted[index] ?? 0;
      const y = found[index] ?? 0;
      // Equal infinities and NaN have no difference, and no place in sums.
      if (!Number.isFinite(x) && Object.is(x, y)) continue;
      const error = Math.abs(x - y);
      wantedSum += x * x;
      foundSum += y * y;
      productSum += x * y;
      noiseSum += error * error;
      maxError = Math.max(maxError, Number.isFinite(error) ? error : Number.MAX_VALUE);
    }
    this.#wanted += wantedSum;
    this.#found += foundSum;
    this.#product += productSum;
    this.#noise += noiseSum;
    this.#maxError = maxError;
  }

  /** Noise by signal: 0 where nothing differs, infinite where an element is not finite or there is no signal. */
  get noiseToSignal(): number {
    if (this.#noise === 0) return 0;
    return Number.isFinite(this.#noise) ? this.#noise / this.#wanted : Number.POSITIVE_INFINITY;
  }

  get result(): Difference {
    const cosine = this.#product / Math.sqrt(this.#wanted) / Math.sqrt(this.#found);
    return {
      sqnr: decibels(this.noiseToSignal),
      cosine: this.#noise === 0 ? 1 : Number.isFinite(cosine) ? Math.min(Math.max(cosine, -1), 1) : 0,
      maxError: this.#maxError,
    };
  }
}
