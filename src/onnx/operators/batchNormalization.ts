import type { Shape } from '../../base/shape.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { affine, binary, unary } from '../../nn/elementwise.ts';
import { fitting } from './elementwise.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/** What remains of the parameters: each channel is x·scale + shift. */
interface Folded {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function fold(context: NodeContext, parameters: readonly HostTensor[]): Folded {
  const [scale, bias, mean, variance] = parameters.map(({ data }) => data);
  const epsilon = context.number('epsilon', 1e-5);
  const folded = Float64Array.from(
    scale ?? [],
    (value, channel) => value / Math.sqrt((variance?.[channel] ?? 0) + epsilon),
  );
  const shift = folded.map((factor, channel) => (bias?.[channel] ?? 0) - (mean?.[channel] ?? 0) * factor);
  return { scale: folded, shift };
}

/** [C], or [C, 1 … 1] where axes follow the channels. */
const channelShape = (shape: Shape): Shape => [shape[1] ?? 1, ...shape.slice(2).map(() => 1)];

/** The folded parameters on the GPU. */
interface FoldedTensors {
  readonly scale: Tensor<'float32'>;
  readonly shift: Tensor<'float32'>;
  dispose(): void;
}

const together = (scale: Tensor<'float32'>, shift: Tensor<'float32'>): FoldedTensors => ({
  scale,
  shift,
  dispose: () => {
    scale.dispose();
    shift.dispose();
  },
});

function foldOnGpu(
  engine: Engine,
  parameters: readonly Tensor<'float32'>[],
  context: NodeContext,
  shape: Shape,
): FoldedTensors {
  const [scale, bias, mean, variance] = parameters;
  if (!scale || !bias || !mean || !variance) context.fail('a parameter is missing');
  using spread = unary(engine, 'linear', variance, { alpha: 1, beta: context.number('epsilon', 1e-5) });
  using deviation = unary(engine, 'sqrt', spread);
  using factor = binary(engine, 'div', scale, deviation);
  using moved = binary(engine, 'mul', mean, factor);
  using shift = binary(engine, 'sub', bias, moved);
  return together(factor.reshape(shape) as Tensor<'float32'>, shift.reshape(shape) as Tensor<'float32'>);
}

/** Normalization with the statistics of training. */
export const BatchNormalization: Operator = {
  name: 'BatchNormalization',
  domain: '',
  unsupported: ({ node, opset }) => {
    if (opset >= 14 && node.attributes.get('training_mode') === 1) {
      return 'it is in training mode, in which models are not run';
    }
    return opset < 9 && node.attributes.get('spatial') === 0
      ? 'statistics of single pixels are not supported'
      : undefined;
  },
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    for (const index of [1, 2, 3, 4]) {
      const parameter = context.input(index);
      if (parameter.shape.length !== 1 || parameter.shape[0] !== (shape[1] ?? 1)) {
        context.fail(
          `input ${index} has shape [${parameter.shape}], but the data [${shape}] has ${shape[1] ?? 1} channels`,
        );
      }
    }
    return [{ elementType, shape }];
  },
  evaluate: (context, inputs) => {
    const x = hostInput(context, inputs, 0);
    const { scale, shift } = fold(
      context,
      [1, 2, 3, 4].map((index) => hostInput(context, inputs, index)),
    );
    const result = hostZeros(context, x.elementType, x.shape);
    const toType = fitting(x.elementType);
    const inner = x.shape.slice(2).reduce((product, length) => product * length, 1);
    x.data.forEach((value, index) => {
      const channel = Math.floor(index / inner) % scale.length;
      result.data[index] = toType(value * (scale[channel] ?? 0) + (shift[channel] ?? 0));
    });
    return [result];
  },
  record: (record) => {
    const { engine, context } = record;
    const { shape } = context.input(0);
    const x = record.tensor(0) as Tensor<'float32'>;
    const parameters = [1, 2, 3, 4].map((index) => context.input(index));
    const tensors = (): Tensor<'float32'>[] => [1, 2, 3, 4].map((index) => record.tensor(index) as Tensor<'float32'>);
    const known = parameters.every(({ constant }) => constant);
    const folded = known
      ? record.constant('folded', () => {
          const hosts = parameters.flatMap(({ host }) => host ?? []);
          const { scale, shift } = fold(context, hosts);
          const toGpu = (values: Float64Array) => engine.tensor(Float32Array.from(values), channelShape(shape));
          return together(toGpu(scale), toGpu(shift));
        })
      : foldOnGpu(engine, tensors(), context, channelShape(shape));
    const y = affine(engine, x, folded.scale, folded.shift);
    // What was made for the whole model stays.
    if (!known) folded.dispose();
    return [y];
  },
  explain: (context) => {
    const known = [1, 2, 3, 4].every((index) => context.input(index).constant);
    return `nn/elementwise affine: a scale and a shift a channel, folded ${known ? 'beforehand' : 'on the GPU'}`;
  },
};
