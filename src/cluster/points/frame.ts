/**
 * The coordinates that the shaders work in: (x − centre) · 2^exponent, below 1 in magnitude. Distances do not depend on
 * the centre and are scaled exactly by the power of two, which all features share.
 */
export interface Frame {
  readonly centre: Float64Array;
  readonly exponent: number;
}

/** The centre is a multiple of the column's range / 2^centreBits, about. */
const centreBits = 10;

/** The smallest e with |fround(value · 2^-e)| < 1; 0 for 0. */
export function exponentAbove(value: number): number {
  if (value === 0) return 0;
  let exponent = Math.floor(Math.log2(value)) + 1;
  // The logarithm may be off by one, and rounding may carry up to the power of two.
  while (Math.fround(value / 2 ** exponent) >= 1) exponent++;
  while (Math.fround(value / 2 ** (exponent - 1)) < 1) exponent--;
  return exponent;
}

/**
 * A number near `middle` with so few bits, for values from `minimum` to `maximum`, that subtracting it from whole or
 * other coarse numbers is exact in f32: their equal distances stay equal.
 */
export function centreNear(middle: number, minimum: number, maximum: number): number {
  if (minimum === maximum) return minimum;
  const step = 2 ** (exponentAbove(maximum - minimum) - centreBits);
  const rounded = Math.round(middle / step) * step;
  return Number.isFinite(rounded) ? rounded : middle;
}

/** The exponent of a frame in which all of `magnitude` fits. */
export function frameExponent(magnitude: number): number {
  // Beyond these the power of two itself leaves float64; such data is zero, or all alike, in any case.
  return Math.max(-1000, Math.min(1000, -exponentAbove(magnitude)));
}

/**
 * Row-major coordinates in a frame, rounded to f32, each row padded with zeros to whole vec4f.
 * @param framed receives them; zeros where rows are padded
 */
export function toFrame(
  data: Float32Array | Float64Array,
  { centre, exponent }: Frame,
  firstRow: number,
  rowCount: number,
  framed: Float32Array<ArrayBuffer> = new Float32Array(rowCount * Math.ceil(centre.length / 4) * 4),
): Float32Array<ArrayBuffer> {
  const columnCount = centre.length;
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const scale = 2 ** exponent;
  for (let row = 0; row < rowCount; row++) {
    const from = (firstRow + row) * columnCount;
    for (let column = 0; column < columnCount; column++) {
      framed[row * rowFloats + column] = ((data[from + column] as number) - (centre[column] as number)) * scale;
    }
  }
  return framed;
}

/** Largest |coordinate − centre| of row-major points. */
export function reach(points: Float64Array, centre: Float64Array): number {
  let largest = 0;
  points.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value - (centre[index % centre.length] as number)));
  });
  return largest;
}
