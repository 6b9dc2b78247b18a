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
    stride: 'u32',
    positions: 'u32',
    blockLength: 'u32',
    positionStep: 'u32',
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

/** Patches of a layer's inputs. */
export interface Patches {
  /** [groups, positions, stride]: in each row the inputs of an output position, a 1, and zeros up to a multiple of 4. */
  readonly rows: Tensor<'float32'>;
  /** Inputs of an output position. */
  readonly columns: number;
}

/** Positions that one invocation goes through. */
const blockLength = 16;
const workPerPosition = 15;
const workPerBlock = 100;

/**
 * The inputs that a layer multiplies each weight with, and a 1: rows whose products with themselves add up to the second
 * moments of the inputs, their sums and the number of positions.
 *
 * @param x [batch, channels, …spatial] for a window, else [..., inputs] of a matrix product
 * @param limit positions that are taken at most: see `positionStepOf`
 * @throws ShapeMismatch for an input that does not fit the window
 */
export function patches(engine: Engine, x: Tensor<'float32'>, window: PatchWindow | undefined, limit: number): Patches {
  const { groups, columns, all, ...places } = window ? windowPlaces(x.shape, window) : rowPlaces(x.shape);
  const positionStep = positionStepOf(all, limit, places.outputWidth);
  const positions = Math.ceil(all / positionStep);
  const stride = Math.ceil((columns + 1) / 4) * 4;
  const rows = engine.empty([groups, positions, stride], 'float32');
  const items = groups * Math.ceil(positions / blockLength) * stride;
  for (const { first, end, work } of workRuns(engine, items, blockLength * workPerPosition + workPerBlock, 64)) {
    engine.run(kernel, {
      uniforms: { start: first, end, columns, stride, positions, blockLength, positionStep, ...places },
      bindings: { x, goal: rows },
      workgroups: Math.ceil((end - first) / 64),
      work,
    });
  }
  return { rows, columns };
}

/**
 * How far apart the positions lie that are taken of all, in their order: the least step with which there are at most `limit`,
 * and which, where they make several lines, shares no factor with a line's length. So all parts of the lines have their turn.
 */
export function positionStepOf(all: number, limit: number, lineLength: number): number {
  let step = Math.max(Math.ceil(all / limit), 1);
  while (all > lineLength && commonFactor(step, lineLength) > 1) step++;
  return step;
}

const commonFactor = (a: number, b: number): number => (b === 0 ? a : commonFactor(b, a % b));

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
