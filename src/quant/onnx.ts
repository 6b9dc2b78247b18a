import { InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { assertFloats, Tensor } from '../gpu/tensor.ts';
import { narrow, widen } from './convert.ts';
import { recordFloats } from './dequantize.ts';
import { type Granularity, mapParameters, type ParameterMap, perChannel, perGroup, perTensor } from './granularity.ts';
import { codeRange, type QuantizationParameters, recordParameterCheck } from './parameters.ts';
import { quantize, recordIntegers } from './quantize.ts';
import { type QuantizedTensor, streamsOf } from './quantizedTensor.ts';

/** Attributes of QuantizeLinear and DequantizeLinear. */
export interface LinearOptions {
  /** The axis that a one-dimensional scale, or blocks, lie along; 1 unless given. Negative counts from the last. */
  readonly axis?: number;
  /** Elements along the axis that share a scale; 0 unless given: no blocks. */
  readonly blockSize?: number;
}

/** Attributes of QuantizeLinear. */
export interface QuantizeLinearOptions extends LinearOptions {
  /** Type of the result where there is no zero point to say it; `uint8` unless given. */
  readonly outputType?: 'int8' | 'uint8';
}

type Integers = Tensor<'int8' | 'uint8'>;

/** What the shape of a scale means, by ONNX's rules. @throws ShapeMismatch */
export function linearGranularity(shape: Shape, scale: Shape, { axis = 1, blockSize = 0 }: LinearOptions): Granularity {
  const single = scale.length === 0 || (scale.length === 1 && scale[0] === 1);
  if (blockSize === 0 && single) return perTensor();
  const granularity = blockSize === 0 ? perChannel(axis) : perGroup(axis, blockSize);
  const { shape: expected } = mapParameters(granularity, shape);
  if (expected.length !== scale.length || expected.some((length, index) => length !== scale[index])) {
    throw new ShapeMismatch(
      `A scale of shape [${scale}] does not fit a tensor of shape [${shape}] with axis ${axis} and block size ${blockSize}; give a scalar, or shape [${expected}].`,
    );
  }
  return granularity;
}

function assertZeroPoint(scale: Tensor, zeroPoint: Tensor | undefined): void {
  if (zeroPoint && zeroPoint.size !== scale.size) {
    throw new ShapeMismatch(
      `The zero point has shape [${zeroPoint.shape}] and the scale [${scale.shape}]; give one zero point for each scale.`,
    );
  }
}

/** The codes of an 8-bit tensor in rows, as the plain tensor that they are laid out like. */
function intoTensor<D extends 'int8' | 'uint8'>(engine: Engine, quantized: QuantizedTensor, dtype: D): Tensor<D> {
  const { data, shape } = quantized;
  data.retain();
  quantized.dispose();
  return new Tensor(engine, data, shape, dtype);
}

/**
 * ONNX QuantizeLinear to 8 bits: saturate(halfEven(fround(x / scale)) + zero point), bit for bit as ONNX Runtime.
 * @param x any shape, finite.
 * @param scale a scalar; one per coordinate on `axis`; or, with a block size, the shape of `x` with the axis divided by it
 * and rounded up. Finite and above 0.
 * @param zeroPoint as many as scales; its type is the result's. 0 if left out.
 * @returns integers in the shape of `x`; reading them rejects with `InvalidInput` when an element of `x` is not finite
 * and `InvalidQuantization` when a scale is not finite and above 0.
 * @throws ShapeMismatch, DisposedTensor
 */
export function quantizeLinear(
  engine: Engine,
  x: Tensor<'float32'>,
  scale: Tensor<'float32'>,
  zeroPoint?: Integers,
  options: QuantizeLinearOptions = {},
): Integers {
  assertFloats(x, 'quantizeLinear');
  const granularity = linearGranularity(x.shape, scale.shape, options);
  assertZeroPoint(scale, zeroPoint);
  const dtype = zeroPoint?.dtype ?? options.outputType ?? 'uint8';
  const range = codeRange({ bits: 8, signed: dtype === 'int8', scheme: 'asymmetric' });
  const map = mapParameters(granularity, x.shape);
  const zeroPoints = zeroPoint ? widen(engine, zeroPoint) : engine.tensor(new Int32Array(map.count), map.shape);
  const parameters = { scales: scale, zeroPoints };
  const y = engine.empty(x.shape, dtype);
  const fault = recordParameterCheck(engine, parameters, range);
  y.allocation.carry(fault);
  fault.release();
  recordIntegers(engine, x, { goal: y, map, parameters, ...range });
  zeroPoints.dispose();
  return y as Integers;
}

/**
 * ONNX DequantizeLinear: fround(fround(x − zero point) · scale), bit for bit as ONNX Runtime.
 * @param x any shape; int8, uint8, or int32 (as biases are), which has no zero point.
 * @param scale as for `quantizeLinear`.
 * @param zeroPoint as many as scales, of the type of `x`. 0 if left out.
 * @returns floats in the shape of `x`; reading them rejects with `InvalidQuantization` when a scale is not finite and
 * above 0.
 * @throws ShapeMismatch, InvalidQuantization when the zero point's type is not that of `x`, DisposedTensor
 */
export function dequantizeLinear(
  engine: Engine,
  x: Integers | Tensor<'int32'>,
  scale: Tensor<'float32'>,
  zeroPoint?: Integers,
  options: LinearOptions = {},
): Tensor<'float32'> {
  const granularity = linearGranularity(x.shape, scale.shape, options);
  const map = mapParameters(granularity, x.shape);
  assertZeroPoint(scale, zeroPoint);
  if (zeroPoint && zeroPoint.dtype !== x.dtype) {
    throw new InvalidQuantization(
      `The zero point is ${zeroPoint.dtype} and the tensor ${x.dtype}; give a zero point of the tensor's type, or none.`,
    );
  }
  const zeroPoints = zeroPoint ? widen(engine, zeroPoint) : engine.tensor(new Int32Array(map.count), map.shape);
  const parameters = { scales: scale, zeroPoints };
  const range = codeRange({ bits: 8, signed: x.dtype !== 'uint8', scheme: 'asymmetric' });
  const fault = recordParameterCheck(engine, parameters, range);
  const y = dequantizeIntegers(engine, x, map, parameters);
  y.allocation.carry(fault);
  fault.release();
  zeroPoints.dispose();
  return y;
}

/** fround(fround(x − zero point) · scale) for integers of 8 bits, or of any width as int32; scales finite and not below 0. */
export function dequantizeIntegers(
  engine: Engine,
  x: Tensor<'int8' | 'uint8' | 'int32'>,
  map: ParameterMap,
  parameters: QuantizationParameters,
): Tensor<'float32'> {
  const bits = x.dtype === 'int32' ? 32 : 8;
  const streams = streamsOf(x.shape, bits, bits === 32 ? 'flat' : 'rows');
  const y = engine.empty(x.shape, 'float32');
  const job = { codes: x.allocation, streams, bits, signed: x.dtype !== 'uint8', sign: false, map, parameters };
  recordFloats(engine, job, y);
  return y;
}

/** What DynamicQuantizeLinear gives. */
export interface DynamicallyQuantized {
  readonly y: Tensor<'uint8'>;
  /** A scalar. */
  readonly scale: Tensor<'float32'>;
  /** A scalar. */
  readonly zeroPoint: Tensor<'uint8'>;
}

/**
 * ONNX DynamicQuantizeLinear: uint8 codes with one scale and zero point, made from the data on the GPU without a
 * readback; bit for bit as ONNX Runtime. All zeros, and no elements, have scale 1 and zero point 0.
 * @param x any shape, finite: reading a result rejects with `InvalidInput` otherwise.
 * @throws DisposedTensor
 */
export function dynamicQuantizeLinear(engine: Engine, x: Tensor<'float32'>): DynamicallyQuantized {
  const quantized = quantize(engine, x, { scheme: 'asymmetric', layout: 'rows' });
  const scale = quantized.scales.reshape([]);
  const zeroPoint = narrow(engine, quantized.zeroPoints, 'uint8');
  return { y: intoTensor(engine, quantized, 'uint8'), scale, zeroPoint };
}
