import { CuantaError, InvalidQuantization, MalformedModel, ShapeMismatch } from '../../base/errors.ts';
import { roundHalfToEven } from '../../base/rounding.ts';
import type { Shape } from '../../base/shape.ts';
import type { Fault } from '../../gpu/allocation.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type ElementType, type HostTensor, hostTensor, integerRange, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, NodeInput, Operator, RecordContext, StaticNode } from '../../graph/operator.ts';
import { deviceType } from '../../graph/plan.ts';
import { channelsLastShape } from '../../nn/channelsLast.ts';
import { unary } from '../../nn/elementwise.ts';
import { mapParameters, type ParameterMap, parameterOf } from '../../quant/granularity.ts';
import { dequantizeIntegers, dynamicQuantizeLinear, linearGranularity } from '../../quant/onnx.ts';
import { type QuantizationParameters, recordParameterCheck } from '../../quant/parameters.ts';
import { recordIntegers } from '../../quant/quantize.ts';
import { elementTypeOf } from '../tensor.ts';
import { fitting } from './elementwise.ts';
import { namedOutputs } from './namedOutputs.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/** Types of codes. */
const codeTypes: readonly ElementType[] = ['uint8', 'int8', 'uint16', 'int16', 'uint4', 'int4', 'uint2', 'int2'];

/** The parameters of the elements of input 0: its scales are input 1, its zero points input 2. */
function parametersOf(context: NodeContext): ParameterMap {
  const { shape } = context.input(0);
  const scale = context.input(1);
  const zeroPoint = context.optionalInput(2);
  if (isInteger(scale.elementType)) context.fail(`its scale is ${scale.elementType}, but must be a float`);
  if (zeroPoint && !sameLengths(zeroPoint.shape, scale.shape)) {
    context.fail(`its scale has shape [${scale.shape}], but its zero point [${zeroPoint.shape}]`);
  }
  const options = { axis: context.number('axis', 1), blockSize: context.number('block_size', 0) };
  try {
    return mapParameters(linearGranularity(shape, scale.shape, options), shape);
  } catch (error) {
    if (error instanceof ShapeMismatch || error instanceof InvalidQuantization) {
      context.fail(error.message.replace(/\.$/, ''));
    }
    throw error;
  }
}

/** Scalars and lists of one are the same here. */
function sameLengths(a: Shape, b: Shape): boolean {
  const lengths = (shape: Shape): string => (shape.length === 1 && shape[0] === 1 ? '' : shape.join());
  return lengths(a) === lengths(b);
}

/** Codes that numbers become: the type of the zero point, or of an attribute. */
function codeTypeOf(context: NodeContext): ElementType {
  const given = context.number('output_dtype', 0);
  const zeroPoint = context.optionalInput(2)?.elementType;
  const named = given === 0 ? undefined : elementTypeOf(given, `${context.node.operator} node "${context.node.name}"`);
  const type = zeroPoint ?? named ?? 'uint8';
  if (!codeTypes.includes(type) || (named && named !== type)) {
    context.fail(`its zero point is ${zeroPoint} and its output_dtype ${named}; codes are of one type of ${codeTypes}`);
  }
  return type;
}

function rangeOf(type: ElementType): { readonly low: number; readonly high: number } {
  const [low, high] = integerRange(type) ?? [0, 0];
  return { low, high };
}

/** Scales and zero points on the GPU, and what makes sure of those that the CPU cannot check. */
interface GivenParameters {
  readonly parameters: QuantizationParameters;
  readonly fault: Fault | undefined;
  release(): void;
}

/** @throws InvalidQuantization for a known scale that cannot be used. */
function assertScales(context: NodeContext, { data }: HostTensor, zeroAllowed: boolean): void {
  const index = data.findIndex((scale) => !(Number.isFinite(scale) && (zeroAllowed ? scale >= 0 : scale > 0)));
  if (index < 0) return;
  throw new InvalidQuantization(
    `${context.node.operator} node "${context.node.name}": scale ${index} is ${data[index]}; scales are finite and ${zeroAllowed ? 'not below' : 'above'} 0. Quantize the model again.`,
  );
}

function recordedParameters(record: RecordContext, map: ParameterMap, type: ElementType): GivenParameters {
  const { engine, context } = record;
  const scale = context.input(1);
  const zeroPoint = context.optionalInput(2);
  const scales = record.tensor(1) as Tensor<'float32'>;
  const isKnown = (input: NodeInput | undefined): boolean => input === undefined || input.host !== undefined;
  const isConstant = (input: NodeInput | undefined): boolean => input === undefined || input.constant === true;
  const upload = (): Tensor<'int32'> =>
    engine.tensor(Int32Array.from(zeroPoint?.host?.data ?? new Int32Array(map.count)), map.shape);
  if (scale.host && isKnown(zeroPoint)) {
    assertScales(context, scale.host, context.node.operator === 'DequantizeLinear');
    if (isConstant(scale) && isConstant(zeroPoint)) {
      const zeroPoints = record.constant('zero points', upload);
      return { parameters: { scales, zeroPoints }, fault: undefined, release: () => undefined };
    }
  }
  const made = isKnown(zeroPoint) ? upload() : undefined;
  const parameters = { scales, zeroPoints: made ?? (record.widened(2) as Tensor<'int32'>) };
  const fault = scale.host ? undefined : recordParameterCheck(engine, parameters, rangeOf(type));
  return {
    parameters,
    fault,
    release: () => {
      fault?.release();
      made?.dispose();
    },
  };
}

function explained(what: string, context: NodeContext): string {
  const { count } = parametersOf(context);
  const blocks = context.number('block_size', 0);
  return `${what}, ${count === 1 ? 'one scale' : blocks > 0 ? `${count} scales of blocks of ${blocks}` : `${count} scales`}`;
}

const brainType = 16;
const floatType = 1;

/** Why the result would be of a type, or of a precision, that is not computed. */
function unsupportedType({ node }: StaticNode): string | undefined {
  const type = node.attributes.get('output_dtype') ?? 0;
  if (type === brainType) return 'its result is bfloat16, which is not computed';
  try {
    if (typeof type === 'number' && type !== 0) elementTypeOf(type, 'its result');
  } catch (error) {
    if (error instanceof CuantaError && !(error instanceof MalformedModel)) return error.message;
  }
  const precision = node.attributes.get('precision') ?? 0;
  return precision === 0 || precision === floatType ? undefined : 'it divides in another precision than float32';
}

/**
 * Codes of numbers: saturate(halfEven(fround(x / scale)) + zero point), as ONNX Runtime, bit for bit. Per tensor, per
 * coordinate on an axis, or per block along an axis.
 */
export const QuantizeLinear: Operator = {
  name: 'QuantizeLinear',
  domain: '',
  unsupported: unsupportedType,
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    if (isInteger(elementType) && elementType !== 'int32') {
      context.fail(`it takes floats or int32, but input 0 is ${elementType}`);
    }
    parametersOf(context);
    return [{ elementType: codeTypeOf(context), shape }];
  },
  evaluate: (context, inputs) => {
    const [x, scale] = [hostInput(context, inputs, 0), hostInput(context, inputs, 1)];
    const map = parametersOf(context);
    const type = codeTypeOf(context);
    const { low, high } = rangeOf(type);
    const y = hostZeros(context, type, x.shape);
    assertScales(context, scale, false);
    x.data.forEach((value, element) => {
      const parameter = parameterOf(map, element);
      const steps = roundHalfToEven(Math.fround(Math.fround(value) / (scale.data[parameter] ?? 1)));
      y.data[element] = Math.min(Math.max(steps + (inputs[2]?.data[parameter] ?? 0), low), high);
    });
    return [y];
  },
  record: (record) => {
    const { engine, context } = record;
    const { elementType, shape } = context.input(0);
    const type = codeTypeOf(context);
    const map = parametersOf(context);
    const { parameters, fault, release } = recordedParameters(record, map, type);
    const whole = elementType === 'int32' ? unary(engine, 'toFloat', record.widened(0)) : undefined;
    const isByte = type === 'int8' || type === 'uint8';
    const channelsLast = isByte && shape.length >= 3 && record.readChannelsLast(0);
    const goalShape = channelsLast ? channelsLastShape(shape) : shape;
    const y = engine.empty(goalShape, deviceType(type) as 'int8' | 'uint8' | 'int32');
    if (fault) y.allocation.carry(fault);
    const x = whole ?? record.tensor(0);
    recordIntegers(engine, x as Tensor<'float32'>, { goal: y, channelsLast, map, parameters, ...rangeOf(type) });
    whole?.dispose();
    release();
    return [channelsLast ? { channelsLast: y as Tensor<'int8' | 'uint8'> } : y];
  },
  explain: (context) => explained(`quant/quantize to ${codeTypeOf(context)}`, context),
};

const floatTypeOf = (context: NodeContext): ElementType => {
  const given = context.number('output_dtype', 0);
  if (given === 0) return context.input(1).elementType;
  return elementTypeOf(given, `DequantizeLinear node "${context.node.name}"`);
};

/** The numbers that codes stand for: fround(fround(x − zero point) · scale), as ONNX Runtime, bit for bit. */
export const DequantizeLinear: Operator = {
  name: 'DequantizeLinear',
  domain: '',
  unsupported: unsupportedType,
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    const zeroPoint = context.optionalInput(2)?.elementType ?? elementType;
    if (![...codeTypes, 'int32'].includes(elementType) || zeroPoint !== elementType) {
      context.fail(`its input is ${elementType} and its zero point ${zeroPoint}; both must be of one type of codes`);
    }
    parametersOf(context);
    return [{ elementType: floatTypeOf(context), shape }];
  },
  evaluate: (context, inputs) => {
    const [x, scale] = [hostInput(context, inputs, 0), hostInput(context, inputs, 1)];
    const map = parametersOf(context);
    const type = floatTypeOf(context);
    const y = hostZeros(context, type, x.shape);
    const toType = fitting(type);
    assertScales(context, scale, true);
    x.data.forEach((code, element) => {
      const parameter = parameterOf(map, element);
      const steps = Math.fround(code - (inputs[2]?.data[parameter] ?? 0));
      y.data[element] = toType(Math.fround(steps * (scale.data[parameter] ?? 1)));
    });
    return [y];
  },
  record: (record) => {
    const { engine, context } = record;
    const map = parametersOf(context);
    const { parameters, fault, release } = recordedParameters(record, map, context.input(0).elementType);
    const y = dequantizeIntegers(engine, record.tensor(0) as Tensor<'int8' | 'uint8' | 'int32'>, map, parameters);
    if (fault) y.allocation.carry(fault);
    release();
    if (floatTypeOf(context) !== 'float16') return [y];
    const halves = unary(engine, 'half', y);
    y.dispose();
    return [halves];
  },
  explain: (context) => explained(`quant/dequantize of ${context.input(0).elementType}`, context),
};

const largestFloat = (2 - 2 ** -23) * 2 ** 127;

/** Scale and zero point of the range of numbers, widened to include 0. */
export function dynamicParameters(values: ArrayLike<number>): { readonly scale: number; readonly zeroPoint: number } {
  let [least, greatest] = [0, 0];
  for (let index = 0; index < values.length; index++) {
    least = Math.min(least, values[index] ?? 0);
    greatest = Math.max(greatest, values[index] ?? 0);
  }
  const extent = Math.fround(greatest - least);
  // A range beyond the floats is divided before it is doubled.
  const scale = Number.isFinite(extent)
    ? Math.fround(extent / 255)
    : Math.min(2 * Math.fround(Math.fround(greatest / 2 - least / 2) / 255), largestFloat);
  const divisor = scale === 0 ? 1 : scale;
  return { scale: divisor, zeroPoint: Math.min(roundHalfToEven(Math.fround(-least / divisor)), 255) };
}

/** uint8 codes with one scale and zero point, found from the least and the greatest number. */
export const DynamicQuantizeLinear: Operator = {
  name: 'DynamicQuantizeLinear',
  domain: '',
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    if (isInteger(elementType)) context.fail(`it takes floats, but input 0 is ${elementType}`);
    return [
      { elementType: 'uint8', shape },
      { elementType: 'float32', shape: [] },
      { elementType: 'uint8', shape: [] },
    ];
  },
  evaluate: (context, inputs) => {
    const x = hostInput(context, inputs, 0);
    const { scale, zeroPoint } = dynamicParameters(x.data);
    const y = hostZeros(context, 'uint8', x.shape);
    x.data.forEach((value, index) => {
      y.data[index] = Math.min(Math.max(roundHalfToEven(Math.fround(value / scale)) + zeroPoint, 0), 255);
    });
    return [y, hostTensor('float32', [], [scale]), hostTensor('uint8', [], [zeroPoint])];
  },
  record: ({ engine, context, tensor }) => {
    const { y, scale, zeroPoint } = dynamicQuantizeLinear(engine, tensor(0) as Tensor<'float32'>);
    return namedOutputs(context, [y, scale, zeroPoint]);
  },
  explain: () => 'quant/range, quant/parameters and quant/quantize: one scale, found on the GPU',
};

/** Operators between numbers and codes. */
export const quantizationOperators: readonly Operator[] = [QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear];
