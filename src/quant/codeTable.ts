import { ShapeMismatch } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type ByteType, lowestCode } from './byteCodes.ts';

/** A table of codes on the GPU. */
export interface CodeTable {
  /** A word for each byte of the input, whatever its sign. */
  readonly words: Tensor<'uint32'>;
  /** Types before and after. */
  readonly input: ByteType;
  readonly output: ByteType;
  dispose(): void;
}

/**
 * Uploads a table of 256 codes, the first for the lowest code of the input type.
 * @throws ShapeMismatch for another length
 */
export function uploadTable(engine: Engine, codes: Int8Array | Uint8Array, input: ByteType): CodeTable {
  if (codes.length !== 256) {
    throw new ShapeMismatch(`A table of ${codes.length} codes was given; it needs 256, one for each 8-bit code.`);
  }
  const low = lowestCode(input);
  const bits = Uint32Array.from({ length: 256 }, (_, byte) => {
    const code = input === 'int8' ? (byte << 24) >> 24 : byte;
    return (codes[code - low] ?? 0) & 0xff;
  });
  const words = engine.tensor(bits, [256]);
  const output = codes instanceof Int8Array ? 'int8' : 'uint8';
  return { words, input, output, dispose: () => words.dispose() };
}
