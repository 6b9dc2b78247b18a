import { ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const kernel = declareKernel({
  name: 'calib/patches',
  uniforms: {
    start: 'u32',
    end: 'u32',
    columns: 'u32',
    positions: 'u32',
    positionStep: 'u32',
    goalColumnStride: 'u32',
    goalPositionStride: 'u32',
    channels: 'u32',
    height: 'u32',
    width: 'u32',
    batchStride: 'u32',
    channelStride: 'u32',
    rowStride: 'u32',
    columnStride: 'u32',
    outputHeight: 'u32',
    outputWidth: 'u32',
    kernelHeight: 'u32',
    kernelWidth: 'u32',
    strideHeight: 'u32',
    strideWidth: 'u32',
    dilationHeight: 'u32',
    dilationWidth: 'u32',
    padTop: 'i32',
    padLeft: 'i32',
  },
  bindings: { x: 'read', goal: 'write' },
});

/** The window of a convolution over one or two spatial axes, each list outermost first. */
export interface PatchWindow {
  readonly groups: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before and after each axis, or how the window finds it by itself. */
  readonly padding: { readonly before: readonly number[]; readonly after: readonly number[] } | 'upper' | 'lower';
}

/** How positions are taken, and the order of the axes. */
export interface PatchOptions {
  /** The greatest number of output positions, which lie evenly among all of the batch. */
  readonly positions: number;
  /** True for [groups, inputs + 1, positions]. */
  readonly transposed: boolean;
}

const workPerElement = 60;

/**
 * The inputs that a layer multiplies each weight with, and a column of ones: [groups, positions, inputs + 1], whose product
 * with itself transposed has the second moments of the inputs, their sums and the number of positions.
 *
 * @param x [batch, channels, …spatial] for a window, else [..., inputs] of a matrix product
 * @throws ShapeMismatch for an input that does not fit the window
 */
export function patches(
  engine: Engine,
  x: Tensor<'float32'>,
  window: PatchWindow | undefined,
  { positions: limit, transposed }: PatchOptions,
): Tensor<'float32'> {
  const { groups, columns, all, ...places } = window ? windowPlaces(x.shape, window) : rowPlaces(x.shape);
  const positionStep = Math.max(Math.ceil(all / limit), 1);
  const positions = Math.ceil(all / positionStep);
  const width = columns + 1;
  const goal = engine.empty(transposed ? [groups, width, positions] : [groups, positions, width], 'float32');
  for (const { first, end, work } of workRuns(engine, goal.size, workPerElement, 64)) {
    engine.run(kernel, {
      uniforms: {
        start: first,
        end,
        columns,
        positions,
        positionStep,
        goalColumnStride: transposed ? positions : 1,
        goalPositionStride: transposed ? 1 : width,
        ...places,
      },
      bindings: { x, goal },
      workgroups: Math.ceil((end - first) / 64),
      work,
    });
  }
  return goal;
}

/** Each row of a matrix product's left operand as a window of one place. */
function rowPlaces(shape: Shape) {
  const inputs = shape.at(-1) ?? 1;
  const rows = elementCount(shape.slice(0, -1));
  return {
    groups: 1,
    columns: inputs,
    all: rows,
    channels: inputs,
    height: 1,
    width: rows,
    batchStride: 0,
    channelStride: 1,
    rowStride: 0,
    columnStride: inputs,
    outputHeight: 1,
    outputWidth: Math.max(rows, 1),
    kernelHeight: 1,
    kernelWidth: 1,
    strideHeight: 1,
    strideWidth: 1,
    dilationHeight: 1,
    dilationWidth: 1,
    padTop: 0,
    padLeft: 0,
  };
}

function windowPlaces(shape: Shape, window: PatchWindow) {
  const [batch = 0, allChannels = 0, ...spatial] = shape;
  const { groups, kernel: lengths, strides, dilations } = window;
  if (spatial.length !== lengths.length || spatial.length > 2 || allChannels % groups !== 0) {
    throw new ShapeMismatch(
      `An input of shape [${shape}] does not fit a window of [${lengths}] in ${groups} groups; give one or two spatial axes, and channels that groups divide.`,
    );
  }
  const axes = spatial.map((length, axis) => {
    const [kernelLength = 1, stride = 1, dilation = 1] = [lengths[axis], strides[axis], dilations[axis]];
    const reach = (kernelLength - 1) * dilation + 1;
    const { before, after } = paddingOf(window.padding, axis, { length, reach, stride });
    const output = Math.max(Math.floor((length + before + after - reach) / stride) + 1, 0);
    return { length, kernelLength, stride, dilation, before, output };
  });
  const single = { length: 1, kernelLength: 1, stride: 1, dilation: 1, before: 0, output: 1 };
  const [rows = single, columns = single] = axes.length === 1 ? [single, ...axes] : axes;
  const channels = allChannels / groups;
  return {
    groups,
    columns: channels * rows.kernelLength * columns.kernelLength,
    all: batch * rows.output * columns.output,
    channels,
    height: rows.length,
    width: columns.length,
    batchStride: allChannels * rows.length * columns.length,
    channelStride: rows.length * columns.length,
    rowStride: columns.length,
    columnStride: 1,
    outputHeight: rows.output,
    outputWidth: columns.output,
    kernelHeight: rows.kernelLength,
    kernelWidth: columns.kernelLength,
    strideHeight: rows.stride,
    strideWidth: columns.stride,
    dilationHeight: rows.dilation,
    dilationWidth: columns.dilation,
    padTop: rows.before,
    padLeft: columns.before,
  };
}

function paddingOf(
  padding: PatchWindow['padding'],
  axis: number,
  { length, reach, stride }: { readonly length: number; readonly reach: number; readonly stride: number },
): { readonly before: number; readonly after: number } {
  if (typeof padding === 'object') return { before: padding.before[axis] ?? 0, after: padding.after[axis] ?? 0 };
  const total = Math.max((Math.ceil(length / stride) - 1) * stride + reach - length, 0);
  const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return padding === 'upper' ? { before: less, after: more } : { before: more, after: less };
}
