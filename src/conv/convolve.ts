import { type Curve, curveConditions, curveUniforms, identityCurve } from '../base/curve.ts';
import { ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { arrangeWeights } from './arrange.ts';
import { axesOf, type Window, windowUniforms } from './geometry.ts';
import type { ConvolutionKernel } from './kernels.ts';
import { type ConvolutionSize, chooseConvolution, convolutionKernelOf, type KernelChoice } from './select.ts';

/** How to convolve. */
export interface ConvolutionOptions {
  readonly window: Window;
  /** Groups of channels that do not see one another; 1 unless given. */
  readonly groups?: number;
  /** True for the transposed convolution, which spreads each element over the window; false unless given. */
  readonly transposed?: boolean;
  /** Spatial lengths of the result. Places that the window does not reach, or not whole, count as zeros beyond the input. */
  readonly outputLengths: Shape;
  /** [output channels]. */
  readonly bias?: Tensor<'float32'>;
  /** What is done to each result; nothing unless given. */
  readonly curve?: Curve;
  /** The weights as `arrangeWeights` lays them, where they were so laid before: used in place of `weights` where it helps. */
  readonly arranged?: Tensor<'float32'>;
  /** A kernel in place of the one that `select` would take. */
  readonly kernel?: Omit<KernelChoice, 'reason'>;
}

/** What a convolution's kernel is chosen by. @throws ShapeMismatch when the operands do not fit together. */
export function convolutionSize(
  x: Shape,
  weights: Shape,
  { window, groups = 1, transposed = false, outputLengths }: ConvolutionOptions,
): ConvolutionSize {
  const [batchCount = 0, channels = 0, ...spatial] = x;
  const [first = 0, second = 0, ...kernel] = weights;
  const fits =
    Number.isInteger(groups) &&
    groups >= 1 &&
    channels % groups === 0 &&
    (transposed ? first === channels : first % groups === 0 && second === channels / groups) &&
    kernel.length === spatial.length &&
    outputLengths.length === spatial.length &&
    kernel.every((length, axis) => length === window.kernel[axis]);
  if (!fits) {
    throw new ShapeMismatch(
      `convolve: weights of shape [${weights}] do not go with x of shape [${x}] in ${groups} group(s) and a window of [${window.kernel}]; weights are ${transposed ? '[input channels, output channels / groups, …window]' : '[output channels, input channels / groups, …window]'}.`,
    );
  }
  return {
    batchCount,
    groups,
    inputChannels: channels / groups,
    outputChannels: transposed ? second : first / groups,
    pixels: elementCount(outputLengths),
    window,
    transposed,
    whole: !transposed && spatial.every((length, axis) => staysInside(window, axis, length, outputLengths[axis] ?? 0)),
  };
}

/** Whether all places of a window along an axis lie in the input. */
function staysInside(window: Window, axis: number, length: number, count: number): boolean {
  const before = window.padsBefore[axis] ?? 0;
  const covered = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
  return before <= 0 && (count - 1) * (window.strides[axis] ?? 1) - before + covered <= length;
}

/**
 * Convolves on the GPU in float32.
 *
 * @param x [batch, input channels, …spatial], with one to three spatial axes
 * @param weights [output channels, input channels / groups, …kernel]; where `transposed`
 * [input channels, output channels / groups, …kernel]
 * @returns [batch, output channels, …outputLengths]
 * @throws ShapeMismatch; LimitExceeded for an operand beyond one binding; DisposedTensor
 */
export function convolve(
  engine: Engine,
  x: Tensor<'float32'>,
  weights: Tensor<'float32'>,
  options: ConvolutionOptions,
): Tensor<'float32'> {
  const size = convolutionSize(x.shape, weights.shape, options);
  const { bias, outputLengths } = options;
  const channels = size.groups * size.outputChannels;
  if (bias && (bias.shape.length !== 1 || bias.size !== channels)) {
    throw new ShapeMismatch(`convolve: a bias of shape [${bias.shape}] was given; its shape must be [${channels}].`);
  }
  const kernel = convolutionKernelOf(options.kernel ?? chooseConvolution(engine, size));
  const y = engine.empty([size.batchCount, channels, ...outputLengths], 'float32');
  if (y.size === 0) return y;
  const needed = kernel.arranged && !options.arranged ? arrangeWeights(engine, weights, size) : undefined;
  const laid = kernel.arranged ? (options.arranged ?? needed ?? weights) : weights;
  recordTiles(engine, kernel, size, { x, weights: laid, bias, y, curve: options.curve ?? identityCurve });
  needed?.dispose();
  return y;
}

interface Operands {
  readonly x: Tensor<'float32'>;
  readonly weights: Tensor<'float32'>;
  readonly bias: Tensor<'float32'> | undefined;
  readonly y: Tensor<'float32'>;
  readonly curve: Curve;
}

function recordTiles(engine: Engine, kernel: ConvolutionKernel, size: ConvolutionSize, operands: Operands): void {
  const { x, weights, bias, y, curve } = operands;
  const { batchCount, groups, inputChannels, outputChannels, window, transposed } = size;
  const input = axesOf(x.shape.slice(2), 1);
  const output = axesOf(y.shape.slice(2), 1);
  const stride = axesOf(window.strides, 1);
  // One phase at a time: see shaders/shared/convolution.wgsl.
  const phase = transposed ? stride : { depth: 1, height: 1, width: 1 };
  const grid = {
    depth: Math.ceil(output.depth / phase.depth),
    height: Math.ceil(output.height / phase.height),
    width: Math.ceil(output.width / phase.width),
  };
  const rows = grid.depth * grid.height;
  const pixelTiles = Math.ceil((kernel.tilesRows ? grid.width : rows * grid.width) / kernel.tilePixels);
  const channelTiles = Math.ceil(outputChannels / kernel.tileChannels);
  const phaseCount = phase.depth * phase.height * phase.width;
  const tileCount = pixelTiles * (kernel.tilesRows ? rows : 1) * phaseCount * channelTiles * groups * batchCount;
  const taps = elementCount(window.kernel) / phaseCount;
  const workPerTile = 2 * kernel.tileChannels * kernel.tilePixels * Math.max(1, inputChannels * taps);
  const step =
    Math.max(1, Math.floor(engine.workBudget / workPerTile / kernel.tilesPerWorkgroup)) * kernel.tilesPerWorkgroup;
  const variant = {
    ...kernel.variant,
    conditions: { ...kernel.variant.conditions, ...curveConditions(curve) },
  };
  for (let tileStart = 0; tileStart < tileCount; tileStart += step) {
    const tileEnd = Math.min(tileStart + step, tileCount);
    engine.run(kernel.kernel, {
      uniforms: {
        tileStart,
        tileEnd,
        pixelTiles,
        channelTiles,
        groups,
        inputChannels,
        outputChannels,
        weightChannels: Math.ceil(outputChannels / 8) * 8,
        inputDepth: input.depth,
        inputHeight: input.height,
        inputWidth: input.width,
        outputDepth: output.depth,
        outputHeight: output.height,
        outputWidth: output.width,
        gridDepth: grid.depth,
        gridHeight: grid.height,
        gridWidth: grid.width,
        ...windowUniforms(window),
        hasBias: bias ? 1 : 0,
        ...curveUniforms(curve),
      },
      bindings: { x, weights, bias: bias ?? weights, y },
      workgroups: Math.ceil((tileEnd - tileStart) / kernel.tilesPerWorkgroup),
      work: (tileEnd - tileStart) * workPerTile,
      variant,
    });
  }
}
