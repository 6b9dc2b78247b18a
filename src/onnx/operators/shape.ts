import { elementCount, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { ChannelsLast, NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { channelsLastShape } from '../../nn/channelsLast.ts';
import { reshape } from '../../nn/move.ts';
import { assertShapeOf, distinctAxes, hostInput } from './rearrange.ts';

/** An input that is held with its channels last under another shape, where nothing needs to move for that. */
function reshapeHeld(
  { heldChannelsLast, channelsLast }: RecordContext,
  shape: Shape,
): Tensor | ChannelsLast | undefined {
  if (!heldChannelsLast(0)) return undefined;
  const held = channelsLast(0);
  const [batch] = held.shape;
  const { columnCount } = held.layout;
  if (shape.length >= 3 && shape[0] === batch && shape[1] === columnCount) {
    return { channelsLast: held.reshape(channelsLastShape(shape)) };
  }
  // One pixel an image: channels are last in either order.
  const isFlat = elementCount(held.shape.slice(1, -1)) === 1 && (shape.at(-1) ?? 1) === columnCount;
  return isFlat ? held.reshape(shape) : undefined;
}

/** An operator that gives its first input another shape. */
function reshaping(name: string, shapeOf: (context: NodeContext) => Shape): Operator {
  const checked = (context: NodeContext): Shape => {
    const shape = shapeOf(context);
    assertShapeOf(context, shape);
    const given = context.input(0).shape;
    if (elementCount(shape) !== elementCount(given)) context.fail(`[${given}] cannot become [${shape}]`);
    return shape;
  };
  return {
    name,
    domain: '',
    infer: (context) => [{ elementType: context.input(0).elementType, shape: checked(context) }],
    evaluate: (context, inputs) => [{ ...hostInput(context, inputs, 0), shape: checked(context) }],
    record: (record) => {
      const { engine, context } = record;
      const shape = checked(context);
      return [reshapeHeld(record, shape) ?? reshape(engine, record.tensor(0), shape)];
    },
    explain: (context) => {
      const { elementType, shape } = context.input(0);
      const movesRows = /^u?int8$/.test(elementType) && (shape.at(-1) ?? 1) !== (checked(context).at(-1) ?? 1);
      return movesRows ? 'one strided copy: padded rows of bytes are cut differently' : 'nothing is moved';
    },
  };
}

/** The axes that an attribute or, in later operator sets, the second input names. */
function axesOf(context: NodeContext): readonly number[] | undefined {
  return context.optionalIntegers(1) ?? context.numbers('axes');
}

/** The given shape; 0 keeps an axis unless `allowzero` is set, and −1 takes what is left. */
export const Reshape: Operator = reshaping('Reshape', (context) => {
  const { shape } = context.input(0);
  const keepsZeros = context.number('allowzero', 0) !== 0;
  const wanted = context
    .integers(1)
    .map((length, axis) =>
      length === 0 && !keepsZeros ? (shape[axis] ?? context.fail(`there is no axis ${axis}`)) : length,
    );
  const open = wanted.indexOf(-1);
  if (open < 0) return wanted;
  const others = elementCount(wanted.toSpliced(open, 1));
  // Of nothing, any length is as good: zero elements stay zero elements.
  const rest = others === 0 ? 0 : elementCount(shape) / others;
  return wanted.with(open, rest);
});

/** Two axes: those before `axis`, and the others. */
export const Flatten: Operator = reshaping('Flatten', (context) => {
  const { shape } = context.input(0);
  const given = context.number('axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  if (axis < 0 || axis > shape.length) context.fail(`axis ${given} is outside of [${shape}]`);
  return [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
});

/** Without the given axes, or any, of length 1. */
export const Squeeze: Operator = reshaping('Squeeze', (context) => {
  const { shape } = context.input(0);
  const axes = axesOf(context);
  if (!axes) return shape.filter((length) => length !== 1);
  const dropped = new Set(distinctAxes(context, axes, shape));
  for (const axis of dropped) {
    if (shape[axis] !== 1) context.fail(`axis ${axis} of [${shape}] has not length 1`);
  }
  return shape.filter((_, axis) => !dropped.has(axis));
});

/** With axes of length 1 added where the result has the given ones. */
export const Unsqueeze: Operator = reshaping('Unsqueeze', (context) => {
  const { shape } = context.input(0);
  const axes = axesOf(context) ?? context.fail('it names no axes');
  const result = new Array<number>(shape.length + axes.length).fill(1);
  const added = new Set(distinctAxes(context, axes, result));
  const lengths = shape.values();
  return result.map((_, axis) => (added.has(axis) ? 1 : (lengths.next().value ?? 1)));
});

export const shapeOperators: readonly Operator[] = [Reshape, Flatten, Squeeze, Unsqueeze];
