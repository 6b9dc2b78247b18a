import { InvalidQuantization, LimitExceeded, ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { ByteType } from '../quant/byteCodes.ts';
import { convolutionSize } from './convolve.ts';
import { axesOf, type Window, windowUniforms } from './geometry.ts';
import type { IntegerConvolutionKernel } from './integerKernels.ts';
import { chooseIntegerConvolution, type IntegerKernelChoice, integerConvolutionKernelOf } from './integerSelect.ts';
import { type CodesResult, type ConvolutionResult, integerTerms, resultCode } from './integerTerms.ts';
import { type ConvolutionWeights, codeMagnitude, type ZeroPoint } from './integerWeights.ts';

/** How to convolve integers. */
export interface IntegerConvolutionOptions {
  readonly window: Window;
  /** Spatial lengths of the result. Places beyond the input count as its zero point. */
  readonly outputLengths: Shape;
  /** Zero point of x: a number, or a tensor of one; 0 unless given. */
  readonly xZeroPoint?: ZeroPoint;
  /** What the sums become: sums without bias unless given. */
  readonly result?: ConvolutionResult;
  /** The terms that `integerTerms` made for these weights, this type and zero point of x, and this result. */
  readonly terms?: Tensor<'int32'>;
  /** A kernel in place of the one that `integerSelect` would take. */
  readonly kernel?: Omit<IntegerKernelChoice, 'reason'>;
}

const largestSum = 2 ** 31 - 1;

/** @throws LimitExceeded where 32 bits might not hold a sum of so many products. */
export function assertSumsFit(depth: number, xMagnitude: number, weightMagnitude: number): void {
  if (depth * xMagnitude * weightMagnitude <= largestSum) return;
  throw new LimitExceeded(
    `A convolution adds up ${depth} products of up to ${xMagnitude} · ${weightMagnitude}, which may go beyond 32 bits; up to ${Math.floor(largestSum / (xMagnitude * weightMagnitude))} cannot. Cut its input channels into parts.`,
  );
}

/** The type of the codes in the end: after those of a table. */
function codeType({ dtype = 'int8', table }: CodesResult): ByteType {
  if (!table || table.input === dtype) return table?.output ?? dtype;
  throw new InvalidQuantization(
    `convolve: its ${dtype} codes were to be replaced by a table for ${table.input} ones; make one for them.`,
  );
}

/** Bounds of codes: those asked for within those of the type. */
function codeBounds({ dtype = 'int8', lowest, highest }: CodesResult): {
  readonly lowest: number;
  readonly highest: number;
} {
  const least = dtype === 'int8' ? -128 : 0;
  const bounds = { lowest: lowest ?? least, highest: highest ?? least + 255 };
  const isOne = Number.isInteger(bounds.lowest) && Number.isInteger(bounds.highest) && bounds.lowest <= bounds.highest;
  if (isOne && bounds.lowest >= least && bounds.highest <= least + 255) return bounds;
  throw new InvalidQuantization(
    `convolve: codes of ${dtype} were to be from ${bounds.lowest} to ${bounds.highest}; give whole numbers from ${least} to ${least + 255}, the lowest first.`,
  );
}

/**
 * Convolves 8-bit integers on the GPU, exactly: Σ (x − zero point)(w − zero point), in 32 bits, and what `result` says of
 * the sums. The bits are the same on every adapter, but for floats, which are rounded twice.
 *
 * @param x [batch, …spatial, input channels], with one to three spatial axes
 * @returns sums and floats as [batch, output channels, …outputLengths], codes as [batch, …outputLengths, output channels]
 * @throws ShapeMismatch; InvalidQuantization; LimitExceeded where sums might not fit 32 bits, or for an operand beyond one
 * binding; DisposedTensor
 */
export function integerConvolve(
  engine: Engine,
  x: Tensor<'int8' | 'uint8'>,
  weights: ConvolutionWeights,
  options: IntegerConvolutionOptions,
): Tensor<'int32' | 'float32' | 'int8' | 'uint8'> {
  const { window, outputLengths, xZeroPoint, result = { kind: 'sums' } } = options;
  const [batchCount = 0, ...rest] = x.shape;
  const spatial = rest.slice(0, -1);
  const channelsFirst = [batchCount, rest.at(-1) ?? 0, ...spatial];
  const size = convolutionSize(channelsFirst, weights.shape, { window, outputLengths, groups: weights.groups });
  assertSumsFit(weights.depth, codeMagnitude(x.dtype === 'int8', xZeroPoint ?? 0), weights.magnitude);
  const choice = options.kernel ?? chooseIntegerConvolution(engine, size, weights.layout);
  const { layout } = weights;
  const codes = result.kind === 'codes';
  const use = { layout, window, codes, lookup: codes && result.table !== undefined };
  const kernel = integerConvolutionKernelOf(engine, choice, use);
  if (kernel.depthwise !== weights.layout.depthwise) {
    throw new ShapeMismatch(
      `convolve: the ${choice.kernel} kernel was asked for, but weights of shape [${weights.shape}] in ${weights.groups} group(s) are packed for ${weights.layout.depthwise ? 'the depthwise one' : 'others'}.`,
    );
  }
  const channels = weights.shape[0] ?? 0;
  const bounds = codes ? codeBounds(result) : { lowest: 0, highest: 0 };
  const y = codes
    ? engine.empty([batchCount, ...outputLengths, channels], codeType(result))
    : engine.empty([batchCount, channels, ...outputLengths], result.kind === 'sums' ? 'int32' : 'float32');
  if (y.size === 0) return y;
  const terms = options.terms ?? integerTerms(engine, weights, { dtype: x.dtype, zeroPoint: xZeroPoint }, result);
  recordTiles(engine, kernel, { x, weights, terms, y, window, spatial, outputLengths, result, bounds });
  if (!options.terms) terms.dispose();
  return y;
}

interface Job {
  readonly x: Tensor<'int8' | 'uint8'>;
  readonly weights: ConvolutionWeights;
  readonly terms: Tensor<'int32'>;
  readonly y: Tensor;
  readonly window: Window;
  readonly spatial: Shape;
  readonly outputLengths: Shape;
  readonly result: ConvolutionResult;
  readonly bounds: { readonly lowest: number; readonly highest: number };
}

function recordTiles(engine: Engine, kernel: IntegerConvolutionKernel, job: Job): void {
  const { x, weights, terms, y, window, result, bounds } = job;
  const { depthwise, groups, depthWords, weightChannels, passes, outputChannels } = weights.layout;
  const input = axesOf(job.spatial, 1);
  const output = axesOf(job.outputLengths, 1);
  const batchCount = x.shape[0] ?? 0;
  const codes = result.kind === 'codes';
  const inputWords = x.layout.rowBytes / 4;
  const rows = output.depth * output.height;
  const pixelTiles = Math.ceil((depthwise ? output.width : rows * output.width) / kernel.tilePixels);
  // The words behind the last channel are results as well where rows are padded.
  const channelTiles =
    depthwise && codes ? inputWords : Math.ceil((depthwise ? groups : outputChannels) / kernel.tileChannels);
  const tileCount = pixelTiles * channelTiles * batchCount * (depthwise ? rows : groups);
  const depth = passes * elementCount(window.kernel) * (depthwise ? 1 : depthWords * 4);
  const workPerTile = 2 * kernel.tileChannels * kernel.tilePixels * (depth + 16);
  const { lower, upper } = result.kind === 'floats' ? result : { lower: undefined, upper: undefined };
  const table = codes ? result.table : undefined;
  const { tilesPerWorkgroup } = kernel;
  const step = Math.max(1, Math.floor(engine.workBudget / workPerTile / tilesPerWorkgroup)) * tilesPerWorkgroup;
  for (let tileStart = 0; tileStart < tileCount; tileStart += step) {
    const tileEnd = Math.min(tileStart + step, tileCount);
    engine.run(kernel.kernel, {
      uniforms: {
        tileStart,
        tileEnd,
        pixelTiles,
        channelTiles,
        groups,
        inputWords,
        groupWords: depthwise ? 0 : Math.floor(weights.layout.inputChannels / 4),
        depthWords,
        outputChannels,
        weightChannels,
        passes,
        inputDepth: input.depth,
        inputHeight: input.height,
        inputWidth: input.width,
        outputDepth: output.depth,
        outputHeight: output.height,
        outputWidth: output.width,
        ...windowUniforms(window),
        flip: x.dtype === 'int8' ? 0 : 0x80808080,
        result: resultCode[result.kind],
        resultWords: codes ? y.layout.rowBytes / 4 : 0,
        ...bounds,
        lower: lower ?? Number.NEGATIVE_INFINITY,
        upper: upper ?? Number.POSITIVE_INFINITY,
      },
      // Without a table nothing reads it.
      bindings: { x, weights: weights.words, terms, table: table?.words ?? terms, y },
      workgroups: Math.ceil((tileEnd - tileStart) / tilesPerWorkgroup),
      work: (tileEnd - tileStart) * workPerTile,
      variant: kernel.variant,
    });
  }
}
