import { InvalidQuantization } from '../base/errors.ts';
import { roundHalfToEven } from '../base/rounding.ts';
import type { Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { assertByteQuantization, type ByteQuantization, type ByteType, lowestCode } from '../quant/byteCodes.ts';
import { broadcastAxes, broadcastShapes } from './broadcast.ts';
import { move, viewOfTensor } from './move.ts';
import { expanded } from './view.ts';

const uniforms = {
  start: 'u32',
  end: 'u32',
  columnCount: 'u32',
  rowQuads: 'u32',
  length0: 'u32',
  length1: 'u32',
  length2: 'u32',
  aStep0: 'u32',
  aStep1: 'u32',
  aStep2: 'u32',
  aStep3: 'u32',
  bStep0: 'u32',
  bStep1: 'u32',
  bStep2: 'u32',
  bStep3: 'u32',
  aColumns: 'u32',
  bColumns: 'u32',
} as const;
const kernel = declareKernel({
  name: 'nn/quantizedBinary',
  uniforms,
  bindings: { a: 'read', b: 'read', table: 'read', y: 'write' },
});

const workPerVector = 200;
const largestRowAxes = 4;

/** Sum or product. */
export type QuantizedOperation = 'add' | 'mul';

/** What codes become. */
export interface QuantizedOutput extends ByteQuantization {
  /** Least and greatest code of the result, as after Relu or Clip; those of the type unless given. */
  readonly lowestCode?: number;
  readonly highestCode?: number;
}

/** How two operands and a result stand for numbers. */
export interface BinaryQuantization {
  readonly operation: QuantizedOperation;
  readonly a: ByteQuantization;
  readonly b: ByteQuantization;
  readonly output: QuantizedOutput;
}

function boundsOf({ dtype, ...given }: QuantizedOutput): { readonly lowest: number; readonly highest: number } {
  const least = lowestCode(dtype);
  return {
    lowest: Math.max(given.lowestCode ?? least, least),
    highest: Math.min(given.highestCode ?? 255, least + 255),
  };
}

/** A larger scale could make a number of an operand infinite, and a sum of two of them none. */
const largestScale = 2 ** 119;

/**
 * The definition of a sum or product of codes: that of DequantizeLinear, Add or Mul, and QuantizeLinear, each in float32, as ONNX
 * Runtime computes it. With x = (a − zₐ)·sₐ and w = (b − z_b)·s_b it is (x + w)/s or (x · w)/s, plus z, rounded half to even,
 * within bounds. ONNX adds z after it rounded: where z is odd, exact ties are rounded to the other side here.
 * @returns a function of two codes.
 * @throws InvalidQuantization
 */
export function combinationOf({ operation, a, b, output }: BinaryQuantization): (a: number, b: number) => number {
  for (const quantization of [a, b, output]) assertByteQuantization(quantization);
  const [aScale, bScale, scale] = [a, b, output].map((quantization) => Math.fround(quantization.scale)) as [
    number,
    number,
    number,
  ];
  if (Math.max(aScale, bScale) > largestScale) {
    throw new InvalidQuantization(
      `Codes have the scales ${aScale} and ${bScale}; those that are combined may be ${largestScale} at most. Quantize the operands again.`,
    );
  }
  const { lowest, highest } = boundsOf(output);
  return (aCode, bCode) => {
    const x = Math.fround((aCode - a.zeroPoint) * aScale);
    const w = Math.fround((bCode - b.zeroPoint) * bScale);
    const value = Math.fround(Math.fround(operation === 'mul' ? x * w : x + w) / scale);
    const code = roundHalfToEven(Math.fround(value + output.zeroPoint));
    return Math.min(Math.max(code, lowest), highest) + 0;
  };
}

/** Quads from one coordinate to the next along each axis of the rows of the result. */
interface RowSteps {
  readonly lengths: readonly number[];
  readonly steps: readonly (readonly number[])[];
}

/** Rows of operands along those of the result; undefined where they run over too many axes. */
function rowSteps(shape: Shape, operands: readonly Tensor[]): RowSteps | undefined {
  const shapes = operands.map((operand) => operand.shape.slice(0, -1));
  const { lengths, steps } = broadcastAxes(shape.slice(0, -1), shapes);
  if (lengths.length > largestRowAxes) return undefined;
  const quads = operands.map(({ layout }) => layout.rowBytes / 16);
  return { lengths, steps: steps.map((list, index) => list.map((step) => step * (quads[index] ?? 0))) };
}

/** A sum or product that is ready to be computed. */
export interface Combination {
  readonly quantization: BinaryQuantization;
  /** The codes of all pairs. */
  readonly table: Tensor<'uint32'>;
  dispose(): void;
}

/**
 * Prepares a sum or product of codes.
 * @throws InvalidQuantization
 */
export function prepareCombination(engine: Engine, quantization: BinaryQuantization): Combination {
  const combine = combinationOf(quantization);
  const codeOf = ({ dtype }: ByteQuantization, byte: number): number => (dtype === 'int8' ? (byte << 24) >> 24 : byte);
  const { a, b } = quantization;
  const codes = (pair: number): number => combine(codeOf(a, pair & 0xff), codeOf(b, pair >> 8)) & 0xff;
  const table = engine.tensor(
    Uint32Array.from({ length: 2 ** 16 }, (_, pair) => codes(pair)),
    [2 ** 16],
  );
  return { quantization, table, dispose: () => table.dispose() };
}

/**
 * A sum or product of 8-bit codes, broadcast as in NumPy, from a table of what `combinationOf` gives for all pairs.
 * @returns codes of the output's type.
 * @throws InvalidQuantization where the operands have other types than were prepared for; ShapeMismatch, DisposedTensor
 */
export function quantizedBinary(
  engine: Engine,
  a: Tensor<ByteType>,
  b: Tensor<ByteType>,
  combination: Combination,
): Tensor<ByteType> {
  const { quantization, table } = combination;
  if (a.dtype !== quantization.a.dtype || b.dtype !== quantization.b.dtype) {
    throw new InvalidQuantization(
      `Codes of ${a.dtype} and ${b.dtype} are to be combined, but ${quantization.a.dtype} and ${quantization.b.dtype} were prepared for; prepare for them.`,
    );
  }
  const shape = broadcastShapes(a.shape, b.shape);
  const rows = rowSteps(shape, [a, b]);
  if (!rows) {
    using aWhole = move(engine, a, expanded(viewOfTensor(a), shape), shape);
    using bWhole = move(engine, b, expanded(viewOfTensor(b), shape), shape);
    return quantizedBinary(engine, aWhole, bWhole, combination);
  }
  const y = engine.empty(shape, quantization.output.dtype);
  const { columnCount, rowBytes, size } = y.layout;
  const fixed = {
    columnCount,
    rowQuads: rowBytes / 16,
    ...rowUniforms(rows),
    aColumns: a.layout.columnCount === columnCount ? 1 : 0,
    bColumns: b.layout.columnCount === columnCount ? 1 : 0,
  };
  const conditions = {
    broadcast: a.layout.size !== size || b.layout.size !== size,
    padded: columnCount !== rowBytes,
  };
  for (const { first, end, work } of workRuns(engine, size / 16, workPerVector, 64)) {
    engine.run(kernel, {
      uniforms: { ...fixed, start: first, end },
      bindings: { a, b, table, y },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions },
    });
  }
  return y;
}

function rowUniforms({ lengths, steps }: RowSteps) {
  const [length0 = 1, length1 = 1, length2 = 1] = lengths;
  const step = (operand: number, axis: number): number => steps[operand]?.[axis] ?? 0;
  return {
    ...{ length0, length1, length2 },
    ...{ aStep0: step(0, 0), aStep1: step(0, 1), aStep2: step(0, 2), aStep3: step(0, 3) },
    ...{ bStep0: step(1, 0), bStep1: step(1, 1), bStep2: step(1, 2), bStep3: step(1, 3) },
  };
}
