import { elementCount, type Shape } from '../../base/shape.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { channelsLastOrder } from '../../nn/channelsLast.ts';
import { concatenate, move, viewOfTensor } from '../../nn/move.ts';
import {
  type BorderMode,
  divided,
  expanded,
  padded,
  type StridedView,
  shapeOfView,
  sliced,
  transposed,
  viewOf,
} from '../../nn/view.ts';
import { assertShapeOf, distinctAxes, hostInput, hostZeros, rearrangeOnHost, rearranging } from './rearrange.ts';

/** Axes in another order. */
export const Transpose: Operator = rearranging('Transpose', (context, source) => {
  const rank = source.axes.length;
  const permutation = context.numbers('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const isPermutation = permutation.length === rank && permutation.every((_, axis) => permutation.includes(axis));
  if (!isPermutation) context.fail(`[${permutation}] is not an order of ${rank} axes`);
  const view = transposed(source, permutation);
  return { view, shape: shapeOfView(view) };
});

interface SliceRange {
  readonly axis: number;
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

function sliceRanges(context: NodeContext, shape: Shape): SliceRange[] {
  const listed = (index: number, name: string): readonly number[] | undefined =>
    context.optionalIntegers(index) ?? context.numbers(name);
  const starts = listed(1, 'starts') ?? context.fail('it has no starts');
  const ends = listed(2, 'ends') ?? context.fail('it has no ends');
  const axes = listed(3, 'axes') ?? starts.map((_, axis) => axis);
  const steps = context.optionalIntegers(4) ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length)) {
    context.fail(`it has ${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps`);
  }
  return distinctAxes(context, axes, shape).map((axis, index) => {
    const length = shape[axis] ?? 0;
    const step = steps[index] ?? 1;
    if (step === 0) context.fail('a step of 0 leads nowhere');
    // Backwards, a slice may begin at the last element and end before the first.
    const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
    const place = (given: number): number => Math.max(low, Math.min(given < 0 ? given + length : given, high));
    const start = place(starts[index] ?? 0);
    const size = Math.max(Math.ceil((place(ends[index] ?? 0) - start) / step), 0);
    return { axis, start, size, step };
  });
}

/** A part of each axis, forwards or backwards. */
export const Slice: Operator = rearranging('Slice', (context, source) => {
  let view = source;
  for (const { axis, start, size, step } of sliceRanges(context, shapeOfView(source))) {
    view = sliced(view, axis, start, size, step);
  }
  return { view, shape: shapeOfView(view) };
});

/** Axes of length 1 repeated to the lengths of the given shape, where that is longer. */
export const Expand: Operator = rearranging('Expand', (context, source) => {
  const given = shapeOfView(source);
  const wanted = context.integers(1);
  const rank = Math.max(given.length, wanted.length);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [a, b] = [given[axis - rank + given.length] ?? 1, wanted[axis - rank + wanted.length] ?? 1];
    if (a !== b && a !== 1 && b !== 1) context.fail(`[${given}] cannot be broadcast with [${wanted}]`);
    return a === 1 ? b : a;
  });
  return { view: expanded(source, shape), shape };
});

/** Each axis repeated as a whole. */
export const Tile: Operator = rearranging('Tile', (context, source) => {
  const repeats = context.integers(1);
  const shape = shapeOfView(source);
  if (repeats.length !== shape.length) context.fail(`it has ${repeats.length} repeats for [${shape}]`);
  let view = source;
  repeats.forEach((count, axis) => {
    const length = shape[axis] ?? 0;
    if (count < 0) context.fail(`it repeats an axis ${count} times`);
    view = count === 0 ? sliced(view, axis, 0, 0) : padded(view, axis, 0, (count - 1) * length, 'wrap');
  });
  return { view, shape: shapeOfView(view) };
});

const borderModes: Readonly<Record<string, BorderMode>> = {
  constant: 'constant',
  edge: 'edge',
  reflect: 'reflect',
  wrap: 'wrap',
};

/** What an optional number in input `index` says. */
function optionalNumber(context: NodeContext, index: number): number | undefined {
  return context.optionalInput(index) && context.known(index).data[0];
}

/** Each axis made longer, or by negative counts shorter, at both ends. */
export const Pad: Operator = rearranging('Pad', (context, source) => {
  const shape = shapeOfView(source);
  const pads = context.optionalIntegers(1) ?? context.numbers('pads') ?? context.fail('it has no pads');
  const axes = distinctAxes(context, context.optionalIntegers(3) ?? shape.map((_, axis) => axis), shape);
  if (pads.length !== 2 * axes.length) context.fail(`it has ${pads.length} pads for ${axes.length} axes`);
  const given = context.text('mode', 'constant');
  const mode = borderModes[given] ?? context.fail(`there is no mode "${given}"`);
  const fill = optionalNumber(context, 2) ?? context.number('value', 0);
  let view: StridedView = { ...source, fill };
  axes.forEach((axis, index) => {
    const [before, after] = [pads[index] ?? 0, pads[index + axes.length] ?? 0];
    const [cutBefore, cutAfter] = [Math.max(-before, 0), Math.max(-after, 0)];
    const kept = (shape[axis] ?? 0) - cutBefore - cutAfter;
    if (kept < 0) context.fail(`it cuts ${cutBefore + cutAfter} elements off axis ${axis} of [${shape}]`);
    const [addedBefore, addedAfter] = [Math.max(before, 0), Math.max(after, 0)];
    if (kept === 0 && mode !== 'constant' && addedBefore + addedAfter > 0) {
      context.fail(`axis ${axis} of [${shape}] has no element to repeat in mode "${mode}"`);
    }
    view = padded(sliced(view, axis, cutBefore, kept), axis, addedBefore, addedAfter, mode);
  });
  return { view, shape: shapeOfView(view) };
});

function imageOf(context: NodeContext, { axes }: StridedView): { readonly block: number; readonly shape: number[] } {
  const block = context.number('blocksize') ?? context.fail('it has no blocksize');
  const shape = axes.map(({ size }) => size);
  if (shape.length !== 4) context.fail(`its input has shape [${shape}], not 4 axes`);
  if (!Number.isInteger(block) || block < 1) context.fail(`its blocksize is ${block}`);
  return { block, shape };
}

/** Channels spread over blocks of places. */
export const DepthToSpace: Operator = rearranging('DepthToSpace', (context, source) => {
  const { block, shape } = imageOf(context, source);
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const mode = context.text('mode', 'DCR');
  if (mode !== 'DCR' && mode !== 'CRD') context.fail(`there is no mode "${mode}"`);
  const depth = channels / block ** 2;
  if (!Number.isInteger(depth)) context.fail(`${channels} channels do not fill blocks of ${block} by ${block}`);
  const blockFirst = mode === 'DCR';
  const view = divided(source, 1, blockFirst ? [block, block, depth] : [depth, block, block]);
  return {
    view: transposed(view, blockFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]),
    shape: [batch, depth, height * block, width * block],
  };
});

/** Blocks of places gathered into channels. */
export const SpaceToDepth: Operator = rearranging('SpaceToDepth', (context, source) => {
  const { block, shape } = imageOf(context, source);
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const [rows, columns] = [height / block, width / block];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
    context.fail(`${height} by ${width} places do not divide into blocks of ${block} by ${block}`);
  }
  const view = divided(divided(source, 3, [columns, block]), 2, [rows, block]);
  return { view: transposed(view, [0, 3, 5, 1, 2, 4]), shape: [batch, channels * block ** 2, rows, columns] };
});

/** Lengths of the parts that a Split makes. */
function partsOf(context: NodeContext): { readonly axis: number; readonly lengths: readonly number[] } {
  const { shape } = context.input(0);
  const axis = context.axis(context.number('axis', 0), shape);
  const length = shape[axis] ?? 0;
  const outputCount = context.node.outputs.length;
  const listed = context.optionalIntegers(1) ?? context.numbers('split');
  if (listed) {
    const fits = listed.length === outputCount && listed.every((part) => Number.isInteger(part) && part >= 0);
    if (!fits || listed.reduce((sum, part) => sum + part, 0) !== length) {
      context.fail(`parts of [${listed}] do not make ${outputCount} outputs of axis ${axis} of [${shape}]`);
    }
    return { axis, lengths: listed };
  }
  const count = context.number('num_outputs', outputCount);
  if (count !== outputCount || count < 1) context.fail(`it has ${outputCount} outputs, but makes ${count} parts`);
  const part = Math.ceil(length / count);
  const last = length - part * (count - 1);
  const mayDiffer = context.opset >= 18;
  if (last < 0 || (last !== part && !mayDiffer)) context.fail(`axis ${axis} of [${shape}] has not ${count} parts`);
  return { axis, lengths: Array.from({ length: count }, (_, index) => (index < count - 1 ? part : last)) };
}

/** The parts of a view along an axis. */
function partViews(view: StridedView, { axis, lengths }: ReturnType<typeof partsOf>): StridedView[] {
  let start = 0;
  return lengths.map((length) => {
    const part = sliced(view, axis, start, length);
    start += length;
    return part;
  });
}

/** Consecutive parts of one axis, as several outputs. */
export const Split: Operator = {
  name: 'Split',
  domain: '',
  infer: (context) => {
    const { elementType, shape } = context.input(0);
    return partViews(viewOf(shape), partsOf(context)).map((view) => ({ elementType, shape: shapeOfView(view) }));
  },
  evaluate: (context, inputs) => {
    const source = hostInput(context, inputs, 0);
    return partViews(viewOf(source.shape), partsOf(context)).map((view) =>
      rearrangeOnHost(context, source, { view, shape: shapeOfView(view) }),
    );
  },
  record: ({ engine, context, tensor, heldChannelsLast, channelsLast }) => {
    if (heldChannelsLast(0)) {
      const held = channelsLast(0);
      const { axis, lengths } = partsOf(context);
      const parts = { axis: channelsLastOrder(held.shape.length).indexOf(axis), lengths };
      return partViews(viewOfTensor(held), parts).map((view) => ({
        channelsLast: move(engine, held, view, shapeOfView(view)),
      }));
    }
    const source = tensor(0);
    return partViews(viewOfTensor(source), partsOf(context)).map((view) =>
      move(engine, source, view, shapeOfView(view)),
    );
  },
  explain: () => 'one strided copy a part',
};

/** What a Concat of all inputs of a node makes. @throws MalformedModel */
export function concatenated(context: NodeContext): { readonly axis: number; readonly shape: number[] } {
  const { shape: first, elementType } = context.input(0);
  const axis = context.axis(context.number('axis') ?? context.fail('it names no axis'), first);
  let length = 0;
  for (let index = 0; index < context.inputCount; index++) {
    const { shape, elementType: type } = context.input(index);
    const fits = shape.length === first.length && shape.every((size, other) => other === axis || size === first[other]);
    if (!fits) context.fail(`[${shape}] does not continue [${first}] along axis ${axis}`);
    if (type !== elementType) context.fail(`${type} elements cannot continue ${elementType} ones`);
    length += shape[axis] ?? 0;
  }
  return { axis, shape: first.with(axis, length) };
}

/** The inputs one behind the other. */
export function concatenateOnHost(context: NodeContext, inputs: readonly (HostTensor | undefined)[]): HostTensor {
  const { axis, shape } = concatenated(context);
  const result = hostZeros(context, context.input(0).elementType, shape);
  const outer = elementCount(shape.slice(0, axis));
  const rowLength = elementCount(shape.slice(axis));
  let start = 0;
  for (const input of inputs) {
    if (!input) continue;
    const length = input.data.length / Math.max(outer, 1);
    for (let row = 0; row < outer; row++) {
      const part = input.data.subarray(row * length, (row + 1) * length);
      result.data.set(part as typeof part & ArrayLike<number>, row * rowLength + start);
    }
    start += length;
  }
  return result;
}

/** Inputs one behind the other along an axis. */
export const Concat: Operator = {
  name: 'Concat',
  domain: '',
  infer: (context) => {
    const { shape } = concatenated(context);
    assertShapeOf(context, shape);
    return [{ elementType: context.input(0).elementType, shape }];
  },
  evaluate: (context, inputs) => [concatenateOnHost(context, inputs)],
  record: ({ engine, context, tensor, heldChannelsLast, channelsLast }) => {
    const indices = Array.from({ length: context.inputCount }, (_, index) => index);
    const { axis, shape } = concatenated(context);
    if (indices.some(heldChannelsLast)) {
      const parts = indices.map(channelsLast);
      return [{ channelsLast: concatenate(engine, parts, channelsLastOrder(shape.length).indexOf(axis)) }];
    }
    return [concatenate(engine, indices.map(tensor), axis)];
  },
  explain: () => 'one copy an input',
};

export const layoutOperators: readonly Operator[] = [
  Transpose,
  Slice,
  Expand,
  Tile,
  Pad,
  DepthToSpace,
  SpaceToDepth,
  Split,
  Concat,
];
