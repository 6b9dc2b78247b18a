import { UnsupportedOperator } from '../../base/errors.ts';
import { elementCount, type Shape, splitAtAxis } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, hostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, NodeInput, Operator, RecordContext, ValueType } from '../../graph/operator.ts';
import { type NormalizationMeasure, normalize, type ParameterPattern } from '../../nn/normalize.ts';
import { softmax } from '../../nn/softmax.ts';
import { namedOutputs } from './namedOutputs.ts';
import { hostInput } from './rearrange.ts';

/** A tensor seen as rows along an axis. */
interface Rows {
  readonly shape: Shape;
  /** Counted from the front. */
  readonly axis: number;
}

function floatInput(context: NodeContext, index = 0): NodeInput {
  const input = context.input(index);
  if (isInteger(input.elementType)) context.fail(`input ${index} is ${input.elementType}, but must be float`);
  return input;
}

/** The places of the elements of each row. */
function* placesOfRows({ shape, axis }: Rows): Generator<number[]> {
  const { outer, length, inner } = splitAtAxis(shape, axis);
  for (let row = 0; row < outer * inner; row++) {
    const start = Math.floor(row / inner) * length * inner + (row % inner);
    yield Array.from({ length }, (_, position) => start + position * inner);
  }
}

/** Before version 13 all axes from `axis` on are one. */
function softmaxRows(context: NodeContext): Rows {
  const { shape } = floatInput(context);
  const axis = context.axis(context.number('axis', context.opset < 13 ? 1 : -1), shape);
  if (context.opset >= 13) return { shape, axis };
  return { shape: [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))], axis: 1 };
}

function softmaxOperator(name: string, logarithm: boolean): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      softmaxRows(context);
      return [sameType(floatInput(context))];
    },
    evaluate: (context, inputs) => {
      const { elementType, shape, data } = hostInput(context, inputs, 0);
      const values = new Float64Array(data.length);
      for (const places of placesOfRows(softmaxRows(context))) {
        const row = places.map((place) => data[place] ?? 0);
        const greatest = row.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
        const sum = row.reduce((total, value) => total + Math.exp(value - greatest), 0);
        places.forEach((place, position) => {
          const shifted = (row[position] ?? 0) - greatest;
          values[place] = logarithm ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
        });
      }
      return [hostTensor(elementType, shape, values)];
    },
    record: ({ engine, context, tensor }) => {
      const rows = softmaxRows(context);
      using x = (tensor(0) as Tensor<'float32'>).reshape(rows.shape);
      using y = softmax(engine, x, { axis: rows.axis, logarithm });
      return [y.reshape(context.input(0).shape)];
    },
    explain: (context) => {
      const { shape, axis } = softmaxRows(context);
      return `nn/softmax along ${shape[axis]} elements: one kernel finds the greatest, the sum and the quotients`;
    },
  };
}

/** exp(x) over its sum along an axis. */
export const Softmax = softmaxOperator('Softmax', false);

/** The logarithm of Softmax. */
export const LogSoftmax = softmaxOperator('LogSoftmax', true);

function sameType({ elementType, shape }: ValueType): ValueType {
  return { elementType, shape };
}

/** What a node normalizes, and by what. */
interface Normalization {
  readonly rows: Rows;
  readonly measure: NormalizationMeasure;
  readonly centred: boolean;
  readonly epsilon: number;
  /** Indices of the inputs that are multiplied on and added. */
  readonly scale?: number;
  readonly bias?: number;
  readonly parameters?: ParameterPattern;
  /** Shape of the means and factors, where they are outputs. */
  readonly statisticsShape?: Shape;
}

const onePerElement: ParameterPattern = { rowPeriod: 1, rowParameters: 0, elementsPerParameter: 1 };

interface HostNormalized {
  readonly y: Float64Array;
  readonly mean: number[];
  readonly inverse: number[];
}

/** What `nn/normalize` computes, in float64. */
function normalizeOnHost(node: Normalization, inputs: readonly (HostTensor | undefined)[]): HostNormalized {
  const { rows, measure, centred, epsilon, parameters = onePerElement } = node;
  const valuesOf = (index: number | undefined) => (index === undefined ? undefined : inputs[index]?.data);
  const [scale, bias] = [valuesOf(node.scale), valuesOf(node.bias)];
  const data = valuesOf(0) ?? [];
  const y = new Float64Array(data.length);
  const mean: number[] = [];
  const inverse: number[] = [];
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
  for (const places of placesOfRows(rows)) {
    const row = mean.length;
    const values = places.map((place) => data[place] ?? 0);
    const centre = centred ? total(values) / values.length : 0;
    const squares = total(values.map((value) => (value - centre) ** 2));
    const divisor = {
      deviation: Math.sqrt(squares / values.length + epsilon),
      length: Math.sqrt(squares),
      magnitude: total(values.map(Math.abs)),
    }[measure];
    const factor = divisor === 0 && measure !== 'deviation' ? 0 : 1 / divisor;
    mean.push(centre);
    inverse.push(factor);
    const firstParameter = (row % parameters.rowPeriod) * parameters.rowParameters;
    places.forEach((place, position) => {
      const parameter = firstParameter + Math.floor(position / parameters.elementsPerParameter);
      const normalized = ((values[position] ?? 0) - centre) * factor;
      y[place] = normalized * (scale?.[parameter % scale.length] ?? 1) + (bias?.[parameter % bias.length] ?? 0);
    });
  }
  return { y, mean, inverse };
}

function recordNormalization(
  { engine, context, tensor, optionalTensor }: RecordContext,
  node: Normalization,
): readonly Tensor[] {
  const { rows, measure, centred, epsilon, parameters, statisticsShape } = node;
  const floats = (index: number | undefined) =>
    index === undefined ? undefined : (optionalTensor(index) as Tensor<'float32'> | undefined);
  const [scale, bias] = [floats(node.scale), floats(node.bias)];
  using x = (tensor(0) as Tensor<'float32'>).reshape(rows.shape);
  const results = normalize(engine, x, {
    measure,
    centred,
    epsilon,
    axis: rows.axis,
    ...(scale && { scale }),
    ...(bias && { bias }),
    ...(parameters && { parameters }),
  });
  using made = results.y;
  using mean = results.mean;
  using inverse = results.inverse;
  const y = made.reshape(context.input(0).shape);
  if (!statisticsShape) return [y];
  return namedOutputs(context, [y, mean.reshape(statisticsShape), inverse.reshape(statisticsShape)]);
}

function normalization(name: string, describe: (context: NodeContext) => Normalization): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      const { statisticsShape } = describe(context);
      const y = sameType(floatInput(context));
      if (!statisticsShape) return [y];
      const statistics: ValueType = { elementType: 'float32', shape: statisticsShape };
      return [y, statistics, statistics];
    },
    evaluate: (context, inputs) => {
      const node = describe(context);
      const { elementType, shape } = hostInput(context, inputs, 0);
      const { y, mean, inverse } = normalizeOnHost(node, inputs);
      const { statisticsShape } = node;
      const statistics = (values: readonly number[]) => hostTensor('float32', statisticsShape ?? [], values);
      const result = hostTensor(elementType, shape, y);
      const results = statisticsShape ? [result, statistics(mean), statistics(inverse)] : [result];
      return results.slice(0, context.node.outputs.length);
    },
    record: (record) => recordNormalization(record, describe(record.context)),
    explain: (context) => {
      const { rows, centred } = describe(context);
      const { outer, length, inner } = splitAtAxis(rows.shape, rows.axis);
      return `nn/normalize: ${outer * inner} rows of ${length} elements${centred ? ', about their means' : ''}`;
    },
  };
}

/** Parameters that broadcast to the axes that are normalized together. */
function rowParameters(context: NodeContext, normalized: Shape, indices: readonly number[]): ParameterPattern {
  const length = elementCount(normalized);
  const given = indices.flatMap((index) => {
    const input = context.optionalInput(index);
    return input ? [input.shape] : [];
  });
  const counts = new Set(given.map(elementCount));
  const repeats = given.every((shape) => {
    const own = shape.slice(shape.findIndex((extent) => extent !== 1));
    return (
      elementCount(shape) === 1 ||
      (own.length <= normalized.length &&
        own.every((extent, axis) => extent === normalized[normalized.length - own.length + axis]))
    );
  });
  if (counts.size > 1 || !repeats) {
    throw new UnsupportedOperator(
      `${context.node.operator} node "${context.node.name}": parameters of shapes ${given.map((shape) => `[${shape}]`).join(' and ')} do not repeat evenly over [${normalized}]; give them the shape of the normalized axes, or one element each.`,
    );
  }
  return counts.has(1) ? { ...onePerElement, elementsPerParameter: Math.max(1, length) } : onePerElement;
}

function layerRows(context: NodeContext): { readonly rows: Rows; readonly normalized: Shape; readonly axis: number } {
  const { shape } = floatInput(context);
  const axis = context.axis(context.number('axis', -1), shape);
  const normalized = shape.slice(axis);
  const rows = { shape: [elementCount(shape.slice(0, axis)), elementCount(normalized)], axis: 1 };
  return { rows, normalized, axis };
}

/** Normalizes the axes from `axis` on together, about their mean; also gives the means and the inverse deviations. */
export const LayerNormalization = normalization('LayerNormalization', (context) => {
  const { rows, normalized, axis } = layerRows(context);
  return {
    rows,
    measure: 'deviation',
    centred: true,
    epsilon: context.number('epsilon', 1e-5),
    scale: 1,
    bias: 2,
    parameters: rowParameters(context, normalized, [1, 2]),
    statisticsShape: context.input(0).shape.map((length, index) => (index < axis ? length : 1)),
  };
});

/** Divides the axes from `axis` on by their root mean square. */
export const RMSNormalization = normalization('RMSNormalization', (context) => {
  const { rows, normalized } = layerRows(context);
  return {
    rows,
    measure: 'deviation',
    centred: false,
    epsilon: context.number('epsilon', 1e-5),
    scale: 1,
    parameters: rowParameters(context, normalized, [1]),
  };
});

/** The number of channels, which scale and bias must have too. */
function channelCount(context: NodeContext, parameterCount?: number): number {
  const { shape } = floatInput(context);
  const channels = shape[1] ?? context.fail(`its input has shape [${shape}], but needs a batch and channels`);
  for (const index of [1, 2]) {
    const { shape: given } = floatInput(context, index);
    const wanted = parameterCount ?? channels;
    if (elementCount(given) !== wanted) {
      context.fail(`input ${index} has shape [${given}], but there are ${wanted} parameters for ${channels} channels`);
    }
  }
  return channels;
}

/** Normalizes each channel of each sample by itself. */
export const InstanceNormalization = normalization('InstanceNormalization', (context) => {
  const channels = channelCount(context);
  const [samples = 1, , ...spatial] = context.input(0).shape;
  const length = elementCount(spatial);
  return {
    rows: { shape: [samples * channels, length], axis: 1 },
    measure: 'deviation',
    centred: true,
    epsilon: context.number('epsilon', 1e-5),
    scale: 1,
    bias: 2,
    parameters: { rowPeriod: Math.max(1, channels), rowParameters: 1, elementsPerParameter: Math.max(1, length) },
  };
});

/** Normalizes groups of channels of each sample. Before version 21 a group has one scale and bias, from then on a channel. */
export const GroupNormalization = normalization('GroupNormalization', (context) => {
  const groups = context.number('num_groups') ?? context.fail('attribute "num_groups" is missing');
  const perGroup = context.opset < 21;
  const channels = channelCount(context, perGroup ? groups : undefined);
  if (groups < 1 || channels % groups !== 0) context.fail(`${channels} channels do not make ${groups} even groups`);
  const [samples = 1, , ...spatial] = context.input(0).shape;
  const channelLength = elementCount(spatial);
  const groupChannels = channels / groups;
  const length = groupChannels * channelLength;
  return {
    rows: { shape: [samples * groups, length], axis: 1 },
    measure: 'deviation',
    centred: true,
    epsilon: context.number('epsilon', 1e-5),
    scale: 1,
    bias: 2,
    parameters: {
      rowPeriod: groups,
      rowParameters: perGroup ? 1 : groupChannels,
      elementsPerParameter: Math.max(1, perGroup ? length : channelLength),
    },
  };
});

/** Divides by the sum of magnitudes (p = 1) or the length (p = 2) along an axis. */
export const LpNormalization = normalization('LpNormalization', (context) => {
  const { shape } = floatInput(context);
  const power = context.number('p', 2);
  if (power !== 1 && power !== 2) context.fail(`attribute "p" is ${power}, but may be 1 or 2`);
  return {
    rows: { shape, axis: context.axis(context.number('axis', -1), shape) },
    measure: power === 1 ? 'magnitude' : 'length',
    centred: false,
    epsilon: 0,
  };
});

/** The family of normalizations. */
export const normalizationOperators: readonly Operator[] = [
  Softmax,
  LogSoftmax,
  LayerNormalization,
  RMSNormalization,
  InstanceNormalization,
  GroupNormalization,
  LpNormalization,
];
