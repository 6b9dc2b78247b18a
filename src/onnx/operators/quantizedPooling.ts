import { elementCount } from '../../base/shape.ts';
import { type CodeMeanOptions, codeMeanOf, meanPoolBytes } from '../../conv/poolBytes.ts';
import { type HostTensor, hostArray } from '../../graph/hostTensor.ts';
import { NodeContext, type Operator, type RecordContext } from '../../graph/operator.ts';
import { channelsFirstOrder, channelsLastOrder } from '../../nn/channelsLast.ts';
import { copyView, shapeOfView, transposed, viewOf } from '../../nn/view.ts';
import type { ByteQuantization } from '../../quant/byteCodes.ts';
import { forEachWindow } from './poolOnHost.ts';
import { byteType, quantizationAt } from './quantizedElementwise.ts';
import { hostInput } from './rearrange.ts';
import { type SlidingWindow, slidingWindow, spatialLengths, tooManyAxes } from './slidingWindow.ts';

/** Whether the node's tensors are [batch, …spatial, channels]. */
const isChannelsLast = (context: NodeContext): boolean => context.number('channels_last', 0) !== 0;

function permuted(value: HostTensor, order: readonly number[]): HostTensor {
  const view = transposed(viewOf(value.shape), order);
  const data = hostArray(value.elementType, value.data.length);
  copyView(view, value.data, data);
  return { elementType: value.elementType, shape: shapeOfView(view), data };
}

/** The node as if its input were [batch, channels, …spatial]. */
function channelsFirst(context: NodeContext): NodeContext {
  const x = context.input(0);
  if (x.shape.length < 3) context.fail(`its input has shape [${x.shape}]; it needs batch, channels and spatial axes`);
  if (!isChannelsLast(context)) return context;
  const shape = channelsFirstOrder(x.shape.length).map((axis) => x.shape[axis] ?? 0);
  return new NodeContext(context.node, context.opset, [{ elementType: x.elementType, shape, host: undefined }]);
}

/** Inputs x, x_scale, x_zero_point, y_scale, y_zero_point. */
function quantizationsOf(context: NodeContext): {
  readonly input: ByteQuantization;
  readonly output: ByteQuantization;
} {
  const dtype = byteType(context, context.input(0).elementType, 'its input');
  return { input: quantizationAt(context, 1, dtype), output: quantizationAt(context, 3, dtype) };
}

type PlacesOf = (context: NodeContext) => SlidingWindow;

function optionsOf(context: NodeContext, placesOf: PlacesOf): CodeMeanOptions {
  const countPadding = context.number('count_include_pad', 0) !== 0;
  return { ...placesOf(channelsFirst(context)), ...quantizationsOf(context), countPadding };
}

function resultShape(context: NodeContext, placesOf: PlacesOf): number[] {
  const first = channelsFirst(context);
  const [batch = 0, channels = 0] = first.input(0).shape;
  const { outputLengths } = placesOf(first);
  return isChannelsLast(context) ? [batch, ...outputLengths, channels] : [batch, channels, ...outputLengths];
}

function evaluateMean(context: NodeContext, given: HostTensor, placesOf: PlacesOf): HostTensor {
  const last = isChannelsLast(context);
  const x = last ? permuted(given, channelsFirstOrder(given.shape.length)) : given;
  const places = placesOf(channelsFirst(context));
  const { input, output } = quantizationsOf(context);
  const meanOf = codeMeanOf({ input, output });
  const countPadding = context.number('count_include_pad', 0) !== 0;
  const shape = [...x.shape.slice(0, 2), ...places.outputLengths];
  const data = hostArray(x.elementType, elementCount(shape));
  forEachWindow({ ...places, xShape: x.shape }, (covered, element) => {
    let sum = 0;
    for (const position of covered.positions) sum += (x.data[covered.plane + position] ?? 0) - input.zeroPoint;
    data[element] = meanOf(sum, countPadding ? covered.places : covered.positions.length);
  });
  const y = { elementType: x.elementType, shape, data };
  return last ? permuted(y, channelsLastOrder(shape.length)) : y;
}

function meanOperator(name: string, placesOf: PlacesOf): Operator {
  return {
    name,
    domain: 'com.microsoft',
    unsupported: tooManyAxes,
    infer: (context) => {
      const elementType = byteType(context, context.input(0).elementType, 'its input');
      return [{ elementType, shape: resultShape(context, placesOf) }];
    },
    evaluate: (context, inputs) => [evaluateMean(context, hostInput(context, inputs, 0), placesOf)],
    record: (record: RecordContext) => {
      const { engine, context } = record;
      const options = optionsOf(context, placesOf);
      if (!isChannelsLast(context)) return [{ channelsLast: meanPoolBytes(engine, record.channelsLast(0), options) }];
      return [meanPoolBytes(engine, record.tensor(0) as ReturnType<RecordContext['channelsLast']>, options)];
    },
    explain: () => 'integer sums of 16 channels at a time, requantized in integers',
  };
}

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearAveragePool */
export const QLinearAveragePool = meanOperator('QLinearAveragePool', (context) => {
  const kernel = context.numbers('kernel_shape') ?? context.fail('attribute "kernel_shape" is missing');
  return slidingWindow(context, kernel, context.number('ceil_mode', 0) !== 0);
});

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearGlobalAveragePool */
export const QLinearGlobalAveragePool = meanOperator('QLinearGlobalAveragePool', (context) => {
  const lengths = spatialLengths(context);
  if (lengths.includes(0)) context.fail(`its input has shape [${context.input(0).shape}], whose planes are empty`);
  const ones = lengths.map(() => 1);
  return {
    window: { kernel: lengths, strides: ones, dilations: ones, padsBefore: lengths.map(() => 0) },
    padsAfter: lengths.map(() => 0),
    outputLengths: ones,
  };
});

/** The operators of this file. */
export const quantizedPoolingOperators: readonly Operator[] = [QLinearAveragePool, QLinearGlobalAveragePool];
