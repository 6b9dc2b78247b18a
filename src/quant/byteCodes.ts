import { InvalidQuantization } from '../base/errors.ts';

/** An 8-bit type on the GPU. */
export type ByteType = 'int8' | 'uint8';

/** What codes of 8 bits stand for: x = (code − zeroPoint) · scale. */
export interface ByteQuantization {
  readonly dtype: ByteType;
  /** Finite and above 0. */
  readonly scale: number;
  /** −128 to 127 for int8, 0 to 255 for uint8. */
  readonly zeroPoint: number;
}

/** The least code of an 8-bit type; the greatest is 255 more. */
export function lowestCode(dtype: ByteType): number {
  return dtype === 'int8' ? -128 : 0;
}

/** @throws InvalidQuantization */
export function assertByteQuantization({ dtype, scale, zeroPoint }: ByteQuantization): void {
  if (!(Number.isFinite(scale) && scale > 0)) {
    throw new InvalidQuantization(`A scale of 8-bit codes is ${scale}; it must be finite and above 0.`);
  }
  const low = lowestCode(dtype);
  if (!Number.isInteger(zeroPoint) || zeroPoint < low || zeroPoint > low + 255) {
    throw new InvalidQuantization(
      `A zero point of ${dtype} codes is ${zeroPoint}; it must be a whole number from ${low} to ${low + 255}.`,
    );
  }
}
