import { bytesOf } from '../../base/dtype.ts';
import { LimitExceeded } from '../../base/errors.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type ElementType, type HostTensor, hostArray } from '../../graph/hostTensor.ts';
import type { ChannelsLast, NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { channelsFirstOrder, channelsLastOrder, channelsLastShape } from '../../nn/channelsLast.ts';
import { move, show, showsAll, viewOfTensor } from '../../nn/move.ts';
import { copyView, type StridedView, transposed, viewOf } from '../../nn/view.ts';

/** Elements that a value computed on the CPU may have: a damaged model must not take all memory. */
const largestHostTensor = 2 ** 28;

/** Zeros on the CPU. @throws LimitExceeded */
export function hostZeros(context: NodeContext, elementType: ElementType, shape: Shape): HostTensor {
  assertShapeOf(context, shape);
  const count = elementCount(shape);
  if (count > largestHostTensor) {
    throw new LimitExceeded(
      `${context.node.operator} node "${context.node.name}" makes a constant of ${count} elements, but at most ${largestHostTensor} are computed before the model runs; export a smaller model.`,
    );
  }
  return { elementType, shape, data: hostArray(elementType, count) };
}

/** @throws MalformedModel where a length is not a whole number of at least 0, or the elements are too many to count. */
export function assertShapeOf(context: NodeContext, shape: Shape): void {
  const fits = shape.every((length) => Number.isSafeInteger(length) && length >= 0);
  if (!fits || !Number.isSafeInteger(elementCount(shape)))
    context.fail(`[${shape}] is not a shape that a tensor can have`);
}

/** An input on the CPU. @throws MalformedModel when it is left out. */
export function hostInput(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  index: number,
): HostTensor {
  return inputs[index] ?? context.fail(`input ${index} is missing`);
}

/** Axes counted from the front, of which none comes twice. @throws MalformedModel */
export function distinctAxes(context: NodeContext, axes: readonly number[], shape: Shape): number[] {
  const resolved = axes.map((axis) => context.axis(axis, shape));
  if (new Set(resolved).size !== resolved.length) context.fail(`its axes [${axes}] name one of them twice`);
  return resolved;
}

/** What an operator shows of its first input. */
export interface Rearrangement {
  readonly view: StridedView;
  /** Shape of the output, which takes the elements of the view in row-major order. */
  readonly shape: Shape;
}

/** The elements that a view shows, on the CPU. */
export function rearrangeOnHost(context: NodeContext, source: HostTensor, { view, shape }: Rearrangement): HostTensor {
  const result = hostZeros(context, source.elementType, shape);
  copyView(view, source.data, result.data);
  return result;
}

/** The view and shape of the same result with its channels last; undefined where it has none. */
function withChannelsLast({ view, shape }: Rearrangement): Rearrangement | undefined {
  const keepsAxes =
    shape.length >= 3 && view.axes.length >= 3 && [0, 1].every((axis) => view.axes[axis]?.size === shape[axis]);
  if (!keepsAxes) return undefined;
  return { view: transposed(view, channelsLastOrder(view.axes.length)), shape: channelsLastShape(shape) };
}

type Arrange = (context: NodeContext, source: StridedView) => Rearrangement;

function recordRearrangement(record: RecordContext, arrange: Arrange): Tensor | ChannelsLast {
  const { engine, context } = record;
  if (!record.heldChannelsLast(0)) {
    const source = record.tensor(0);
    const plain = arrange(context, viewOfTensor(source));
    const last = bytesOf(source.dtype) === 1 ? withChannelsLast(plain) : undefined;
    // Channels that were last all along, and are only called second from here on.
    if (last && showsAll(source, last.view, last.shape)) {
      return { channelsLast: source.reshape(last.shape) as ChannelsLast['channelsLast'] };
    }
    return move(engine, source, plain.view, plain.shape);
  }
  const source = record.channelsLast(0);
  const all = viewOfTensor(source);
  const plain = arrange(context, transposed(all, channelsFirstOrder(all.axes.length)));
  const last = withChannelsLast(plain);
  // Elsewhere neighbours in the result are not neighbours in memory.
  const keeps = last && (last.view.axes.at(-1)?.stride === 1 || last.shape.at(-1) === 1);
  if (!keeps || showsAll(source, plain.view, plain.shape)) return show(engine, source, plain.view, plain.shape);
  return { channelsLast: move(engine, source, last.view, last.shape) };
}

/**
 * An operator that moves the elements of its first input.
 * @param arrange makes the rearrangement from the input's elements as a view.
 */
export function rearranging(name: string, arrange: Arrange): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      const { elementType, shape: sourceShape } = context.input(0);
      const { shape } = arrange(context, viewOf(sourceShape));
      assertShapeOf(context, shape);
      return [{ elementType, shape }];
    },
    evaluate: (context, inputs) => {
      const source = hostInput(context, inputs, 0);
      return [rearrangeOnHost(context, source, arrange(context, viewOf(source.shape)))];
    },
    record: (record) => [recordRearrangement(record, arrange)],
    explain: () => 'one strided copy',
  };
}
