import type { DType } from '../../base/dtype.ts';
import { UnsupportedOperator } from '../../base/errors.ts';
import { elementCount, type Shape, splitAtAxis } from '../../base/shape.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { channelsLastOrder, channelsLastShape } from '../../nn/channelsLast.ts';
import { gather } from '../../nn/gather.ts';
import { interpolate } from '../../nn/interpolate.ts';
import { move, reshape, viewOfTensor } from '../../nn/move.ts';
import {
  type AxisTaps,
  axisTaps,
  type CoordinateMode,
  keepsAxis,
  type NearestRounding,
  type ResampledAxis,
  type ResamplingOptions,
} from '../../nn/resampling.ts';
import { repeated, type StridedView, sliced } from '../../nn/view.ts';
import { GridSample } from './gridSample.ts';
import { assertShapeOf, distinctAxes, hostInput, hostZeros } from './rearrange.ts';

const modes = ['nearest', 'linear', 'cubic'] as const;
const coordinateModes: readonly CoordinateMode[] = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'tf_half_pixel_for_nn',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
];
const roundings: readonly NearestRounding[] = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];
const policies = ['stretch', 'not_larger', 'not_smaller'] as const;

function oneOf<T extends string>(context: NodeContext, name: string, allowed: readonly T[], fallback: T): T {
  const given = context.text(name, fallback);
  return allowed.find((value) => value === given) ?? context.fail(`there is no ${name} "${given}"`);
}

/** Where the sizes of the result come from: they differ between the operators and their versions. */
interface ResizeInputs {
  /** Whether the node follows a version from before coordinates and roundings could be chosen. */
  readonly early: boolean;
  readonly scales: readonly number[] | undefined;
  readonly sizes: readonly number[] | undefined;
  readonly region: readonly number[] | undefined;
}

function resizeInputs(context: NodeContext): ResizeInputs {
  const numbers = (index: number): readonly number[] | undefined => {
    const listed = context.optionalIntegers(index);
    return listed && listed.length > 0 ? listed : undefined;
  };
  if (context.opset < 11 || context.node.operator === 'Upsample') {
    return { early: true, scales: numbers(1) ?? context.numbers('scales'), sizes: undefined, region: undefined };
  }
  return { early: false, region: numbers(1), scales: numbers(2), sizes: numbers(3) };
}

function optionsOf(context: NodeContext, early: boolean): ResamplingOptions {
  return {
    mode: oneOf(context, 'mode', modes, 'nearest'),
    coordinates: early ? 'asymmetric' : oneOf(context, 'coordinate_transformation_mode', coordinateModes, 'half_pixel'),
    rounding: early ? 'truncate' : oneOf(context, 'nearest_mode', roundings, 'round_prefer_floor'),
    cubicCoefficient: context.number('cubic_coeff_a', -0.75),
    excludeOutside: context.number('exclude_outside', 0) !== 0,
    antialias: context.number('antialias', 0) !== 0,
  };
}

/** The axes as they are resampled; undefined for those that are not mentioned. */
function resampledAxes(context: NodeContext, inputs: ResizeInputs): (ResampledAxis | undefined)[] {
  const { shape } = context.input(0);
  const { scales, sizes, region } = inputs;
  const axes = distinctAxes(context, context.numbers('axes') ?? shape.map((_, axis) => axis), shape);
  const listed = scales ?? sizes ?? context.fail('it has neither scales nor sizes');
  if (scales && sizes) context.fail('it has both scales and sizes');
  if (listed.length !== axes.length) context.fail(`it has ${listed.length} scales or sizes for ${axes.length} axes`);
  if (region && region.length !== 2 * axes.length) {
    context.fail(`its region has ${region.length} numbers for ${axes.length} axes`);
  }
  const lengthOf = (axis: number): number => shape[axis] ?? 0;
  const given = axes.map((axis, index) => {
    const inputLength = lengthOf(axis);
    const number = listed[index] ?? 0;
    const scale = scales ? number : inputLength === 0 ? 1 : Math.fround(number / inputLength);
    if (!(scale > 0) && number !== 0) context.fail(`a scale of ${scale} leads nowhere`);
    const scaledLength = scales ? Math.fround(Math.fround(number) * inputLength) : number;
    const outputLength = Math.floor(scaledLength);
    if (inputLength === 0 && outputLength > 0) context.fail(`axis ${axis} of [${shape}] has nothing to resize`);
    const [start, end] = [region?.[index] ?? 0, region?.[index + axes.length] ?? 1];
    return { axis, resampled: { inputLength, outputLength, scaledLength, scale, start, end } };
  });
  const policy = oneOf(context, 'keep_aspect_ratio_policy', policies, 'stretch');
  const choose = policy === 'not_larger' ? Math.min : Math.max;
  const common = choose(...given.map(({ resampled }) => resampled.scale));
  const result: (ResampledAxis | undefined)[] = shape.map(() => undefined);
  for (const { axis, resampled } of given) {
    const outputLength = Math.round(Math.fround(common * resampled.inputLength));
    result[axis] =
      sizes && policy !== 'stretch'
        ? { ...resampled, scale: common, outputLength, scaledLength: outputLength }
        : resampled;
  }
  return result;
}

interface AxisPass {
  readonly axis: number;
  readonly taps: AxisTaps;
}

interface ResizePlan {
  readonly shape: Shape;
  /** What changes, axes that get shorter first. */
  readonly passes: readonly AxisPass[];
  readonly options: ResamplingOptions;
  /** Stands for what lies outside of the source. */
  readonly outside: number;
  /** Whether elements are copied, not computed. */
  readonly copies: boolean;
}

function resizePlan(context: NodeContext): ResizePlan {
  const { shape } = context.input(0);
  const inputs = resizeInputs(context);
  const options = optionsOf(context, inputs.early);
  const axes = resampledAxes(context, inputs);
  const goal = shape.map((length, axis) => axes[axis]?.outputLength ?? length);
  assertShapeOf(context, goal);
  const passes = axes.flatMap((resampled, axis): AxisPass[] => {
    if (!resampled || elementCount(goal) === 0) return [];
    const taps = axisTaps(options, resampled);
    return keepsAxis(taps, resampled.inputLength) ? [] : [{ axis, taps }];
  });
  const growth = ({ axis }: AxisPass): number => (goal[axis] ?? 0) / (shape[axis] ?? 1);
  passes.sort((a, b) => growth(a) - growth(b));
  const copies = passes.every(({ taps }) => taps.count === 1 && taps.indices.every((index) => index >= 0));
  return { shape: goal, passes, options, outside: context.number('extrapolation_value', 0), copies };
}

function resampleOnHost(
  source: ArrayLike<number>,
  shape: Shape,
  { axis, taps }: AxisPass,
  outside: number,
): Float64Array {
  const { outer, length, inner } = splitAtAxis(shape, axis);
  const goalLength = taps.indices.length / taps.count;
  const result = new Float64Array(outer * goalLength * inner);
  for (let position = 0; position < result.length; position++) {
    const slice = Math.floor(position / inner);
    const first = (slice % goalLength) * taps.count;
    const start = Math.floor(slice / goalLength) * length * inner + (position % inner);
    let sum = 0;
    for (let tap = first; tap < first + taps.count; tap++) {
      sum += (taps.weights[tap] ?? 0) * (source[start + (taps.indices[tap] ?? 0) * inner] ?? 0);
    }
    result[position] = (taps.indices[first] ?? 0) < 0 ? outside : sum;
  }
  return result;
}

function resizeOnHost(context: NodeContext, source: HostTensor): HostTensor {
  const { shape, passes, outside } = resizePlan(context);
  const result = hostZeros(context, source.elementType, shape);
  let [values, at]: [ArrayLike<number>, Shape] = [source.data, source.shape];
  if (elementCount(shape) === 0) return result;
  for (const pass of passes) {
    values = resampleOnHost(values, at, pass, outside);
    at = at.with(pass.axis, pass.taps.indices.length / pass.taps.count);
  }
  result.data.set(values as ArrayLike<number> & number[]);
  return result;
}

/** An axis whose elements are each repeated as often, or taken at even steps, as a view; undefined for any other. */
function regularView(view: StridedView, { axis, taps: { indices } }: AxisPass): StridedView | undefined {
  const length = view.axes[axis]?.size ?? 0;
  const count = indices.length / length;
  if (Number.isInteger(count) && indices.every((index, place) => index === Math.floor(place / count))) {
    return repeated(view, axis, count);
  }
  const [first = 0, second = first] = indices;
  const isEven = indices.every((index, place) => index === first + place * (second - first));
  return isEven ? sliced(view, axis, first, indices.length, second - first) : undefined;
}

function copyNearest<D extends DType>(engine: Engine, source: Tensor<D>, { shape, passes }: ResizePlan): Tensor<D> {
  let view = viewOfTensor(source);
  const others: AxisPass[] = [];
  let goal = source.shape;
  // From the back, so that repeating adds no axis before those to come.
  for (const pass of passes.toSorted((a, b) => b.axis - a.axis)) {
    const regular = regularView(view, pass);
    if (regular) {
      view = regular;
      goal = goal.with(pass.axis, pass.taps.indices.length);
    } else others.push(pass);
  }
  let result = others.length < passes.length ? move(engine, source, view, goal) : source.reshape(goal);
  for (const { axis, taps } of others) {
    using indices = engine.tensor(taps.indices, [taps.indices.length]);
    using before = result;
    result = gather(engine, before, indices, axis);
  }
  using last = result;
  return reshape(engine, last, shape);
}

function resizing(name: string): Operator {
  return {
    name,
    domain: '',
    infer: (context) => [{ elementType: context.input(0).elementType, shape: resizePlan(context).shape }],
    evaluate: (context, inputs) => [resizeOnHost(context, hostInput(context, inputs, 0))],
    record: ({ engine, context, tensor, heldChannelsLast, channelsLast }) => {
      const plan = resizePlan(context);
      if (plan.copies && heldChannelsLast(0) && elementCount(plan.shape) > 0) {
        const order = channelsLastOrder(plan.shape.length);
        const passes = plan.passes.map((pass) => ({ ...pass, axis: order.indexOf(pass.axis) }));
        const last = { ...plan, shape: channelsLastShape(plan.shape), passes };
        return [{ channelsLast: copyNearest(engine, channelsLast(0), last) }];
      }
      const source = tensor(0);
      if (elementCount(plan.shape) === 0) return [engine.empty(plan.shape, source.dtype)];
      if (plan.copies) return [copyNearest(engine, source, plan)];
      if (source.dtype !== 'float32') {
        throw new UnsupportedOperator(
          `${name} node "${context.node.name}" interpolates ${context.input(0).elementType} elements; only float32 ones are interpolated. Cast before and after it.`,
        );
      }
      let result = (source as Tensor<'float32'>).reshape(source.shape);
      for (const { axis, taps } of plan.passes) {
        using before = result;
        result = interpolate(engine, before, axis, taps, plan.outside);
      }
      return [result];
    },
    explain: (context) => {
      const { passes, copies } = resizePlan(context);
      if (passes.length === 0) return 'nothing is moved: every size stays';
      return copies
        ? 'copies of the nearest elements'
        : `weighted sums along ${passes.length} axes, one after the other`;
    },
  };
}

/** A tensor of other lengths, by the nearest element or by interpolation. */
export const Resize: Operator = resizing('Resize');

/** What Resize was before operator set 10. */
export const Upsample: Operator = resizing('Upsample');

export const resizeOperators: readonly Operator[] = [Resize, Upsample, GridSample];
