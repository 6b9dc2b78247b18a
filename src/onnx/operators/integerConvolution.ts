import { elementCount, type Shape } from '../../base/shape.ts';
import { convolutionSize } from '../../conv/convolve.ts';
import { assertSumsFit, integerConvolve } from '../../conv/integerConvolve.ts';
import { chooseIntegerConvolution } from '../../conv/integerSelect.ts';
import { type ConvolutionResult, integerTerms } from '../../conv/integerTerms.ts';
import {
  type ConvolutionWeights,
  codeMagnitude,
  packConvolutionWeights,
  weightLayout,
  type ZeroPoint,
} from '../../conv/integerWeights.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type ElementType, type HostTensor, hostTensor, integerRange } from '../../graph/hostTensor.ts';
import type { ChannelsLast, NodeContext, Operator, RecordContext, ValueType } from '../../graph/operator.ts';
import { lowestCode } from '../../quant/byteCodes.ts';
import { uploadTable } from '../../quant/codeTable.ts';
import { requantizedInFloat } from '../../quant/requantize.ts';
import { type Convolution, type ConvolutionInputs, convolutionOf } from './convolution.ts';
import { convolveOnHost } from './convolveOnHost.ts';
import { givenTable } from './quantizedElementwise.ts';
import { tooManyAxes } from './slidingWindow.ts';

/** Where an integer convolution has its inputs. */
interface Inputs extends ConvolutionInputs {
  readonly xScale?: number;
  readonly xZeroPoint: number;
  readonly wScale?: number;
  readonly wZeroPoint: number;
  readonly yScale?: number;
  readonly yZeroPoint?: number;
}

const plainInputs: Inputs = { weights: 1, xZeroPoint: 2, wZeroPoint: 3 };
const linearInputs: Inputs = {
  xScale: 1,
  xZeroPoint: 2,
  weights: 3,
  wScale: 4,
  wZeroPoint: 5,
  yScale: 6,
  yZeroPoint: 7,
  bias: 8,
};
const floatInputs: Inputs = { xScale: 1, xZeroPoint: 2, weights: 3, wScale: 4, wZeroPoint: 5, bias: 6 };

type Codes = 'int8' | 'uint8';

function codesOf(context: NodeContext, index: number): Codes {
  const { elementType } = context.input(index);
  if (elementType !== 'int8' && elementType !== 'uint8') {
    context.fail(`input ${index} is ${elementType}, but must be int8 or uint8`);
  }
  return elementType;
}

/** Checks an input that is of a type and has one element, or one an output channel. */
function assertParameter(
  context: NodeContext,
  index: number | undefined,
  type: ElementType,
  counts: readonly number[],
) {
  const input = index === undefined ? undefined : context.optionalInput(index);
  if (!input || index === undefined) return;
  if (input.elementType !== type) context.fail(`input ${index} is ${input.elementType}, but must be ${type}`);
  if (input.shape.length > 1 || !counts.includes(elementCount(input.shape))) {
    context.fail(`input ${index} has shape [${input.shape}], but must have ${counts.join(' or ')} element(s)`);
  }
}

/** Checks everything about the inputs and tells what is convolved. */
function checked(context: NodeContext, inputs: Inputs, biasType: ElementType): Convolution {
  const convolution = convolutionOf(context, false, inputs);
  const perChannel = [1, convolution.outputChannels];
  assertParameter(context, inputs.xZeroPoint, codesOf(context, 0), [1]);
  assertParameter(context, inputs.wZeroPoint, codesOf(context, inputs.weights), perChannel);
  assertParameter(context, inputs.xScale, 'float32', [1]);
  assertParameter(context, inputs.wScale, 'float32', perChannel);
  assertParameter(context, inputs.yScale, 'float32', [1]);
  assertParameter(context, inputs.bias, biasType, [convolution.outputChannels]);
  for (const index of [inputs.xScale, inputs.wScale, inputs.yScale]) {
    if (index === undefined) continue;
    const bad = context.input(index).host?.data.find((scale) => !(Number.isFinite(scale) && scale > 0));
    if (bad !== undefined) context.fail(`a scale in input ${index} is ${bad}, but scales are finite and above 0`);
  }
  return convolution;
}

function outputShape(context: NodeContext, { outputChannels, outputLengths }: Convolution): Shape {
  return [context.input(0).shape[0] ?? 0, outputChannels, ...outputLengths];
}

/** One number of a parameter on the CPU, or a default where the input is left out. */
function numberAt(input: HostTensor | undefined, index: number, fallback = 0): number {
  if (!input) return fallback;
  return input.data[input.data.length === 1 ? 0 : index] ?? fallback;
}

/** Σ (x − zero point)(w − zero point), exactly. */
function sumsOnHost(
  context: NodeContext,
  values: readonly (HostTensor | undefined)[],
  convolution: Convolution,
  inputs: Inputs,
): Float64Array {
  const x = values[0];
  const weights = values[inputs.weights];
  if (!x || !weights) context.fail('an input is missing');
  const ofOutput = elementCount(weights.shape.slice(1));
  const xZeroPoint = numberAt(values[inputs.xZeroPoint], 0);
  const wZeroPoints = values[inputs.wZeroPoint];
  return convolveOnHost({
    ...convolution,
    x: Float64Array.from(x.data, (code) => code - xZeroPoint),
    xShape: x.shape,
    weights: Float64Array.from(
      weights.data,
      (code, index) => code - numberAt(wZeroPoints, Math.floor(index / ofOutput)),
    ),
    weightShape: weights.shape,
  });
}

function bound(context: NodeContext, name: string, fallback: number): number {
  const value = context.number(name, fallback);
  const [lowest, highest] = integerRange(context.input(linearInputs.yZeroPoint ?? 0).elementType) ?? [0, 0];
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    context.fail(`${name} is ${value}, but must be a whole number from ${lowest} to ${highest}`);
  }
  return value;
}

/** The type of the codes that QLinearConv makes, and their bounds. */
function resultCodes(context: NodeContext): { dtype: Codes; lowest: number; highest: number } {
  const dtype = codesOf(context, linearInputs.yZeroPoint ?? 0);
  const [least, most] = integerRange(dtype) ?? [0, 0];
  const lowest = bound(context, 'lowest_code', least);
  const highest = bound(context, 'highest_code', most);
  if (lowest > highest) context.fail(`lowest_code is ${lowest}, but highest_code ${highest}`);
  return { dtype, lowest, highest };
}

/** What replaces the codes in the end: 256 codes, the first for the lowest one. */
const replacementOf = (context: NodeContext): ReturnType<typeof givenTable> | undefined =>
  context.tensor('table') && givenTable(context);

/** Index of the output channel of an element of the result. */
const channelOf = (index: number, { outputChannels, outputLengths }: Convolution): number =>
  Math.floor(index / elementCount(outputLengths)) % outputChannels;

function evaluateCodes(context: NodeContext, values: readonly (HostTensor | undefined)[]): HostTensor {
  const convolution = checked(context, linearInputs, 'int32');
  const { dtype, lowest, highest } = resultCodes(context);
  const sums = sumsOnHost(context, values, convolution, linearInputs);
  const at = (index: number | undefined): HostTensor | undefined => values[index ?? -1];
  const zeroPoint = numberAt(at(linearInputs.yZeroPoint), 0);
  const scale = numberAt(at(linearInputs.yScale), 0);
  const factors = Float32Array.from({ length: convolution.outputChannels }, (_, channel) => {
    const x = numberAt(at(linearInputs.xScale), 0);
    return Math.fround(x * numberAt(at(linearInputs.wScale), channel)) / scale;
  });
  const codes = sums.map((sum, index) => {
    const channel = channelOf(index, convolution);
    const biased = (sum + numberAt(at(linearInputs.bias), channel)) | 0;
    const code = requantizedInFloat(biased, factors[channel] ?? 0) + zeroPoint;
    return Math.min(Math.max(code, lowest), highest);
  });
  const shape = outputShape(context, convolution);
  const replacement = replacementOf(context);
  if (!replacement) return hostTensor(dtype, shape, codes);
  const replaced = codes.map((code) => replacement.codes[code - lowestCode(dtype)] ?? 0);
  return hostTensor(replacement.type, shape, replaced);
}

function evaluateFloats(context: NodeContext, values: readonly (HostTensor | undefined)[]): HostTensor {
  const convolution = checked(context, floatInputs, 'float32');
  const at = (index: number | undefined): HostTensor | undefined => values[index ?? -1];
  const { lower, upper } = floatBounds(context);
  const xScale = numberAt(at(floatInputs.xScale), 0);
  const floats = sumsOnHost(context, values, convolution, floatInputs).map((sum, index) => {
    const channel = channelOf(index, convolution);
    const scale = Math.fround(xScale * numberAt(at(floatInputs.wScale), channel));
    return Math.min(Math.max(sum * scale + numberAt(at(floatInputs.bias), channel), lower), upper);
  });
  return hostTensor('float32', outputShape(context, convolution), floats);
}

const floatBounds = (context: NodeContext): { lower: number; upper: number } => ({
  lower: context.number('lower', Number.NEGATIVE_INFINITY),
  upper: context.number('upper', Number.POSITIVE_INFINITY),
});

/** A zero point: its number where it is known, else its tensor. Nothing where it is left out. */
function zeroPointOf(record: RecordContext, index: number): ZeroPoint | undefined {
  const input = record.context.optionalInput(index);
  const data = input?.host?.data;
  if (data?.every((value) => value === data[0])) return data[0];
  return input && (record.tensor(index) as Tensor<Codes>);
}

/** True for an input that is the same at every run, or left out. */
function isConstant(context: NodeContext, index: number | undefined): boolean {
  const input = index === undefined ? undefined : context.optionalInput(index);
  return !input || input.constant === true;
}

/** The packed weights, kept by the model where they are constant. `dispose` says whether the caller is to dispose them. */
function packed(
  record: RecordContext,
  { groups }: Convolution,
  inputs: Inputs,
): { readonly weights: ConvolutionWeights; readonly made: boolean } {
  const { engine, context } = record;
  const { host, constant, shape } = context.input(inputs.weights);
  const zeroPoint = zeroPointOf(record, inputs.wZeroPoint);
  const options = { groups, shape, ...(zeroPoint === undefined ? {} : { zeroPoint }) };
  if (!host || !constant || !isConstant(context, inputs.wZeroPoint)) {
    const weights = packConvolutionWeights(engine, record.tensor(inputs.weights) as Tensor<Codes>, options);
    return { weights, made: true };
  }
  const make = (): ConvolutionWeights => {
    // Long rows, which are hardly padded.
    const source = engine.tensor(host.data as Int8Array, [shape[0] ?? 0, elementCount(shape.slice(1))]);
    const weights = packConvolutionWeights(engine, source, options);
    source.dispose();
    return weights;
  };
  return { weights: record.constant('packed', make), made: false };
}

/** The terms, kept by the model where everything that they are made of is constant. */
function termsOf(
  record: RecordContext,
  weights: { readonly weights: ConvolutionWeights; readonly made: boolean },
  inputs: Inputs,
  result: ConvolutionResult,
): { readonly terms: Tensor<'int32'>; readonly made: boolean } {
  const { engine, context } = record;
  const codes = { dtype: codesOf(context, 0), zeroPoint: zeroPointOf(record, inputs.xZeroPoint) };
  const make = (): Tensor<'int32'> => integerTerms(engine, weights.weights, codes, result);
  const { xScale, xZeroPoint, wScale, yScale, yZeroPoint, bias } = inputs;
  const all = [xScale, xZeroPoint, wScale, yScale, yZeroPoint, bias];
  const kept = !weights.made && all.every((index) => isConstant(context, index));
  return kept ? { terms: record.constant('terms', make), made: false } : { terms: make(), made: true };
}

function recordWith(
  record: RecordContext,
  inputs: Inputs,
  convolution: Convolution,
  result: ConvolutionResult,
): Tensor {
  const { engine } = record;
  const { window, outputLengths } = convolution;
  const x = record.channelsLast(0);
  const weights = packed(record, convolution, inputs);
  const terms = termsOf(record, weights, inputs, result);
  const xZeroPoint = zeroPointOf(record, inputs.xZeroPoint);
  const y = integerConvolve(engine, x, weights.weights, {
    window,
    outputLengths,
    result,
    terms: terms.terms,
    ...(xZeroPoint === undefined ? {} : { xZeroPoint }),
  });
  if (terms.made) terms.terms.dispose();
  if (weights.made) weights.weights.dispose();
  return y;
}

const biasOf = <T extends 'int32' | 'float32'>(record: RecordContext, index: number | undefined, dtype: T) => {
  const tensor = index === undefined ? undefined : record.optionalTensor(index);
  return tensor && tensor.dtype === dtype ? { bias: tensor as Tensor<T> } : {};
};

const scaleOf = (record: RecordContext, index: number | undefined): Tensor<'float32'> =>
  record.tensor(index ?? -1) as Tensor<'float32'>;

function recordCodes(record: RecordContext): readonly ChannelsLast[] {
  const { context } = record;
  const zeroPoint = zeroPointOf(record, linearInputs.yZeroPoint ?? -1);
  const codes = resultCodes(context);
  const replacement = replacementOf(context);
  const table =
    replacement && record.constant('table', () => uploadTable(record.engine, replacement.codes, codes.dtype));
  const y = recordWith(record, linearInputs, checked(context, linearInputs, 'int32'), {
    kind: 'codes',
    xScale: scaleOf(record, linearInputs.xScale),
    wScale: scaleOf(record, linearInputs.wScale),
    scale: scaleOf(record, linearInputs.yScale),
    ...(zeroPoint === undefined ? {} : { zeroPoint }),
    ...codes,
    ...(table ? { table } : {}),
    ...biasOf(record, linearInputs.bias, 'int32'),
  });
  return [{ channelsLast: y as Tensor<Codes> }];
}

function recordFloats(record: RecordContext): readonly Tensor[] {
  const result = {
    kind: 'floats',
    xScale: scaleOf(record, floatInputs.xScale),
    wScale: scaleOf(record, floatInputs.wScale),
    ...floatBounds(record.context),
    ...biasOf(record, floatInputs.bias, 'float32'),
  } as const;
  return [recordWith(record, floatInputs, checked(record.context, floatInputs, 'float32'), result)];
}

function explain(context: NodeContext, engine: Engine, inputs: Inputs): string {
  const { window, groups, outputLengths } = convolutionOf(context, false, inputs);
  const { shape, elementType } = context.input(inputs.weights);
  const size = convolutionSize(context.input(0).shape, shape, { window, groups, outputLengths });
  const { kernel, reason } = chooseIntegerConvolution(engine, size, weightLayout(shape, groups, true));
  return `integer convolution of ${context.input(0).elementType} and ${elementType}, ${kernel} kernel: ${reason}`;
}

/** Sums that might not fit 32 bits are refused before anything runs. */
function assertDepth(context: NodeContext, inputs: Inputs): void {
  const magnitude = (codes: number, zeroPoint: number): number => {
    const input = context.optionalInput(zeroPoint);
    const points = input ? Array.from(input.host?.data ?? []) : [0];
    const signed = codesOf(context, codes) === 'int8';
    return points.length === 0 ? 255 : Math.max(...points.map((point) => codeMagnitude(signed, point)));
  };
  const depth = elementCount(context.input(inputs.weights).shape.slice(1));
  assertSumsFit(depth, magnitude(0, inputs.xZeroPoint), magnitude(inputs.weights, inputs.wZeroPoint));
}

function inferWith(context: NodeContext, inputs: Inputs, biasType: ElementType, type: ElementType): ValueType[] {
  const convolution = checked(context, inputs, biasType);
  assertDepth(context, inputs);
  return [{ elementType: type, shape: outputShape(context, convolution) }];
}

/** https://onnx.ai/onnx/operators/onnx__ConvInteger.html, with one to three spatial axes. */
export const ConvInteger: Operator = {
  name: 'ConvInteger',
  domain: '',
  unsupported: tooManyAxes,
  infer: (context) => inferWith(context, plainInputs, 'int32', 'int32'),
  evaluate: (context, values) => {
    const convolution = checked(context, plainInputs, 'int32');
    const sums = sumsOnHost(context, values, convolution, plainInputs);
    return [hostTensor('int32', outputShape(context, convolution), sums)];
  },
  record: (record) => {
    const convolution = checked(record.context, plainInputs, 'int32');
    return [recordWith(record, plainInputs, convolution, { kind: 'sums' })];
  },
  readsChannelsLast: true,
  explain: (context, engine) => explain(context, engine, plainInputs),
};

function linearConvolution(domain: string): Operator {
  return {
    name: 'QLinearConv',
    domain,
    unsupported: tooManyAxes,
    infer: (context) => {
      const type = replacementOf(context)?.type ?? resultCodes(context).dtype;
      return inferWith(context, linearInputs, 'int32', type);
    },
    evaluate: (context, values) => [evaluateCodes(context, values)],
    record: recordCodes,
    readsChannelsLast: true,
    explain: (context, engine) => explain(context, engine, linearInputs),
  };
}

/**
 * https://onnx.ai/onnx/operators/onnx__QLinearConv.html, with one to three spatial axes: halfEven((sum + bias) ·
 * fround(fround(x_scale · w_scale) / y_scale)) + y_zero_point, of the exact product.
 */
export const QLinearConv = linearConvolution('');

/**
 * The same with bounds of the codes, `lowest_code` and `highest_code`: a Relu or Clip that follows; and with a `table` of 256
 * codes in place of theirs, the first for the lowest one, as of `Lookup`. All optional.
 */
export const BoundedQLinearConv = linearConvolution('cuanta');

/**
 * A convolution of codes whose result is float32: sum · fround(x_scale · w_scale) + bias, within `lower` and `upper`.
 * Inputs: x, x_scale, x_zero_point, w, w_scale, w_zero_point, bias (float32); attributes of Conv and the bounds.
 */
export const ConvIntegerToFloat: Operator = {
  name: 'ConvIntegerToFloat',
  domain: 'cuanta',
  unsupported: tooManyAxes,
  infer: (context) => inferWith(context, floatInputs, 'float32', 'float32'),
  evaluate: (context, values) => [evaluateFloats(context, values)],
  record: recordFloats,
  readsChannelsLast: true,
  explain: (context, engine) => explain(context, engine, floatInputs),
};

/** The operators of this file. */
export const integerConvolutionOperators: readonly Operator[] = [
  ConvInteger,
  QLinearConv,
  BoundedQLinearConv,
  ConvIntegerToFloat,
];
