/** Numbers of 16 bits: IEEE 754 binary16 and bfloat16. */
import { roundHalfToEven } from './rounding.ts';

/** The number that the bits of an IEEE 754 half stand for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of the half nearest to a number, ties to even; beyond 65,519.99 infinity. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // One unit in the last place: halves below 2⁻¹⁴ are spaced as those from there on.
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const units = roundHalfToEven(magnitude / 2 ** (exponent - 10));
  // The units carry the leading one, and may have been rounded up to the next power of two: both add up.
  return sign | (magnitude < 2 ** -14 ? units : ((exponent + 14) << 10) + units);
}

/** The number that the bits of a bfloat16 stand for: they are the upper half of a float32. */
export function bfloat16ToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** The bfloat16 number nearest to a float32, ties to even. */
export function roundToBfloat16(value: number): number {
  if (!Number.isFinite(value)) return value;
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  return bfloat16ToNumber((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
}

const scratch = new DataView(new ArrayBuffer(4));
