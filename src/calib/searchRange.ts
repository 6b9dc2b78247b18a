import { allAtOnce, type Pieces } from '../base/pieces.ts';
import { type HostParameters, hostParameters } from '../quant/hostParameters.ts';
import type { CodeFormat } from '../quant/parameters.ts';

/** From the least to the greatest number that has a code. */
export interface ParameterRange {
  readonly minimum: number;
  readonly maximum: number;
}

/** What lies between two limits of a range, as float32. */
export function within({ minimum, maximum }: ParameterRange, low: number, high: number): ParameterRange {
  // Not −0, which JSON does not keep.
  const clamp = (limit: number): number => Math.min(Math.max(Math.fround(limit), minimum), maximum) + 0;
  return { minimum: clamp(low), maximum: clamp(high) };
}

/** What quantization with a scale and a zero point costs, in any unit; any number above `enough` where it costs more than that. */
export type QuantizationCost = (parameters: HostParameters, enough?: number) => number;

/** Parts of a whole range that a first look tries: one side in so many steps, or two sides each. */
const stepsOfOne = 64;
const stepsOfTwo = 16;
/** How often the best is looked around, at a quarter of the step before, and how far. */
const refinements = 2;
const reach = 3;

/**
 * The range within a given one that costs least, by a grid that is refined around its best point: shares i/64 of both limits
 * alike for symmetric codes and where all numbers have one sign, otherwise shares i/16 of each limit; then twice the
 * neighbourhood at a quarter of that step. The whole range is always among them, and is the result where no other is better
 * by more than `margin`.
 */
export function searchRange(
  whole: ParameterRange,
  format: CodeFormat,
  errorOf: QuantizationCost,
  margin: QuantizationCost = () => 0,
): ParameterRange {
  return allAtOnce(rangeSearch(whole, format, errorOf, margin));
}

/** `searchRange` in pieces: each candidate is one. */
export function* rangeSearch(
  whole: ParameterRange,
  format: CodeFormat,
  errorOf: QuantizationCost,
  margin: QuantizationCost = () => 0,
): Pieces<ParameterRange> {
  const { minimum, maximum } = whole;
  const symmetric = format.scheme === 'symmetric';
  const tied = symmetric || minimum >= 0 || maximum <= 0;
  const greatest = Math.max(-minimum, maximum);
  const rangeAt = (below: number, above: number): ParameterRange => {
    if (below === 1 && above === 1) return whole;
    const [low, high] = symmetric ? [-greatest, greatest] : [Math.min(minimum, 0), Math.max(maximum, 0)];
    return within(whole, low * below, high * above);
  };
  const costOf = (range: ParameterRange, enough?: number) =>
    errorOf(hostParameters(range.minimum, range.maximum, format), enough);
  let best = { below: 1, above: 1, cost: costOf(whole) };
  const limit = best.cost - margin(hostParameters(minimum, maximum, format));
  const consider = (below: number, above: number): void => {
    // Less than nothing, or more than the whole, or nothing at all.
    if (Math.min(below, above) < 0 || Math.max(below, above) > 1 || below + above === 0) return;
    const cost = costOf(rangeAt(below, above), best.cost);
    if (cost < best.cost) best = { below, above, cost };
  };
  let step = 1 / (tied ? stepsOfOne : stepsOfTwo);
  for (let i = 0; i * step <= 1; i++) {
    for (let j = tied ? i : 0; tied ? j === i : j * step <= 1; j++) {
      consider(i * step, j * step);
      yield;
    }
  }
  for (let round = 0; round < refinements; round++) {
    step /= 4;
    const { below, above } = best;
    for (let i = -reach; i <= reach; i++) {
      for (let j = tied ? i : -reach; tied ? j === i : j <= reach; j++) {
        consider(below + i * step, above + j * step);
        yield;
      }
    }
  }
  return best.cost < limit ? rangeAt(best.below, best.above) : whole;
}
