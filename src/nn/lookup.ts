import { InvalidQuantization } from '../base/errors.ts';
import { roundHalfToEven } from '../base/rounding.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { assertByteQuantization, type ByteQuantization, type ByteType, lowestCode } from '../quant/byteCodes.ts';
import type { CodeTable } from '../quant/codeTable.ts';

const kernel = declareKernel({
  name: 'nn/lookup',
  uniforms: { start: 'u32', end: 'u32', columnCount: 'u32', rowQuads: 'u32' },
  bindings: { x: 'read', table: 'read', y: 'write' },
});

const workPerQuad = 100;

/**
 * The codes that a function of one number becomes: dequantized, computed and quantized as DequantizeLinear, the function
 * and QuantizeLinear do one after the other in float32.
 * @returns 256 codes of the output type, the first for the lowest code of the input type.
 * @throws InvalidQuantization for parameters out of range, or a function that is NaN at a code
 */
export function tableOf(
  compute: (x: number) => number,
  input: ByteQuantization,
  output: ByteQuantization,
): Int8Array | Uint8Array {
  assertByteQuantization(input);
  assertByteQuantization(output);
  const low = lowestCode(output.dtype);
  const codes = Array.from({ length: 256 }, (_, index) => {
    const x = Math.fround((index + lowestCode(input.dtype) - input.zeroPoint) * Math.fround(input.scale));
    const value = Math.fround(compute(x));
    if (Number.isNaN(value)) {
      throw new InvalidQuantization(
        `A function of 8-bit codes is not a number at ${x}; use one that is defined there.`,
      );
    }
    const code = roundHalfToEven(Math.fround(value / Math.fround(output.scale))) + output.zeroPoint;
    return Math.min(Math.max(code, low), low + 255);
  });
  return output.dtype === 'int8' ? Int8Array.from(codes) : Uint8Array.from(codes);
}

/**
 * Each element of an 8-bit tensor replaced by its entry in a table.
 * @param x of the table's input type, any shape.
 * @returns the table's output type in the shape of `x`.
 * @throws InvalidQuantization where the table is for another type; DisposedTensor
 */
export function lookup(engine: Engine, x: Tensor<ByteType>, table: CodeTable): Tensor<ByteType> {
  if (x.dtype !== table.input) {
    throw new InvalidQuantization(
      `A table for ${table.input} codes was applied to ${x.dtype} ones; make one for them.`,
    );
  }
  const y = engine.empty(x.shape, table.output);
  const { columnCount, rowBytes, size } = y.layout;
  for (const { first, end, work } of workRuns(engine, size / 16, workPerQuad, 64)) {
    engine.run(kernel, {
      uniforms: { start: first, end, columnCount, rowQuads: rowBytes / 16 },
      bindings: { x, table: table.words, y },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: { padded: columnCount !== rowBytes } },
    });
  }
  return y;
}
