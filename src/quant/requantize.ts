import { roundHalfToEven } from '../base/rounding.ts';

/**
 * The factor from sums of products of codes to codes of a scale, in float32 as ONNX Runtime combines it:
 * fround(fround(xScale · wScale) / yScale).
 */
export function requantizationFactor(xScale: number, wScale: number, yScale: number): number {
  return Math.fround(Math.fround(xScale * wScale) / yScale);
}

/**
 * sum · factor as ONNX Runtime requantizes on every processor: float32 numbers and a float32 product, rounded half to even.
 * A product next to a tie may become one, so that codes differ by one from `requantized`.
 * @param sum an int32
 * @param factor a float32
 */
export const requantizedInFloat = (sum: number, factor: number): number =>
  roundHalfToEven(Math.fround(Math.fround(sum) * factor));

/** sum · factor rounded half to even, exactly, for an int32 and a float32. */
export function requantized(sum: number, factor: number): number {
  // 24 bits of the factor and 29 of the sum make a product that float64 holds.
  if (Math.abs(sum) < 2 ** 29) return roundHalfToEven(sum * factor);
  const low = sum & 0xffff;
  const [above, below] = [(sum - low) * factor, low * factor];
  const product = above + below;
  const lost = above - (product - below) + (below - (product - (product - below)));
  const floor = Math.floor(product);
  if (product - floor !== 0.5 || lost === 0) return roundHalfToEven(product);
  return lost > 0 ? floor + 1 : floor;
}

/**
 * A factor in the form that integer requantization takes it: multiplier · 2^−shift with 2³⁰ ≤ multiplier < 2³¹, exactly.
 * @param factor a float32 above 0 and finite
 */
export function integerMultiplier(factor: number): readonly [multiplier: number, shift: number] {
  let shift = 30 - Math.floor(Math.log2(factor));
  // The logarithm may be off by one next to powers of two.
  if (factor * 2 ** shift < 2 ** 30) shift++;
  if (factor * 2 ** shift >= 2 ** 31) shift--;
  return [factor * 2 ** shift, shift];
}
