import { InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { CodeTable } from '../quant/codeTable.ts';
import { assertZeroPoint, type ConvolutionWeights, type ZeroPoint, zeroPointTensor } from './integerWeights.ts';

const kernel = declareKernel({
  name: 'conv/integerTerms',
  uniforms: {
    count: 'u32',
    result: 'u32',
    wStride: 'u32',
    xShift: 'i32',
    hasXZeroPoint: 'u32',
    hasYZeroPoint: 'u32',
    hasBias: 'u32',
    depth: 'i32',
  },
  bindings: {
    channels: 'read',
    wScales: 'read',
    xScale: 'read',
    yScale: 'read',
    xZeroPoint: 'read',
    yZeroPoint: 'read',
    bias: 'read',
    terms: 'write',
  },
});

/** A scale: a number, or a tensor of one. Finite and above 0. */
export type Scale = number | Tensor<'float32'>;

/** The int32 sums, [batch, output channels, …spatial]. */
export interface SumsResult {
  readonly kind: 'sums';
  /** [output channels]; added modulo 2³². */
  readonly bias?: Tensor<'int32'>;
}

/**
 * Codes, [batch, …spatial, output channels]: halfEven(fround(fround(sum + bias) · fround(fround(xScale · wScale) / scale))) + zero
 * point.
 */
export interface CodesResult {
  readonly kind: 'codes';
  readonly xScale: Scale;
  /** One, or a tensor of one an output channel. */
  readonly wScale: Scale;
  readonly scale: Scale;
  /** One; 0 unless given. */
  readonly zeroPoint?: ZeroPoint;
  /** int8 unless given. */
  readonly dtype?: 'int8' | 'uint8';
  /** Bounds of the codes, as of a Relu or Clip that follows; those of the type unless given. */
  readonly lowest?: number;
  readonly highest?: number;
  /** [output channels], of the scale xScale · wScale; added modulo 2³². */
  readonly bias?: Tensor<'int32'>;
  /** What the codes are replaced by; nothing unless given. */
  readonly table?: CodeTable;
}

/** Floats, [batch, output channels, …spatial]: sum · fround(xScale · wScale) + bias. */
export interface FloatsResult {
  readonly kind: 'floats';
  readonly xScale: Scale;
  /** One, or a tensor of one an output channel. */
  readonly wScale: Scale;
  /** Bounds of the result; none unless given. */
  readonly lower?: number;
  readonly upper?: number;
  /** [output channels]. */
  readonly bias?: Tensor<'float32'>;
}

/** What a convolution's sums become. */
export type ConvolutionResult = SumsResult | CodesResult | FloatsResult;

/** Numbers of the kinds of results in the shaders. */
export const resultCode = { sums: 0, codes: 1, floats: 2 } as const;

/** The codes of x: their type and zero point. */
export interface InputCodes {
  readonly dtype: 'int8' | 'uint8';
  /** One; 0 unless given. */
  readonly zeroPoint?: ZeroPoint | undefined;
}

function assertScale(name: string, scale: Scale, counts: readonly number[]): void {
  if (typeof scale === 'number') {
    const rounded = Math.fround(scale);
    if (Number.isFinite(rounded) && rounded > 0) return;
    throw new InvalidQuantization(
      `convolve: ${name} is ${scale}, in float32 ${rounded}; it must be finite and above 0.`,
    );
  }
  if (!counts.includes(scale.size)) {
    throw new ShapeMismatch(
      `convolve: ${name} has shape [${scale.shape}]; there must be ${counts.join(' or ')} of it.`,
    );
  }
}

/**
 * Records what turns the sums of an integer convolution into results, as one tensor: worth making once and passing to
 * `integerConvolve` where weights, scales and zero points stay the same.
 * @throws ShapeMismatch, InvalidQuantization, DisposedTensor
 */
export function integerTerms(
  engine: Engine,
  weights: ConvolutionWeights,
  { dtype, zeroPoint: xZeroPoint }: InputCodes,
  result: ConvolutionResult,
): Tensor<'int32'> {
  const count = weights.shape[0] ?? 0;
  const { bias, kind } = result;
  if (bias && bias.size !== count) {
    throw new ShapeMismatch(`convolve: a bias of shape [${bias.shape}] was given; its shape must be [${count}].`);
  }
  if (xZeroPoint !== undefined) assertZeroPoint(xZeroPoint, dtype, [1]);
  const yZeroPoint = kind === 'codes' ? result.zeroPoint : undefined;
  if (kind === 'codes' && yZeroPoint !== undefined) assertZeroPoint(yZeroPoint, result.dtype ?? 'int8', [1]);
  const made: Tensor[] = [];
  const scaleTensor = (name: string, scale: Scale, counts: readonly number[]): Tensor => {
    assertScale(name, scale, counts);
    if (typeof scale !== 'number') return scale;
    const tensor = engine.tensor(Float32Array.of(scale), [1]);
    made.push(tensor);
    return tensor;
  };
  const zeroTensor = (zeroPoint: ZeroPoint | undefined): Tensor => {
    if (zeroPoint === undefined) return weights.channels;
    const tensor = zeroPointTensor(engine, zeroPoint);
    made.push(tensor);
    return tensor;
  };
  // Bound where the kernel reads nothing.
  const anything = weights.channels;
  const scaled = kind !== 'sums';
  const wScales = scaled ? scaleTensor('the scale of the weights', result.wScale, [1, count]) : anything;
  const terms = engine.empty([count + 1, 4], 'int32');
  engine.run(kernel, {
    uniforms: {
      count,
      result: resultCode[kind],
      wStride: scaled && wScales.size > 1 ? 1 : 0,
      xShift: dtype === 'int8' ? 0 : 128,
      hasXZeroPoint: xZeroPoint === undefined ? 0 : 1,
      hasYZeroPoint: yZeroPoint === undefined ? 0 : 1,
      hasBias: bias ? 1 : 0,
      depth: weights.layout.depthwise ? 0 : weights.depth,
    },
    bindings: {
      channels: weights.channels,
      wScales,
      xScale: scaled ? scaleTensor('the scale of x', result.xScale, [1]) : anything,
      yScale: kind === 'codes' ? scaleTensor('the scale of the result', result.scale, [1]) : anything,
      xZeroPoint: zeroTensor(xZeroPoint),
      yZeroPoint: zeroTensor(yZeroPoint),
      bias: bias ?? anything,
      terms,
    },
    workgroups: Math.ceil((count + 1) / 64),
    work: count * 500 + 100,
  });
  for (const tensor of made) tensor.dispose();
  return terms;
}
