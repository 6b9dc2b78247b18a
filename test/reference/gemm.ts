/** Exact references of matrix products on the CPU. */

/** Σ x·w in float64 for row-major x [M, K] and w [K, N], as [M, N]. */
export function floatMatmul(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  { M, N, K }: { readonly M: number; readonly N: number; readonly K: number },
): Float64Array<ArrayBuffer> {
  const product = new Float64Array(M * N);
  for (let row = 0; row < M; row++) {
    for (let k = 0; k < K; k++) {
      const factor = x[row * K + k] as number;
      for (let column = 0; column < N; column++) {
        product[row * N + column] = (product[row * N + column] as number) + factor * (w[k * N + column] as number);
      }
    }
  }
  return product;
}

/** A factor as multiplier · 2^−shift with 2³⁰ ≤ multiplier < 2³¹. */
export interface IntegerFactor {
  readonly multiplier: bigint;
  readonly shift: number;
}

/** A positive float32 as an integer and a power of two. */
function exactly(value: number): { readonly significand: bigint; readonly exponent: number } {
  let significand = Math.fround(value);
  let exponent = 0;
  while (!Number.isInteger(significand)) {
    significand *= 2;
    exponent--;
  }
  return { significand: BigInt(significand), exponent };
}

function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = 2n * (dividend - quotient * divisor);
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** xScale · wScale / yScale, rounded half to even to 31 significant bits. */
export function integerFactor(xScale: number, wScale: number, yScale: number): IntegerFactor {
  const x = exactly(xScale);
  const w = exactly(wScale);
  const y = exactly(yScale);
  const exponent = x.exponent + w.exponent - y.exponent;
  for (let shift = -400; ; shift++) {
    const up = BigInt(Math.max(shift + exponent, 0));
    const down = BigInt(Math.max(-(shift + exponent), 0));
    const multiplier = divideHalfEven((x.significand * w.significand) << up, y.significand << down);
    if (multiplier >= 2n ** 30n)
      return multiplier === 2n ** 31n ? { multiplier: 2n ** 30n, shift: shift - 1 } : { multiplier, shift };
  }
}

/** round(sum · factor), half to even. */
export function requantizeHalfEven(sum: number, { multiplier, shift }: IntegerFactor): number {
  const product = BigInt(Math.abs(sum)) * multiplier;
  const rounded = shift <= 0 ? product << BigInt(-shift) : divideHalfEven(product, 1n << BigInt(shift));
  return Number(sum < 0 ? -rounded : rounded);
}

/** The product of the float32 next to sum and a float32, rounded to float32 and then half to even, as MLAS computes it. */
export function requantizeFloat(sum: number, factor: number): number {
  const [float = 0] = Float32Array.of(sum);
  const [product = 0] = Float32Array.of(float * factor);
  // From 2²³ on all floats are whole; below, what adding 1.5 · 2²³ leaves of a fraction is rounded so.
  return Math.abs(product) < 2 ** 22
    ? (Float32Array.of(product + 1.5 * 2 ** 23)[0] ?? 0) - 1.5 * 2 ** 23
    : Math.round(product);
}

/** gemmlowp's MultiplyByQuantizedMultiplier: a rounding doubling high product, then a rounding shift. */
export function requantizeGemmlowp(sum: number, { multiplier, shift }: IntegerFactor): number {
  const left = BigInt(Math.max(31 - shift, 0));
  const right = BigInt(Math.max(shift - 31, 0));
  const product = (BigInt(sum) << left) * multiplier;
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  const high = (product + nudge) / (1n << 31n);
  const mask = (1n << right) - 1n;
  const rest = high & mask;
  const threshold = (mask >> 1n) + (high < 0n ? 1n : 0n);
  return Number((high >> right) + (rest > threshold ? 1n : 0n));
}
