import { UnsupportedOperator } from '../../base/errors.ts';
import { elementCount, type Shape, splitAtAxis } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { bitsOf, type HostTensor, hostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, ValueType } from '../../graph/operator.ts';
import { cumulativeSum } from '../../nn/cumulativeSum.ts';
import { type Reduction, reduce, reducedShape } from '../../nn/reduce.ts';
import { hostInput } from './rearrange.ts';
import { wrappedInteger } from './wrappedInteger.ts';

/** A reduction as ONNX defines it, for the CPU. */
interface Definition {
  readonly reduction: Reduction;
  readonly floats: (elements: Float64Array) => number;
  /** Undefined where integers are not reduced so, or only by way of floats. */
  readonly integers: ((elements: readonly bigint[]) => bigint) | undefined;
  /** First version that takes the axes as an input. */
  readonly axesInputSince: number;
}

const sum = (elements: Float64Array): number => elements.reduce((total, element) => total + element, 0);
const integerSum = (elements: readonly bigint[]): bigint => elements.reduce((total, element) => total + element, 0n);
const magnitude = (element: bigint): bigint => (element < 0n ? -element : element);

/** Axes that a node reduces, counted from the front. */
function axesOf(context: NodeContext, axesInputSince: number): number[] {
  const { shape } = context.input(0);
  const given =
    context.opset >= axesInputSince ? context.optionalIntegers(1) : context.numbers('axes')?.map((axis) => axis);
  if (given && given.length > 0) return [...new Set(given.map((axis) => context.axis(axis, shape)))];
  return context.opset >= axesInputSince && context.number('noop_with_empty_axes', 0) === 1 ? [] : [...shape.keys()];
}

function outputType(context: NodeContext, { reduction: kind, axesInputSince }: Definition): ValueType {
  const { elementType, shape } = context.input(0);
  const result = reducedShape(shape, axesOf(context, axesInputSince), context.number('keepdims', 1) === 1);
  const isExtremum = kind === 'maximum' || kind === 'minimum';
  if (isExtremum && isInteger(elementType) && elementCount(shape) === 0 && elementCount(result) > 0) {
    context.fail(`no integer is the ${kind} of none, but its input has shape [${shape}]`);
  }
  return { elementType, shape: result };
}

/** The elements that become each output, outputs and elements in row-major order. */
function groupsOf(shape: Shape, axes: readonly number[], values: ArrayLike<number>): Float64Array[] {
  const reduced = new Set(axes);
  const outputCount = elementCount(shape.filter((_, axis) => !reduced.has(axis)));
  const length = elementCount(axes.map((axis) => shape[axis] ?? 1));
  const groups = Array.from({ length: outputCount }, () => new Float64Array(length));
  const filled = new Uint32Array(outputCount);
  for (let index = 0; index < values.length; index++) {
    let rest = index;
    let output = 0;
    let step = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const extent = shape[axis] ?? 1;
      if (!reduced.has(axis)) {
        output += (rest % extent) * step;
        step *= extent;
      }
      rest = Math.floor(rest / extent);
    }
    const group = groups[output];
    const place = filled[output] ?? 0;
    if (group) group[place] = values[index] ?? 0;
    filled[output] = place + 1;
  }
  return groups;
}

function evaluateReduction(context: NodeContext, input: HostTensor, definition: Definition): HostTensor {
  const { floats, integers, axesInputSince } = definition;
  const { shape } = outputType(context, definition);
  const groups = groupsOf(input.shape, axesOf(context, axesInputSince), input.data);
  const exact = isInteger(input.elementType) && integers;
  const values = groups.map((group) =>
    exact
      ? wrappedInteger(exact(Array.from(group, BigInt)), input.elementType)
      : isInteger(input.elementType)
        ? Math.trunc(floats(group))
        : floats(group),
  );
  return hostTensor(input.elementType, shape, values);
}

function reduction(name: string, definition: Definition): Operator {
  const { axesInputSince } = definition;
  return {
    name,
    domain: '',
    infer: (context) => [outputType(context, definition)],
    evaluate: (context, inputs) => [evaluateReduction(context, hostInput(context, inputs, 0), definition)],
    record: (record) => {
      const { context, engine } = record;
      const { elementType } = context.input(0);
      if (isInteger(elementType) && !definition.integers) {
        throw new UnsupportedOperator(
          `${name} node "${context.node.name}": of ${elementType} it has no exact result on the GPU; cast its input to float32 in the model.`,
        );
      }
      const result = reduce(engine, record.widened(0), {
        reduction: definition.reduction,
        axes: axesOf(context, axesInputSince),
        keepAxes: context.number('keepdims', 1) === 1,
        unsigned: elementType === 'uint32',
        checked: bitsOf(elementType) === 64,
      });
      return [record.narrowed(result as Tensor<'float32' | 'int32'>)];
    },
    explain: (context) => {
      const { shape } = context.input(0);
      const axes = axesOf(context, axesInputSince);
      return `nn/reduce along [${axes}]: ${elementCount(axes.map((axis) => shape[axis] ?? 1))} elements an output`;
    },
  };
}

export const ReduceSum = reduction('ReduceSum', {
  reduction: 'sum',
  floats: sum,
  integers: integerSum,
  axesInputSince: 13,
});

export const ReduceMean = reduction('ReduceMean', {
  reduction: 'mean',
  floats: (elements) => sum(elements) / elements.length,
  integers: (elements) => (elements.length === 0 ? 0n : integerSum(elements) / BigInt(elements.length)),
  axesInputSince: 18,
});

export const ReduceMax = reduction('ReduceMax', {
  reduction: 'maximum',
  floats: (elements) => elements.reduce((high, element) => Math.max(high, element), Number.NEGATIVE_INFINITY),
  integers: (elements) => BigInt(elements.map(Number).reduce((high, element) => Math.max(high, element))),
  axesInputSince: 18,
});

export const ReduceMin = reduction('ReduceMin', {
  reduction: 'minimum',
  floats: (elements) => elements.reduce((low, element) => Math.min(low, element), Number.POSITIVE_INFINITY),
  integers: (elements) => BigInt(elements.map(Number).reduce((low, element) => Math.min(low, element))),
  axesInputSince: 18,
});

export const ReduceProd = reduction('ReduceProd', {
  reduction: 'product',
  floats: (elements) => elements.reduce((product, element) => product * element, 1),
  integers: (elements) => elements.reduce((product, element) => product * element, 1n),
  axesInputSince: 18,
});

export const ReduceL1 = reduction('ReduceL1', {
  reduction: 'absoluteSum',
  floats: (elements) => sum(elements.map(Math.abs)),
  integers: (elements) => integerSum(elements.map(magnitude)),
  axesInputSince: 18,
});

export const ReduceL2 = reduction('ReduceL2', {
  reduction: 'norm',
  floats: (elements) => Math.sqrt(sum(elements.map((element) => element * element))),
  integers: undefined,
  axesInputSince: 18,
});

export const ReduceSumSquare = reduction('ReduceSumSquare', {
  reduction: 'squareSum',
  floats: (elements) => sum(elements.map((element) => element * element)),
  integers: (elements) => integerSum(elements.map((element) => element * element)),
  axesInputSince: 18,
});

export const ReduceLogSum = reduction('ReduceLogSum', {
  reduction: 'logarithmOfSum',
  floats: (elements) => Math.log(sum(elements)),
  integers: undefined,
  axesInputSince: 18,
});

export const ReduceLogSumExp = reduction('ReduceLogSumExp', {
  reduction: 'logSumExp',
  floats: (elements) => {
    const greatest = elements.reduce((high, element) => Math.max(high, element), Number.NEGATIVE_INFINITY);
    const shift = Number.isFinite(greatest) ? greatest : 0;
    return shift + Math.log(sum(elements.map((element) => Math.exp(element - shift))));
  },
  integers: undefined,
  axesInputSince: 18,
});

interface RunningSum {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

function runningSum(context: NodeContext): RunningSum {
  const [axis] = context.integers(1);
  return {
    axis: context.axis(axis ?? context.fail('its axis is missing'), context.input(0).shape),
    exclusive: context.number('exclusive', 0) === 1,
    reverse: context.number('reverse', 0) === 1,
  };
}

/** Running sums along an axis. */
export const CumSum: Operator = {
  name: 'CumSum',
  domain: '',
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    return [{ elementType, shape }];
  },
  evaluate: (context, inputs) => {
    const input = hostInput(context, inputs, 0);
    const { axis, exclusive, reverse } = runningSum(context);
    const { outer, length, inner } = splitAtAxis(input.shape, axis);
    const values = new Array<number>(input.data.length).fill(0);
    for (let row = 0; row < outer * inner; row++) {
      const start = Math.floor(row / inner) * length * inner + (row % inner);
      let [floats, integers] = [0, 0n];
      for (let step = 0; step < length; step++) {
        const place = start + (reverse ? length - 1 - step : step) * inner;
        const current = (): number =>
          isInteger(input.elementType) ? wrappedInteger(integers, input.elementType) : floats;
        if (exclusive) values[place] = current();
        if (isInteger(input.elementType)) integers += BigInt(input.data[place] ?? 0);
        else floats += input.data[place] ?? 0;
        if (!exclusive) values[place] = current();
      }
    }
    return [hostTensor(input.elementType, input.shape, values)];
  },
  record: ({ engine, context, widened, narrowed }) => {
    const checked = bitsOf(context.input(0).elementType) === 64;
    const result = cumulativeSum(engine, widened(0), { ...runningSum(context), checked });
    return [narrowed(result as Tensor<'float32' | 'int32'>)];
  },
  explain: (context) => `nn/cumulativeSum along ${runningSum(context).axis}: one invocation a row`,
};

/** The family of reductions. */
export const reductionOperators: readonly Operator[] = [
  ReduceSum,
  ReduceMean,
  ReduceMax,
  ReduceMin,
  ReduceProd,
  ReduceL1,
  ReduceL2,
  ReduceSumSquare,
  ReduceLogSum,
  ReduceLogSumExp,
  CumSum,
];
