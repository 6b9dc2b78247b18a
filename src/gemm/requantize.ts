import { InvalidQuantization } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { type Bindable, declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { windowOf, workRuns } from '../gpu/windows.ts';
import type { CodeSource } from './codeSource.ts';
import { makeMultipliers } from './multipliers.ts';

/** An 8-bit result of a product: y ≈ (code − zeroPoint) · scale. */
export interface Requantization {
  /** Finite and above 0. */
  readonly scale: number;
  /** −128 to 127 if signed, 0 to 255 if not; 0 unless given. */
  readonly zeroPoint?: number;
  /** int8 (true) or uint8 (false); true unless given. */
  readonly signed?: boolean;
  /** One rounding, half to even, unless given; `gemmlowp` for the results of TensorFlow Lite. */
  readonly rounding?: 'nearest-even' | 'gemmlowp';
}

const requantizeKernel = declareKernel({
  name: 'gemm/requantize',
  uniforms: {
    start: 'u32',
    end: 'u32',
    columnCount: 'u32',
    rowWords: 'u32',
    sumStart: 'u32',
    yStart: 'u32',
    low: 'i32',
    high: 'i32',
    zeroPoint: 'i32',
  },
  bindings: { sums: 'read', multipliers: 'read', y: 'write' },
});

const workPerWord = 300;

/** Checks an 8-bit output and completes it. @throws InvalidQuantization */
export function requantizationOf(output: Requantization): Required<Requantization> {
  const { scale, zeroPoint = 0, signed = true, rounding = 'nearest-even' } = output;
  const low = signed ? -128 : 0;
  const rounded = Math.fround(scale);
  if (!(Number.isFinite(rounded) && rounded > 0)) {
    throw new InvalidQuantization(
      `matmul: the output scale is ${scale}, in float32 ${rounded}; it must be finite and above 0.`,
    );
  }
  if (!Number.isInteger(zeroPoint) || zeroPoint < low || zeroPoint > low + 255) {
    throw new InvalidQuantization(
      `matmul: the output zero point is ${zeroPoint}; for ${signed ? 'int8' : 'uint8'} it is a whole number from ${low} to ${low + 255}.`,
    );
  }
  if (rounding !== 'nearest-even' && rounding !== 'gemmlowp') {
    throw new InvalidQuantization(
      `matmul: there is no rounding "${String(rounding)}" of 8-bit output; use "nearest-even" or "gemmlowp".`,
    );
  }
  return { scale: rounded, zeroPoint, signed, rounding };
}

/** What the sums of a product become. */
export interface RequantizationJob {
  readonly left: CodeSource;
  readonly right: CodeSource;
  readonly output: Required<Requantization>;
  /** Bounds of the real result. */
  readonly lower: number;
  readonly upper: number;
}

/**
 * Records the conversion of i32 sums [..., N] to 8-bit codes.
 * @throws InvalidQuantization when x has a scale for each row, or w one for each matrix of a batch.
 */
export function recordRequantization(
  engine: Engine,
  sums: Tensor<'int32'>,
  { left, right, output, lower, upper }: RequantizationJob,
): Tensor<'int8' | 'uint8'> {
  if (left.parameters.row > 0 || left.parameters.batch > 0 || right.parameters.batch > 0) {
    throw new InvalidQuantization(
      'matmul: 8-bit output needs one scale for all of x, and for w one or one per column; quantize them so, or use float32 output.',
    );
  }
  const { scale, zeroPoint, signed, rounding } = output;
  const lowest = signed ? -128 : 0;
  const bound = (value: number): number =>
    Math.min(Math.max(Math.round(value / scale) + zeroPoint, lowest), lowest + 255);
  const multipliers = makeMultipliers(engine, left, right, scale);
  const low = bound(lower);
  const high = bound(upper);
  const y = requantizeSums(engine, sums, { multipliers, zeroPoint, signed, low, high, rounding });
  multipliers.release();
  return y;
}

/** How sums become codes: within [low, high], round(sum · factor) + zeroPoint. */
export interface SumsRequantization {
  /** int32 [N, 2]: multiplier and shift of each column, factor = multiplier · 2^−shift; for float32 its bits, and 0. */
  readonly multipliers: Bindable;
  readonly zeroPoint: number;
  readonly signed: boolean;
  readonly low: number;
  readonly high: number;
  /** As of a product's result; or `float32` for a product in float32, rounded half to even, as ONNX Runtime has it. */
  readonly rounding: Required<Requantization>['rounding'] | 'float32';
}

/** Records the conversion of i32 sums [..., N] to 8-bit codes with given multipliers. */
export function requantizeSums(
  engine: Engine,
  sums: Tensor<'int32'>,
  { multipliers, zeroPoint, signed, low, high, rounding }: SumsRequantization,
): Tensor<'int8' | 'uint8'> {
  const y = engine.empty(sums.shape, signed ? 'int8' : 'uint8');
  const { rowCount, columnCount, rowBytes } = y.layout;
  const rowWords = rowBytes / 4;
  // Sums are the largest binding: whole rows of them in each dispatch.
  const limit = engine.device.limits.maxStorageBufferBindingSize;
  const rowsBound = Math.max(1, Math.floor((limit - 512) / Math.max(1, columnCount * 4)));
  const rowStep = sums.allocation.size <= limit ? Math.max(1, rowCount) : rowsBound;
  for (let rowStart = 0; rowStart < rowCount; rowStart += rowStep) {
    const rowEnd = Math.min(rowStart + rowStep, rowCount);
    const sumWindow = windowOf(engine, sums.allocation, rowStart * columnCount * 4, rowEnd * columnCount * 4);
    const yWindow = windowOf(engine, y.allocation, rowStart * rowBytes, rowEnd * rowBytes);
    for (const { first, end, work } of workRuns(engine, (rowEnd - rowStart) * rowWords, workPerWord, 64)) {
      engine.run(requantizeKernel, {
        uniforms: {
          start: first,
          end,
          columnCount,
          rowWords,
          sumStart: rowStart * columnCount - sumWindow.offset / 4,
          yStart: rowStart * rowWords - yWindow.offset / 4,
          low,
          high,
          zeroPoint,
        },
        bindings: { sums: sumWindow.view, multipliers, y: yWindow.view },
        workgroups: Math.ceil((end - first) / 64),
        work,
        variant: { conditions: { gemmlowp: rounding === 'gemmlowp', float: rounding === 'float32' } },
      });
    }
  }
  return y;
}
