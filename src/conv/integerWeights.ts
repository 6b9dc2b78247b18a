import { InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { layoutOf, type Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { widen } from '../quant/convert.ts';
import { maximumDepthwiseTaps } from './integerDepthwise.ts';

const packKernel = declareKernel({
  name: 'conv/integerWeights',
  uniforms: {
    start: 'u32',
    end: 'u32',
    columns: 'u32',
    rowBytes: 'u32',
    taps: 'u32',
    inputChannels: 'u32',
    outputChannels: 'u32',
    mergedInput: 'u32',
    mergedOutput: 'u32',
    depthWords: 'u32',
    weightChannels: 'u32',
    passes: 'u32',
    flip: 'u32',
  },
  bindings: { source: 'read', goal: 'write' },
});

const sumsKernel = declareKernel({
  name: 'conv/integerSums',
  uniforms: {
    count: 'u32',
    words: 'u32',
    groupWords: 'u32',
    mergedOutput: 'u32',
    weightChannels: 'u32',
    hasZeroPoints: 'u32',
    zeroStride: 'u32',
    shift: 'i32',
  },
  bindings: { weights: 'read', zeroPoints: 'read', channels: 'write' },
});

/** Zero points: a number, or a tensor of the codes' type or of int32. */
export type ZeroPoint = number | Tensor<'int8' | 'uint8' | 'int32'>;

/** How to pack the weights of a convolution. */
export interface PackOptions {
  /** Groups of channels that do not see one another; 1 unless given. */
  readonly groups?: number;
  /** One for all weights, or a tensor of one or one an output channel; 0 unless given. */
  readonly zeroPoint?: ZeroPoint;
  /** [output channels, input channels / groups, …kernel]; that of the tensor unless given. */
  readonly shape?: Shape;
}

/** Where packed weights are and what they were made of. */
export interface PackedParts {
  readonly words: Tensor<'int32'>;
  readonly channels: Tensor<'int32'>;
  readonly shape: Shape;
  readonly groups: number;
  readonly layout: WeightLayout;
  readonly magnitude: number;
}

/** How the words of packed weights lie: see `shaders/conv/integerWeights.wgsl`. */
export interface WeightLayout {
  readonly depthwise: boolean;
  /** Merged groups and their channels. */
  readonly groups: number;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly depthWords: number;
  readonly weightChannels: number;
  readonly passes: 1 | 2;
}

/** Weights of a convolution as the integer kernels read them. Holds GPU memory until `dispose()`. */
export class ConvolutionWeights {
  /** The packed words. */
  readonly words: Tensor<'int32'>;
  /** [output channels, 2]: sum of the signed weights and their zero point. */
  readonly channels: Tensor<'int32'>;
  /** [output channels, input channels / groups, …kernel]. */
  readonly shape: Shape;
  readonly groups: number;
  readonly layout: WeightLayout;
  /** The largest |weight − zero point| there can be. */
  readonly magnitude: number;

  constructor({ words, channels, shape, groups, layout, magnitude }: PackedParts) {
    this.words = words;
    this.channels = channels;
    this.shape = shape;
    this.groups = groups;
    this.layout = layout;
    this.magnitude = magnitude;
  }

  /** Products that are added up for one result. */
  get depth(): number {
    return elementCount(this.shape.slice(1));
  }

  dispose(): void {
    this.words.dispose();
    this.channels.dispose();
  }
}

/** The least number of groups that begin at pairs of words of input and at words of output channels when taken together. */
function mergeOf(groups: number, inputChannels: number, outputChannels: number): number {
  for (const merged of [1, 2, 4, 8]) {
    const fits = (inputChannels * merged) % 8 === 0 && (outputChannels * merged) % 4 === 0;
    if (groups % merged === 0 && fits) return merged;
  }
  return groups;
}

/** How weights of a shape are packed. */
export function weightLayout(shape: Shape, groups: number, centred: boolean): WeightLayout {
  const [channels = 0, inputChannels = 0, ...kernel] = shape;
  const outputChannels = channels / groups;
  const depthwise = inputChannels === 1 && outputChannels === 1 && elementCount(kernel) <= maximumDepthwiseTaps;
  const merged = depthwise ? 1 : mergeOf(groups, inputChannels, outputChannels);
  const ofGroup = { inputChannels: inputChannels * merged, outputChannels: outputChannels * merged };
  return {
    depthwise,
    groups: groups / merged,
    ...ofGroup,
    depthWords: depthwise
      ? layoutOf([channels], 'int8').rowBytes / 4
      : Math.max(1, Math.ceil(ofGroup.inputChannels / 8)) * 2,
    weightChannels: depthwise ? 1 : Math.ceil(ofGroup.outputChannels / 8) * 8,
    passes: centred || depthwise ? 1 : 2,
  };
}

/** The largest |code − zero point| of an 8-bit type. */
export function codeMagnitude(signed: boolean, zeroPoint: ZeroPoint): number {
  const lowest = signed ? -128 : 0;
  if (typeof zeroPoint !== 'number') return 255;
  return Math.max(zeroPoint - lowest, lowest + 255 - zeroPoint);
}

/** @throws InvalidQuantization for a zero point that is no code, or not of the codes' type. */
export function assertZeroPoint(zeroPoint: ZeroPoint, dtype: 'int8' | 'uint8', counts: readonly number[]): void {
  if (typeof zeroPoint !== 'number') {
    if (zeroPoint.dtype !== dtype && zeroPoint.dtype !== 'int32') {
      throw new InvalidQuantization(
        `convolve: the zero point is ${zeroPoint.dtype} and the codes are ${dtype}; give one of the codes' type or int32.`,
      );
    }
    if (!counts.includes(zeroPoint.size)) {
      throw new ShapeMismatch(
        `convolve: ${zeroPoint.size} zero points were given; there must be ${counts.join(' or ')}.`,
      );
    }
    return;
  }
  const lowest = dtype === 'int8' ? -128 : 0;
  if (!Number.isInteger(zeroPoint) || zeroPoint < lowest || zeroPoint > lowest + 255) {
    throw new InvalidQuantization(
      `convolve: the zero point of ${dtype} codes is ${zeroPoint}; it is a whole number from ${lowest} to ${lowest + 255}.`,
    );
  }
}

/** Zero points as int32 on the GPU, to be disposed by the caller. */
export function zeroPointTensor(engine: Engine, zeroPoint: ZeroPoint): Tensor<'int32'> {
  if (typeof zeroPoint === 'number') return engine.tensor(Int32Array.of(zeroPoint), [1]);
  if (zeroPoint.dtype === 'int32') return (zeroPoint as Tensor<'int32'>).reshape([zeroPoint.size]);
  return widen(engine, zeroPoint as Tensor<'int8' | 'uint8'>);
}

/**
 * Packs weights once for any number of integer convolutions. Zero points that are all 0 for int8, or 128 for uint8, save
 * half of the work of each convolution if they are given as a number.
 *
 * @param weights [output channels, input channels / groups, …kernel]; rows along the last axis are padded to 16 bytes, so
 * weights of [output channels, all the rest] with `shape` take less memory meanwhile
 * @throws ShapeMismatch, InvalidQuantization, DisposedTensor
 */
export function packConvolutionWeights(
  engine: Engine,
  weights: Tensor<'int8' | 'uint8'>,
  { groups = 1, zeroPoint, shape = weights.shape }: PackOptions = {},
): ConvolutionWeights {
  const [channels = 0, inputChannels = 0, ...kernel] = shape;
  const { dtype } = weights;
  const isWhole = Number.isInteger(groups) && groups >= 1 && channels % groups === 0;
  if (shape.length < 3 || elementCount(shape) !== weights.size || !isWhole) {
    throw new ShapeMismatch(
      `packConvolutionWeights: weights of shape [${weights.shape}] were given as [${shape}] in ${groups} group(s); give [output channels, input channels / groups, …kernel], with as many output channels for each group.`,
    );
  }
  const zero = zeroPoint ?? 0;
  assertZeroPoint(zero, dtype, [1, channels]);
  const signed = dtype === 'int8';
  const shift = signed ? 0 : 128;
  const taps = elementCount(kernel);
  const layout = weightLayout(shape, groups, zero === shift);
  const { depthwise, depthWords, weightChannels, passes } = layout;
  const tapWords = taps * depthWords;
  const words = engine.empty([layout.depthwise ? 1 : layout.groups, passes, tapWords, weightChannels], 'int32');
  for (const { first, end, work } of workRuns(engine, words.size, 100, 64)) {
    engine.run(packKernel, {
      uniforms: {
        start: first,
        end,
        columns: weights.layout.columnCount,
        rowBytes: weights.layout.rowBytes,
        taps,
        inputChannels,
        outputChannels: channels / groups,
        mergedInput: layout.inputChannels,
        mergedOutput: depthwise ? channels : layout.outputChannels,
        depthWords,
        weightChannels,
        passes,
        flip: signed ? 0 : 0x80,
      },
      bindings: { source: weights, goal: words },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: { depthwise } },
    });
  }
  const channelTerms = engine.empty([channels, 2], 'int32');
  const zeroPoints = zero === 0 ? undefined : zeroPointTensor(engine, zero);
  const summed = depthwise ? 0 : tapWords;
  engine.run(sumsKernel, {
    uniforms: {
      count: channels,
      words: summed,
      groupWords: passes * tapWords,
      mergedOutput: Math.max(1, depthwise ? channels : layout.outputChannels),
      weightChannels,
      hasZeroPoints: zeroPoints ? 1 : 0,
      zeroStride: (zeroPoints?.size ?? 1) > 1 ? 1 : 0,
      shift,
    },
    bindings: { weights: words, zeroPoints: zeroPoints ?? words, channels: channelTerms },
    workgroups: Math.ceil(channels / 64),
    work: channels * (summed * 20 + 20),
  });
  zeroPoints?.dispose();
  return new ConvolutionWeights({
    words,
    channels: channelTerms,
    shape: [...shape],
    groups,
    layout,
    magnitude: codeMagnitude(signed, zero),
  });
}
