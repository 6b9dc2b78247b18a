import { UnsupportedOperator } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import { maximumSpatialAxes, type Window } from '../../conv/geometry.ts';
import type { NodeContext, StaticNode } from '../../graph/operator.ts';

/** A window over the spatial axes of a node's input, and how many places it has. */
export interface SlidingWindow {
  readonly window: Window;
  readonly padsAfter: readonly number[];
  readonly outputLengths: Shape;
}

/** How `auto_pad` distributes padding. */
type AutoPad = 'NOTSET' | 'SAME_UPPER' | 'SAME_LOWER' | 'VALID';
const autoPads: readonly string[] = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] satisfies AutoPad[];

function autoPadOf(context: NodeContext): AutoPad {
  const found = context.text('auto_pad', 'NOTSET');
  if (!autoPads.includes(found)) {
    context.fail(`auto_pad is "${found}", but may be ${autoPads.join(', ')} only`);
  }
  return found as AutoPad;
}

/** A list attribute with one whole number of at least `least` a spatial axis. */
function perAxis(context: NodeContext, name: string, rank: number, fallback: number, least: number): readonly number[] {
  const values = context.numbers(name) ?? Array.from({ length: rank }, () => fallback);
  if (values.length !== rank || values.some((value) => !Number.isSafeInteger(value) || value < least)) {
    context.fail(`${name} is [${values}]; it needs ${rank} whole numbers of at least ${least}`);
  }
  return values;
}

/** `pads` as what comes before and after each spatial axis. */
function padsOf(context: NodeContext, rank: number): readonly [number[], number[]] {
  const pads = context.numbers('pads') ?? Array.from({ length: 2 * rank }, () => 0);
  if (pads.length !== 2 * rank || pads.some((value) => !Number.isSafeInteger(value))) {
    context.fail(`pads are [${pads}]; there must be ${2 * rank} whole numbers`);
  }
  return [pads.slice(0, rank), pads.slice(rank)];
}

/** Says why a node has more spatial axes than kernels take, where its attributes tell. */
export function tooManyAxes({ node }: StaticNode): string | undefined {
  const kernel = node.attributes.get('kernel_shape');
  const rank = Array.isArray(kernel) ? kernel.length : 0;
  return rank > maximumSpatialAxes
    ? `its window has ${rank} spatial axes, but there may be ${maximumSpatialAxes} at most`
    : undefined;
}

/** Spatial lengths of an input [batch, channels, …spatial]. @throws MalformedModel, UnsupportedOperator */
export function spatialLengths(context: NodeContext): Shape {
  const { shape } = context.input(0);
  if (shape.length < 3) context.fail(`its input has shape [${shape}]; it needs [batch, channels, …spatial]`);
  if (shape.length > maximumSpatialAxes + 2) {
    throw new UnsupportedOperator(
      `${context.node.operator} node "${context.node.name}" has an input of shape [${shape}]; there may be ${maximumSpatialAxes} spatial axes at most.`,
    );
  }
  return shape.slice(2);
}

/** The window and its moves; the padding is still to be set. */
function unpadded(context: NodeContext, rank: number, kernel: Shape): Omit<Window, 'padsBefore'> {
  if (kernel.length !== rank || kernel.some((length) => !Number.isSafeInteger(length) || length < 1)) {
    context.fail(`its window is [${kernel}]; it needs ${rank} lengths of at least 1`);
  }
  return {
    kernel,
    strides: perAxis(context, 'strides', rank, 1, 1),
    dilations: perAxis(context, 'dilations', rank, 1, 1),
  };
}

/** Places that a window spans along an axis. */
const span = (window: Omit<Window, 'padsBefore'>, axis: number): number =>
  ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;

/**
 * The window of a convolution or pooling.
 * @param kernel lengths of the window
 * @param ceil whether a last window that is not whole counts (`ceil_mode`), unless it would begin in the padding
 */
export function slidingWindow(context: NodeContext, kernel: Shape, ceil = false): SlidingWindow {
  const lengths = spatialLengths(context);
  const rank = lengths.length;
  const window = unpadded(context, rank, kernel);
  const autoPad = autoPadOf(context);
  const [padsBefore, padsAfter] = padsOf(context, rank);
  const outputLengths = lengths.map((length, axis) => {
    const stride = window.strides[axis] ?? 1;
    const covered = span(window, axis);
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      const count = Math.ceil(length / stride);
      const total = Math.max(0, (count - 1) * stride + covered - length);
      const smaller = Math.floor(total / 2);
      padsBefore[axis] = autoPad === 'SAME_UPPER' ? smaller : total - smaller;
      padsAfter[axis] = total - (padsBefore[axis] ?? 0);
      return count;
    }
    if (autoPad === 'VALID') {
      padsBefore[axis] = 0;
      padsAfter[axis] = 0;
    }
    const before = padsBefore[axis] ?? 0;
    const room = length + before + (padsAfter[axis] ?? 0) - covered;
    if (length === 0) return Math.max(0, Math.floor(room / stride) + 1);
    if (room < 0) {
      context.fail(
        `its window spans ${covered} places along spatial axis ${axis}, but the padded input has ${room + covered}`,
      );
    }
    if (!ceil) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    return (count - 1) * stride >= length + before ? count - 1 : count;
  });
  return { window: { ...window, padsBefore }, padsAfter, outputLengths };
}

/** The window of a transposed convolution, whose padding is cut off the result. */
export function transposedWindow(context: NodeContext, kernel: Shape): SlidingWindow {
  const lengths = spatialLengths(context);
  const rank = lengths.length;
  const window = unpadded(context, rank, kernel);
  const autoPad = autoPadOf(context);
  const extra = perAxis(context, 'output_padding', rank, 0, 0);
  const wanted = context.numbers('output_shape');
  if (wanted && wanted.length !== rank && wanted.length !== rank + 2) {
    context.fail(`output_shape is [${wanted}]; it needs ${rank} lengths`);
  }
  const [padsBefore, padsAfter] = padsOf(context, rank);
  const outputLengths = lengths.map((length, axis) => {
    const stride = window.strides[axis] ?? 1;
    const whole = (length - 1) * stride + (extra[axis] ?? 0) + span(window, axis);
    const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER';
    const target = wanted ? wanted.slice(-rank)[axis] : same ? length * stride : undefined;
    if (target !== undefined) {
      const total = Math.max(0, whole - target);
      const smaller = Math.floor(total / 2);
      padsBefore[axis] = autoPad === 'SAME_UPPER' ? smaller : total - smaller;
      padsAfter[axis] = total - (padsBefore[axis] ?? 0);
    } else if (autoPad === 'VALID') {
      padsBefore[axis] = 0;
      padsAfter[axis] = 0;
    }
    const count = target ?? whole - (padsBefore[axis] ?? 0) - (padsAfter[axis] ?? 0);
    if (length > 0 && (!Number.isSafeInteger(count) || count < 1)) {
      context.fail(`its result would have length ${count} along spatial axis ${axis}`);
    }
    return length === 0 ? 0 : count;
  });
  return { window: { ...window, padsBefore }, padsAfter, outputLengths };
}
