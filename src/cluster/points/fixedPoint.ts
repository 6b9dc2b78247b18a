/** Bits after the point of an exact coordinate: the squares of all columns together stay below 2^128. */
export function fractionBits(columnCount: number): number {
  return Math.min(60, Math.floor((126 - Math.ceil(Math.log2(columnCount))) / 2));
}

/** A non-negative number as a multiple of 2^-bits, rounded down, in four words, lowest first; saturated. */
export function fixedPoint128(value: number, bits: number): Uint32Array<ArrayBuffer> {
  const exponent = value > 0 ? Math.floor(Math.log2(value)) - 53 : 0;
  const significand = BigInt(Math.floor(value / 2 ** exponent));
  const shift = BigInt(exponent + bits);
  const scaled = shift >= 0n ? significand << shift : significand >> -shift;
  const limited = scaled >> 128n ? (1n << 128n) - 1n : scaled;
  return Uint32Array.from([0n, 32n, 64n, 96n], (position) => Number((limited >> position) & 0xffffffffn));
}

/** Rounds to the nearest whole number, ties to even, as WGSL's `round` does. */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
