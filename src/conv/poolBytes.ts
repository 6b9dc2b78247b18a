import { LimitExceeded } from '../base/errors.ts';
import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { assertByteQuantization, type ByteQuantization, type ByteType, lowestCode } from '../quant/byteCodes.ts';
import { integerMultiplier, requantized } from '../quant/requantize.ts';
import { axesOf, windowFields, windowUniforms } from './geometry.ts';
import { globalMeanBytes } from './globalPoolBytes.ts';
import type { MeanOptions, PoolPlaces } from './pool.ts';

const uniforms = {
  start: 'u32',
  end: 'u32',
  channels: 'u32',
  quads: 'u32',
  inputDepth: 'u32',
  inputHeight: 'u32',
  inputWidth: 'u32',
  outputDepth: 'u32',
  outputHeight: 'u32',
  outputWidth: 'u32',
  ...windowFields,
  afterDepth: 'i32',
  afterHeight: 'i32',
  afterWidth: 'i32',
  countPadding: 'u32',
  xFlip: 'u32',
  xZero: 'i32',
  yZero: 'i32',
  lowest: 'i32',
} as const;
const bindings = { x: 'read', y: 'write' } as const;
const name = 'conv/poolBytes';
const maximumKernel = declareKernel({ name, entryPoint: 'maximum', uniforms, bindings });
const meanKernel = declareKernel({ name, entryPoint: 'mean', uniforms, bindings: { ...bindings, factors: 'read' } });

const workPerTap = 60;
/** Elements of 8 bits whose sum 32 bits hold for certain. */
const largestCount = 2 ** 23;

/** How to average codes. */
export interface CodeMeanOptions extends MeanOptions {
  readonly input: ByteQuantization;
  readonly output: ByteQuantization;
}

/** What a sum of `count` codes less their zero points is scaled by: a float32 that integers can scale by. */
function meanFactor({ input, output }: Pick<CodeMeanOptions, 'input' | 'output'>, count: number): number {
  const factor = Math.fround(Math.fround(input.scale) / Math.fround(output.scale) / Math.max(count, 1));
  // Beyond these everything but 0 is out of bounds, or nothing but 0 is left.
  return Math.min(Math.max(factor, 2 ** -60), 2 ** 29);
}

/**
 * The definition of a mean of codes: Σ(x − zero point) · factor, rounded half to even, plus the result's zero point, where
 * the factor is the float32 nearest to input scale / output scale / count.
 * @returns a function of that sum and the count; the zero point for a count of 0
 * @throws InvalidQuantization
 */
export function codeMeanOf(
  quantization: Pick<CodeMeanOptions, 'input' | 'output'>,
): (sum: number, count: number) => number {
  assertByteQuantization(quantization.input);
  assertByteQuantization(quantization.output);
  const { zeroPoint, dtype } = quantization.output;
  const least = lowestCode(dtype);
  return (sum, count) =>
    Math.min(Math.max(requantized(sum, meanFactor(quantization, count)) + zeroPoint, least), least + 255);
}

function placeUniforms(x: Tensor<ByteType>, { window, outputLengths }: PoolPlaces) {
  const input = axesOf(x.shape.slice(1, -1), 1);
  const output = axesOf(outputLengths, 1);
  return {
    channels: x.layout.columnCount,
    quads: x.layout.rowBytes / 16,
    inputDepth: input.depth,
    inputHeight: input.height,
    inputWidth: input.width,
    outputDepth: output.depth,
    outputHeight: output.height,
    outputWidth: output.width,
    ...windowUniforms(window),
    xFlip: x.dtype === 'uint8' ? 0x80808080 : 0,
    ...{ afterDepth: 0, afterHeight: 0, afterWidth: 0, countPadding: 0, xZero: 0, yZero: 0, lowest: 0 },
  };
}

function resultOf<D extends ByteType>(engine: Engine, x: Tensor, { outputLengths }: PoolPlaces, dtype: D): Tensor<D> {
  return engine.empty([x.shape[0] ?? 0, ...outputLengths, x.layout.columnCount], dtype);
}

/** Maxima of windows of x [batch, …spatial, channels]; the type's least code for a window that covers no element. */
export function maximumPoolBytes<D extends ByteType>(engine: Engine, x: Tensor<D>, places: PoolPlaces): Tensor<D> {
  const y = resultOf(engine, x, places, x.dtype);
  const fixed = placeUniforms(x, places);
  const taps = elementCount(places.window.kernel);
  for (const { first, end, work } of workRuns(engine, y.layout.size / 16, workPerTap * taps, 64)) {
    engine.run(maximumKernel, {
      uniforms: { ...fixed, start: first, end },
      bindings: { x, y },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: { padded: y.layout.columnCount !== y.layout.rowBytes } },
    });
  }
  return y;
}

/**
 * Means of windows of codes x [batch, …spatial, channels], in integers alone: see `codeMeanOf`.
 * @throws InvalidQuantization; LimitExceeded for windows of more than 2²³ places
 */
export function meanPoolBytes(engine: Engine, x: Tensor<ByteType>, options: CodeMeanOptions): Tensor<ByteType> {
  const { window, input, output, countPadding = false, padsAfter = [] } = options;
  assertByteQuantization(input);
  assertByteQuantization(output);
  const taps = elementCount(window.kernel);
  if (taps > largestCount) {
    throw new LimitExceeded(
      `A window of ${taps} codes was to be averaged, but at most ${largestCount} are; pool in two steps.`,
    );
  }
  // Windows that cover the whole of an input, without padding.
  const whole =
    window.padsBefore.every((pad) => pad === 0) &&
    window.kernel.every((length, axis) => length === x.shape[axis + 1]) &&
    options.outputLengths.every((length) => length === 1);
  if (whole) return globalMeanBytes(engine, x, { input, output, factor: meanFactor(options, taps) });
  const counts = Array.from({ length: taps + 1 }, (_, count) => count);
  const multipliers = Int32Array.from(counts.flatMap((count) => integerMultiplier(meanFactor(options, count))));
  using factors = engine.tensor(multipliers, [counts.length, 2]);
  const y = resultOf(engine, x, options, output.dtype);
  const after = axesOf(padsAfter, 0);
  const fixed = {
    ...placeUniforms(x, options),
    afterDepth: after.depth,
    afterHeight: after.height,
    afterWidth: after.width,
    countPadding: countPadding ? 1 : 0,
    xZero: input.zeroPoint - lowestCode(input.dtype) - 128,
    yZero: output.zeroPoint,
    lowest: lowestCode(output.dtype),
  };
  for (const { first, end, work } of workRuns(engine, y.layout.size / 16, workPerTap * taps + 1000, 64)) {
    engine.run(meanKernel, {
      uniforms: { ...fixed, start: first, end },
      bindings: { x, y, factors },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: { padded: y.layout.columnCount !== y.layout.rowBytes } },
    });
  }
  return y;
}
