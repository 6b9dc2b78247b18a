import { LimitExceeded, ShapeMismatch } from '../../base/errors.ts';
import { halfToNumber, numberToHalf } from '../../base/half.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { bitsOf, type ElementType, type HostTensor, integerRange } from '../../graph/hostTensor.ts';
import type { NodeContext, RecordContext } from '../../graph/operator.ts';
import { broadcastShapes, forEachBroadcast } from '../../nn/broadcast.ts';
import type { IntegerFormat } from '../../nn/elementwise.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/** A tensor that elementwise kernels compute with. */
export type ElementTensor = Tensor<'float32' | 'int32'>;

/** The shape that all inputs are broadcast to. @throws MalformedModel where they do not fit */
export function broadcastInputs(context: NodeContext, count = context.inputCount): Shape {
  const shapes = Array.from({ length: count }, (_, index) => context.input(index).shape);
  try {
    const shape = broadcastShapes(...shapes);
    if (shape.length > 8) context.fail(`its result has ${shape.length} axes, but at most 8 are broadcast`);
    return shape;
  } catch (error) {
    if (error instanceof ShapeMismatch) context.fail(error.message.replace(/\.$/, ''));
    throw error;
  }
}

/** The element type that inputs have in common. @throws MalformedModel where they differ */
export function commonType(context: NodeContext, first = 0, end = context.inputCount): ElementType {
  const { elementType } = context.input(first);
  for (let index = first + 1; index < end; index++) {
    const other = context.input(index).elementType;
    if (other !== elementType) context.fail(`inputs ${first} and ${index} are ${elementType} and ${other}`);
  }
  return elementType;
}

/** Makes a number one of the element type: rounds floats, wraps integers around. @throws LimitExceeded for 64 bits */
export function fitting(elementType: ElementType): (value: number) => number {
  const range = integerRange(elementType);
  if (elementType === 'float16') return (value) => halfToNumber(numberToHalf(value));
  if (!range) return (value) => value;
  if (elementType === 'bool') return (value) => (value === 0 ? 0 : 1);
  const spare = 32 - bitsOf(elementType);
  if (spare >= 0) return range[0] < 0 ? (value) => (value << spare) >> spare : (value) => (value << spare) >>> spare;
  return (value) => {
    // Adding 0 makes a negative zero, which integers do not have, a positive one.
    if (value >= range[0] && value <= range[1]) return value + 0;
    throw new LimitExceeded(
      `A constant of type ${elementType} becomes ${value}, but 64-bit integers are held from ${range[0]} to ${range[1]}; make it smaller.`,
    );
  };
}

/** The result of a function of the elements of inputs that are broadcast. `compute` gets one element of each. */
export function evaluateBroadcast(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  elementType: ElementType,
  compute: (...elements: number[]) => number,
): HostTensor {
  const operands = inputs.map((_, index) => hostInput(context, inputs, index));
  const shape = broadcastInputs(context, inputs.length);
  const result = hostZeros(context, elementType, shape);
  const toType = fitting(elementType);
  const elements = operands.map(() => 0);
  forEachBroadcast(
    shape,
    operands.map((operand) => operand.shape),
    (places, index) => {
      operands.forEach(({ data }, operand) => {
        elements[operand] = data[places[operand] ?? 0] ?? 0;
      });
      result.data[index] = toType(compute(...elements));
    },
  );
  return result;
}

/** What an integer type is to the kernels. @param checked whether the operation may leave 32 bits */
export function formatOf(elementType: ElementType, checked: boolean): IntegerFormat {
  const range = integerRange(elementType);
  if (!range || elementType === 'bool') return {};
  const [least] = range;
  const bits = bitsOf(elementType);
  if (bits > 32) return checked ? { checkedFrom: Math.max(least, -(2 ** 31)) } : {};
  return { bits, unsigned: least === 0 };
}

/** An input on the GPU, of its own: its disposal does not touch the plan's tensor. */
export function ownInput(record: RecordContext, index: number): ElementTensor {
  return record.widened(index).reshape(record.context.input(index).shape);
}
