import { elementCount, type Shape } from '../../base/shape.ts';
import { axesOf } from '../../conv/geometry.ts';
import { type GlobalPooling, globalPool } from '../../conv/globalPool.ts';
import { indexedMaximumPool, lowestFloat, maximumPool, meanPool, powerPool } from '../../conv/pool.ts';
import { maximumPoolBytes } from '../../conv/poolBytes.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, hostArray, integerRange } from '../../graph/hostTensor.ts';
import type { ChannelsLast, NodeContext, Operator, RecordContext, ValueType } from '../../graph/operator.ts';
import { type Covered, forEachWindow } from './poolOnHost.ts';
import { type SlidingWindow, slidingWindow, spatialLengths, tooManyAxes } from './slidingWindow.ts';

const floats: readonly string[] = ['float32', 'float16', 'float64'];

function placesOf(context: NodeContext): SlidingWindow {
  const kernel = context.numbers('kernel_shape') ?? context.fail('attribute "kernel_shape" is missing');
  return slidingWindow(context, kernel, context.number('ceil_mode', 0) !== 0);
}

function inferPool(context: NodeContext, allowed: readonly string[]): ValueType {
  const { elementType, shape } = context.input(0);
  if (!allowed.includes(elementType)) {
    context.fail(`its input is ${elementType}, but may be ${allowed.join(', ')} only`);
  }
  return { elementType, shape: [...shape.slice(0, 2), ...placesOf(context).outputLengths] };
}

/** Evaluates a pooling whose result is made of each window for itself. */
function evaluatePool(
  context: NodeContext,
  x: HostTensor | undefined,
  type: ValueType,
  reduce: (values: readonly number[], covered: Covered) => number,
): HostTensor {
  const data = hostArray(type.elementType, elementCount(type.shape));
  if (x) {
    forEachWindow({ ...placesOf(context), xShape: x.shape }, (covered, element) => {
      const values = covered.positions.map((position) => x.data[covered.plane + position] ?? 0);
      data[element] = reduce(values, covered);
    });
  }
  return { ...type, data };
}

const wantsIndices = ({ node }: NodeContext): boolean => (node.outputs[1] ?? '') !== '';

function evaluateIndices(context: NodeContext, x: HostTensor | undefined, shape: Shape): HostTensor {
  const data = hostArray('int64', elementCount(shape));
  const { depth, height, width } = axesOf(spatialLengths(context), 1);
  const columnMajor = context.number('storage_order', 0) === 1;
  if (x) {
    forEachWindow({ ...placesOf(context), xShape: x.shape }, ({ plane, positions }, element) => {
      let [found, position] = [Number.NEGATIVE_INFINITY, -1];
      for (const candidate of positions) {
        const value = x.data[plane + candidate] ?? 0;
        if (value > found || position < 0) [found, position] = [value, candidate];
      }
      if (columnMajor && position >= 0) {
        const line = Math.floor(position / width);
        position = (((position % width) * height + (line % height)) * depth + Math.floor(line / height)) | 0;
      }
      data[element] = position < 0 ? -1 : plane + position;
    });
  }
  return { elementType: 'int64', shape, data };
}

function recordMaxPool(record: RecordContext): readonly (Tensor | ChannelsLast)[] {
  const { engine, context } = record;
  const { elementType } = context.input(0);
  if (integerRange(elementType) && !wantsIndices(context)) {
    return [{ channelsLast: maximumPoolBytes(engine, record.channelsLast(0), placesOf(context)) }];
  }
  const options = {
    ...placesOf(context),
    columnMajor: context.number('storage_order', 0) === 1,
    ...(integerRange(elementType) ? { lowest: integerRange(elementType)?.[0] ?? 0 } : {}),
  };
  const x = record.widened(0);
  if (!wantsIndices(context)) return [record.narrowed(maximumPool(engine, x, options))];
  const { values, indices } = indexedMaximumPool(engine, x, options);
  return [record.narrowed(values), indices];
}

/** https://onnx.ai/onnx/operators/onnx__MaxPool.html. The maximum of a window in the padding alone is the type's least. */
export const MaxPool: Operator = {
  name: 'MaxPool',
  domain: '',
  unsupported: tooManyAxes,
  infer(context) {
    const type = inferPool(context, [...floats, 'int8', 'uint8']);
    return [type, { elementType: 'int64', shape: type.shape }];
  },
  evaluate(context, [x]) {
    const type = inferPool(context, [...floats, 'int8', 'uint8']);
    const lowest = integerRange(type.elementType)?.[0] ?? lowestFloat;
    const values = evaluatePool(context, x, type, (covered) =>
      covered.length === 0 ? lowest : covered.reduce((a, b) => Math.max(a, b)),
    );
    return wantsIndices(context) ? [values, evaluateIndices(context, x, type.shape)] : [values];
  },
  record: recordMaxPool,
  explain: (context) => {
    if (!integerRange(context.input(0).elementType)) return 'one invocation an element';
    return wantsIndices(context) ? 'widened to 32 bits, because it gives indices' : '16 channels of 8 bits at a time';
  },
};

/** https://onnx.ai/onnx/operators/onnx__AveragePool.html. The mean of a window in the padding alone is 0. */
export const AveragePool: Operator = {
  name: 'AveragePool',
  domain: '',
  unsupported: tooManyAxes,
  infer: (context) => [inferPool(context, floats)],
  evaluate(context, [x]) {
    const countPadding = context.number('count_include_pad', 0) !== 0;
    return [
      evaluatePool(context, x, inferPool(context, floats), (values, { places }) => {
        const count = countPadding ? places : values.length;
        return values.reduce((sum, value) => sum + value, 0) / Math.max(1, count);
      }),
    ];
  },
  record({ engine, context, tensor }) {
    const countPadding = context.number('count_include_pad', 0) !== 0;
    return [meanPool(engine, tensor(0) as Tensor<'float32'>, { ...placesOf(context), countPadding })];
  },
};

/** p of a norm. */
function exponentOf(context: NodeContext): number {
  const exponent = context.number('p', 2);
  if (!(exponent > 0)) context.fail(`p is ${exponent}, but must be above 0`);
  return exponent;
}

const norm = (values: readonly number[], exponent: number): number =>
  values.reduce((sum, value) => sum + Math.abs(value) ** exponent, 0) ** (1 / exponent);

/** https://onnx.ai/onnx/operators/onnx__LpPool.html */
export const LpPool: Operator = {
  name: 'LpPool',
  domain: '',
  unsupported: tooManyAxes,
  infer: (context) => [inferPool(context, floats)],
  evaluate(context, [x]) {
    const exponent = exponentOf(context);
    return [evaluatePool(context, x, inferPool(context, floats), (values) => norm(values, exponent))];
  },
  record({ engine, context, tensor }) {
    const options = { ...placesOf(context), exponent: exponentOf(context) };
    return [powerPool(engine, tensor(0) as Tensor<'float32'>, options)];
  },
};

function inferGlobal(context: NodeContext): ValueType {
  const { elementType, shape } = context.input(0);
  if (!floats.includes(elementType)) context.fail(`its input is ${elementType}, but must be a float`);
  if (shape.length < 3) context.fail(`its input has shape [${shape}]; it needs [batch, channels, …spatial]`);
  if (shape.slice(2).includes(0)) context.fail(`its input has shape [${shape}], whose planes are empty`);
  return { elementType, shape: shape.map((length, axis) => (axis < 2 ? length : 1)) };
}

function globalOperator(
  name: string,
  poolingOf: (context: NodeContext) => GlobalPooling,
  reduce: (values: readonly number[], context: NodeContext) => number,
): Operator {
  return {
    name,
    domain: '',
    infer: (context) => [inferGlobal(context)],
    evaluate(context, [x]) {
      const type = inferGlobal(context);
      const data = hostArray(type.elementType, elementCount(type.shape));
      const size = elementCount((x?.shape ?? []).slice(2));
      for (let plane = 0; plane < data.length; plane++) {
        data[plane] = reduce(Array.from(x?.data.subarray(plane * size, (plane + 1) * size) ?? []), context);
      }
      return [{ ...type, data }];
    },
    record: ({ engine, context, tensor }) => [globalPool(engine, tensor(0) as Tensor<'float32'>, poolingOf(context))],
  };
}

/** https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html */
export const GlobalAveragePool = globalOperator(
  'GlobalAveragePool',
  () => 'mean',
  (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
);

/** https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html */
export const GlobalMaxPool = globalOperator(
  'GlobalMaxPool',
  () => 'maximum',
  (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
);

/** https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html */
export const GlobalLpPool = globalOperator(
  'GlobalLpPool',
  (context) => ({ exponent: exponentOf(context) }),
  (values, context) => norm(values, exponentOf(context)),
);

/** The operators of this file. */
export const poolingOperators: readonly Operator[] = [
  MaxPool,
  AveragePool,
  LpPool,
  GlobalAveragePool,
  GlobalMaxPool,
  GlobalLpPool,
];
