import { type Curve, describeCurve } from '../../base/curve.ts';
import type { Shape } from '../../base/shape.ts';
import { arrangeWeights } from '../../conv/arrange.ts';
import { type ConvolutionOptions, convolutionSize, convolve } from '../../conv/convolve.ts';
import { chooseConvolution, convolutionKernelOf, type KernelChoice } from '../../conv/select.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { curveOf } from '../../graph/curveAttributes.ts';
import { type HostTensor, hostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext, ValueType } from '../../graph/operator.ts';
import { convolveOnHost } from './convolveOnHost.ts';
import { evaluateCurve } from './evaluateCurve.ts';
import { type SlidingWindow, slidingWindow, tooManyAxes, transposedWindow } from './slidingWindow.ts';

/** A convolution node as its attributes and shapes describe it. */
export interface Convolution extends SlidingWindow {
  readonly groups: number;
  readonly transposed: boolean;
  readonly outputChannels: number;
}

/** What a convolution that passes made does to its results. */
function fusedCurve(context: NodeContext): Curve | undefined {
  return context.node.domain === 'cuanta' ? curveOf(context) : undefined;
}

/** Which inputs of a node are the weights and the bias. */
export interface ConvolutionInputs {
  readonly weights: number;
  readonly bias?: number;
}

const floats: readonly string[] = ['float32', 'float16', 'float64'];

/** What a convolution node computes, from its attributes and the shapes of its inputs. @throws MalformedModel */
export function convolutionOf(
  context: NodeContext,
  transposed: boolean,
  inputs: ConvolutionInputs = { weights: 1, bias: 2 },
): Convolution {
  const x = context.input(0);
  const weights = context.input(inputs.weights);
  const groups = context.number('group', 1);
  const [first = 0, second = 0, ...lengths] = weights.shape;
  const kernel = context.numbers('kernel_shape', lengths);
  const places = transposed ? transposedWindow(context, kernel) : slidingWindow(context, kernel);
  if (!Number.isSafeInteger(groups) || groups < 1) context.fail(`group is ${groups}, but must be at least 1`);
  const channels = x.shape[1] ?? 0;
  const seen = transposed ? first : second * groups;
  const fits =
    seen === channels &&
    (transposed ? channels : first) % groups === 0 &&
    lengths.length === kernel.length &&
    lengths.every((length, axis) => length === kernel[axis]);
  if (!fits) {
    context.fail(
      `weights of shape [${weights.shape}] do not go with an input of shape [${x.shape}], ${groups} group(s) and a window of [${kernel}]`,
    );
  }
  const outputChannels = transposed ? second * groups : first;
  const bias = inputs.bias === undefined ? undefined : context.optionalInput(inputs.bias);
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputChannels)) {
    context.fail(`its bias has shape [${bias.shape}], but must have [${outputChannels}]`);
  }
  return { ...places, groups, transposed, outputChannels };
}

function outputShape(context: NodeContext, { outputChannels, outputLengths }: Convolution): Shape {
  return [context.input(0).shape[0] ?? 0, outputChannels, ...outputLengths];
}

function infer(context: NodeContext, transposed: boolean): readonly ValueType[] {
  const { elementType } = context.input(0);
  for (let index = 0; index < context.inputCount; index++) {
    const found = context.optionalInput(index)?.elementType ?? elementType;
    if (!floats.includes(found) || found !== elementType) {
      context.fail(`input ${index} is ${found}, but all inputs must be floats of one type`);
    }
  }
  return [{ elementType, shape: outputShape(context, convolutionOf(context, transposed)) }];
}

function evaluate(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  transposed: boolean,
): readonly HostTensor[] {
  const [type] = infer(context, transposed);
  const [x, weights, bias] = inputs;
  if (!x || !weights || !type) context.fail('an input is missing');
  const values = convolveOnHost({
    ...convolutionOf(context, transposed),
    x: x.data,
    xShape: x.shape,
    weights: weights.data,
    weightShape: weights.shape,
    bias: bias?.data,
  });
  const curve = fusedCurve(context);
  return [hostTensor(type.elementType, type.shape, curve ? values.map(evaluateCurve(curve)) : values)];
}

function optionsOf(context: NodeContext, transposed: boolean): ConvolutionOptions {
  const { window, groups, outputLengths } = convolutionOf(context, transposed);
  const curve = fusedCurve(context);
  return { window, groups, transposed, outputLengths, ...(curve ? { curve } : {}) };
}

function choiceOf(context: NodeContext, engine: Engine, options: ConvolutionOptions): KernelChoice {
  return chooseConvolution(engine, convolutionSize(context.input(0).shape, context.input(1).shape, options));
}

function recordConvolution(record: RecordContext, transposed: boolean): readonly Tensor[] {
  const { engine, context } = record;
  const options = optionsOf(context, transposed);
  const { groups = 1 } = options;
  const x = record.tensor(0) as Tensor<'float32'>;
  const weights = record.tensor(1) as Tensor<'float32'>;
  const bias = record.optionalTensor(2) as Tensor<'float32'> | undefined;
  const choice = choiceOf(context, engine, options);
  const arranged =
    convolutionKernelOf(choice).arranged && context.input(1).constant
      ? record.constant('arranged', () => arrangeWeights(engine, weights, { groups, transposed }))
      : undefined;
  const given = { ...(bias ? { bias } : {}), ...(arranged ? { arranged } : {}) };
  return [convolve(engine, x, weights, { ...options, ...given, kernel: choice })];
}

function explain(context: NodeContext, engine: Engine, transposed: boolean): string {
  const options = optionsOf(context, transposed);
  const { kernel, reason } = choiceOf(context, engine, options);
  const then = options.curve ? `; then ${describeCurve(options.curve)}` : '';
  return `${transposed ? 'transposed ' : ''}convolution, ${kernel} kernel: ${reason}${then}`;
}

function convolutionOperator(name: string, transposed: boolean, domain = ''): Operator {
  return {
    name,
    domain,
    unsupported: tooManyAxes,
    infer: (context) => infer(context, transposed),
    evaluate: (context, inputs) => evaluate(context, inputs, transposed),
    record: (record) => recordConvolution(record, transposed),
    explain: (context, engine) => explain(context, engine, transposed),
  };
}

/** https://onnx.ai/onnx/operators/onnx__Conv.html, with one to three spatial axes. */
export const Conv = convolutionOperator('Conv', false);

/** https://onnx.ai/onnx/operators/onnx__ConvTranspose.html, with one to three spatial axes. */
export const ConvTranspose = convolutionOperator('ConvTranspose', true);

/** Convolutions that apply a curve to their results: made by passes. */
const FusedConv = convolutionOperator('FusedConv', false, 'cuanta');
const FusedConvTranspose = convolutionOperator('FusedConvTranspose', true, 'cuanta');

/** The operators of this file. */
export const convolutionOperators: readonly Operator[] = [Conv, ConvTranspose, FusedConv, FusedConvTranspose];
