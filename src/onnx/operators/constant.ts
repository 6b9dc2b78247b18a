import { elementCount } from '../../base/shape.ts';
import { type HostTensor, hostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, ValueType } from '../../graph/operator.ts';
import { constantValue } from '../constant.ts';
import { hostZeros } from './rearrange.ts';

const typeOf = ({ elementType, shape }: HostTensor): ValueType => ({ elementType, shape });

/** Operators whose outputs are never computed on the GPU: `infer` follows from `evaluate`. */
function onCpu(
  name: string,
  evaluate: (context: NodeContext, inputs: readonly (HostTensor | undefined)[]) => HostTensor,
): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      const inputs = Array.from(
        { length: context.inputCount },
        (_, index) => context.optionalInput(index) && context.known(index),
      );
      return [typeOf(evaluate(context, inputs))];
    },
    evaluate: (context, inputs) => [evaluate(context, inputs)],
  };
}

/** The value of an attribute: a tensor, or one or several numbers. */
export const Constant: Operator = onCpu('Constant', ({ node }) =>
  constantValue(node.attributes, `Constant node "${node.name}"`),
);

/** A tensor of the given shape with one value everywhere. */
export const ConstantOfShape: Operator = onCpu('ConstantOfShape', (context, [shape]) => {
  const value = context.tensor('value') ?? hostTensor('float32', [1], [0]);
  if (elementCount(value.shape) !== 1) context.fail(`its value has ${elementCount(value.shape)} elements, not 1`);
  const result = hostZeros(context, value.elementType, Array.from(shape?.data ?? context.fail('it has no shape')));
  result.data.fill(value.data[0] ?? 0);
  return result;
});

/** Operators of the shape of their input alone. */
function ofShape(name: string, result: (context: NodeContext) => HostTensor): Operator {
  return {
    name,
    domain: '',
    shapeOnly: true,
    infer: (context) => [typeOf(result(context))],
    evaluate: (context) => [result(context)],
  };
}

/** The lengths of the axes from `start` to `end`, which count from the back where negative. */
export const Shape: Operator = ofShape('Shape', (context) => {
  const { shape } = context.input(0);
  const place = (axis: number): number => Math.max(0, Math.min(axis < 0 ? axis + shape.length : axis, shape.length));
  const lengths = shape.slice(place(context.number('start', 0)), place(context.number('end', shape.length)));
  return hostTensor('int64', [lengths.length], lengths);
});

/** The number of elements. */
export const Size: Operator = ofShape('Size', (context) =>
  hostTensor('int64', [], [elementCount(context.input(0).shape)]),
);

/** Numbers from `start` up or down to before `limit`, `delta` apart. */
export const Range: Operator = onCpu('Range', (context, inputs) => {
  const [start = 0, limit = 0, delta = 0] = inputs.map((input) => input?.data[0]);
  if (delta === 0) context.fail('its delta is 0');
  const count = Math.max(Math.ceil((limit - start) / delta), 0);
  const result = hostZeros(context, context.input(0).elementType, [count]);
  for (let index = 0; index < count; index++) result.data[index] = start + index * delta;
  return result;
});

export const constantOperators: readonly Operator[] = [Constant, ConstantOfShape, Shape, Size, Range];
