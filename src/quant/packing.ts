import { InvalidQuantization, ShapeMismatch } from '../base/errors.ts';

/** Bytes that `count` codes of `bits` bits take in a stream without padding. */
export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/** @throws InvalidQuantization when a width is not 1 to 8 bits. */
export function assertBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > 8) {
    throw new InvalidQuantization(`A code cannot have ${bits} bits; use a whole number from 1 to 8.`);
  }
}

/**
 * Packs codes into a little-endian stream of `bits` bits each: code i takes the bits from i · bits on, its lowest bit
 * first; 5 bits take 5 bits. The same stream as layout `flat` has on the GPU.
 * ```
 * 5 bits: byte 0 = b b b a a a a a   byte 1 = d c c c c c b b   …   (highest bit left)
 * ```
 * @param codes whole numbers of which the lowest `bits` bits are kept, so negative ones in two's complement.
 * @param bits 1 to 8.
 * @throws InvalidQuantization when `bits` is outside its range.
 */
export function pack(codes: ArrayLike<number>, bits: number): Uint8Array<ArrayBuffer> {
  assertBits(bits);
  const packed = new Uint8Array(packedBytes(codes.length, bits));
  const mask = 2 ** bits - 1;
  let pending = 0;
  let pendingBits = 0;
  let position = 0;
  for (let index = 0; index < codes.length; index++) {
    pending |= ((codes[index] ?? 0) & mask) << pendingBits;
    pendingBits += bits;
    while (pendingBits >= 8) {
      packed[position++] = pending & 0xff;
      pending >>>= 8;
      pendingBits -= 8;
    }
  }
  if (pendingBits > 0) packed[position] = pending;
  return packed;
}

/**
 * Takes `count` codes out of a stream as `pack` makes it.
 * @param bits 1 to 8.
 * @param signed whether codes are in two's complement.
 * @throws InvalidQuantization when `bits` is outside its range, ShapeMismatch when the stream is too short.
 */
export function unpack(packed: Uint8Array, bits: number, count: number, signed: true): Int8Array<ArrayBuffer>;
export function unpack(packed: Uint8Array, bits: number, count: number, signed: false): Uint8Array<ArrayBuffer>;
export function unpack(
  packed: Uint8Array,
  bits: number,
  count: number,
  signed: boolean,
): Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
export function unpack(
  packed: Uint8Array,
  bits: number,
  count: number,
  signed: boolean,
): Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer> {
  assertBits(bits);
  if (packed.length < packedBytes(count, bits)) {
    throw new ShapeMismatch(
      `unpack: ${count} codes of ${bits} bits take ${packedBytes(count, bits)} bytes, but there are ${packed.length}; give the whole stream.`,
    );
  }
  const codes = signed ? new Int8Array(count) : new Uint8Array(count);
  const unused = 32 - bits;
  for (let index = 0; index < count; index++) {
    const bit = index * bits;
    const byte = Math.floor(bit / 8);
    const pair = (packed[byte] ?? 0) | ((packed[byte + 1] ?? 0) << 8);
    const raised = (pair >>> (bit % 8)) << unused;
    codes[index] = signed ? raised >> unused : raised >>> unused;
  }
  return codes;
}
