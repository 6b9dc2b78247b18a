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
  aFlip: 'u32',
  bFlip: 'u32',
  aZero: 'i32',
  bZero: 'i32',
  aHigh: 'i32',
  aLow: 'i32',
  bHigh: 'i32',
  bLow: 'i32',
  largest: 'i32',
  yZero: 'f32',
  lowest: 'f32',
  highest: 'f32',
  yFlip: 'u32',
} as const;
const bindings = { a: 'read', b: 'read', y: 'write' } as const;
const name = 'nn/quantizedBinary';
const computedKernel = declareKernel({ name, entryPoint: 'computed', uniforms, bindings });
const tabledKernel = declareKernel({
  name,
  entryPoint: 'tabled',
  uniforms,
  bindings: { ...bindings, table: 'read' },
});

const computedWork = 600;
const tabledWork = 200;
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

/** Factors with a fixed point: `factor` / 2^(fraction + limb). */
interface FixedPoint {
  readonly fraction: number;
  readonly limb: number;
  readonly aFactor: number;
  /** 0 for a product. */
  readonly bFactor: number;
  /** Bound of a product before it is scaled, beyond which the result is saturated all the same. */
  readonly largest: number;
}

/** Above it even products of 1 are out of bounds. */
const largestRatio = 256;

/** Sums of both ratios up to `bound` leave room for so many bits behind the point. */
const sumFractions = [
  { fraction: 20, bound: 2 ** 3 },
  { fraction: 12, bound: 2 ** 11 },
  { fraction: 4, bound: 2 ** 19 },
];

function fixedPointOf({ operation, a, b, output }: BinaryQuantization): FixedPoint {
  for (const quantization of [a, b, output]) assertByteQuantization(quantization);
  const scale = Math.fround(output.scale);
  const [aScale, bScale] = [Math.fround(a.scale), Math.fround(b.scale)];
  if (operation === 'mul') {
    const ratio = Math.min((aScale * bScale) / scale, largestRatio);
    const [fraction, limb] = [21, 14];
    const largest = Math.min(Math.ceil(largestRatio / ratio), 255 ** 2);
    return { fraction, limb, aFactor: Math.round(ratio * 2 ** (fraction + limb)), bFactor: 0, largest };
  }
  const [aRatio, bRatio] = [aScale / scale, bScale / scale];
  const found = sumFractions.find(({ bound }) => aRatio + bRatio <= bound);
  if (!found) {
    throw new InvalidQuantization(
      `A sum of codes with scales ${aScale} and ${bScale} has scale ${scale}; the first two may be ${2 ** 19} times as large together at most. Give the result a greater scale.`,
    );
  }
  const { fraction } = found;
  const limb = 20;
  const factor = (ratio: number): number => Math.round(ratio * 2 ** (fraction + limb));
  return { fraction, limb, aFactor: factor(aRatio), bFactor: factor(bRatio), largest: 0 };
}

function boundsOf({ dtype, ...given }: QuantizedOutput): { readonly lowest: number; readonly highest: number } {
  const least = lowestCode(dtype);
  return {
    lowest: Math.max(given.lowestCode ?? least, least),
    highest: Math.min(given.highestCode ?? 255, least + 255),
  };
}

/**
 * The definition of a sum or product of codes: (a − zₐ)·sₐ/s + (b − z_b)·s_b/s, or (a − zₐ)·(b − z_b)·sₐ·s_b/s, rounded half
 * to even, plus z, within bounds. The quotients of the float32 scales are rounded to a fixed point: for sums with 40 bits
 * behind it as long as they are not above 8 together (beyond: 32 or 24 bits), for products with 35, so that before its
 * rounding a result is less than 2⁻²⁰ off.
 * @returns a function of two codes.
 * @throws InvalidQuantization
 */
export function combinationOf(quantization: BinaryQuantization): (a: number, b: number) => number {
  const { operation, a, b, output } = quantization;
  const { fraction, limb, aFactor, bFactor } = fixedPointOf(quantization);
  const { lowest, highest } = boundsOf(output);
  const unit = 2 ** -(fraction + limb);
  return (aCode, bCode) => {
    const [da, db] = [aCode - a.zeroPoint, bCode - b.zeroPoint];
    const value = operation === 'mul' ? da * db * aFactor : da * aFactor + db * bFactor;
    return Math.min(Math.max(roundHalfToEven(value * unit) + output.zeroPoint, lowest), highest);
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

/** A sum or product that is ready for an adapter. */
export interface Combination {
  readonly quantization: BinaryQuantization;
  /** The codes of all pairs, where looking them up is faster than computing them. */
  readonly table: Tensor<'uint32'> | undefined;
  dispose(): void;
}

/**
 * Prepares a sum or product of codes.
 * @param tabled by the adapter unless given
 * @throws InvalidQuantization
 */
export function prepareCombination(
  engine: Engine,
  quantization: BinaryQuantization,
  tabled = engine.info.software,
): Combination {
  const combine = combinationOf(quantization);
  const codeOf = ({ dtype }: ByteQuantization, byte: number): number => (dtype === 'int8' ? (byte << 24) >> 24 : byte);
  const { a, b } = quantization;
  const codes = (pair: number): number => combine(codeOf(a, pair & 0xff), codeOf(b, pair >> 8)) & 0xff;
  const table = tabled
    ? engine.tensor(
        Uint32Array.from({ length: 2 ** 16 }, (_, pair) => codes(pair)),
        [2 ** 16],
      )
    : undefined;
  return { quantization, table, dispose: () => table?.dispose() };
}

/**
 * A sum or product of 8-bit codes, broadcast as in NumPy, in integers alone: see `combinationOf`, which it agrees with bit
 * for bit.
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
    ...numberUniforms(quantization),
  };
  const { fraction, limb } = fixedPointOf(quantization);
  const conditions = {
    product: quantization.operation === 'mul',
    broadcast: a.layout.size !== size || b.layout.size !== size,
    padded: columnCount !== rowBytes,
  };
  for (const { first, end, work } of workRuns(engine, size / 16, table ? tabledWork : computedWork, 64)) {
    const dispatch = {
      uniforms: { ...fixed, start: first, end },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions, constants: { FRACTION: fraction, LIMB: limb } },
    };
    if (table) engine.run(tabledKernel, { ...dispatch, bindings: { a, b, y, table } });
    else engine.run(computedKernel, { ...dispatch, bindings: { a, b, y } });
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

function numberUniforms(quantization: BinaryQuantization) {
  const { a, b, output } = quantization;
  const { limb, aFactor, bFactor, largest } = fixedPointOf(quantization);
  const { lowest, highest } = boundsOf(output);
  const least = lowestCode(output.dtype);
  const flip = ({ dtype }: ByteQuantization): number => (dtype === 'uint8' ? 0x80808080 : 0);
  const signedZero = ({ dtype, zeroPoint }: ByteQuantization): number => zeroPoint - lowestCode(dtype) - 128;
  const high = (factor: number): number => Math.floor(factor / 2 ** limb);
  return {
    ...{ aFlip: flip(a), bFlip: flip(b), aZero: signedZero(a), bZero: signedZero(b) },
    ...{ aHigh: high(aFactor), aLow: aFactor % 2 ** limb, bHigh: high(bFactor), bLow: bFactor % 2 ** limb, largest },
    ...{ yZero: output.zeroPoint - least, lowest: lowest - least, highest: highest - least },
    yFlip: output.dtype === 'int8' ? 0x80808080 : 0,
  };
}
