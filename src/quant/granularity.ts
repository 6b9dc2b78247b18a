import { InvalidQuantization } from '../base/errors.ts';
import { elementCount, resolveAxis, type Shape, splitAtAxis } from '../base/shape.ts';

/**
 * Which elements of a tensor share one scale and one zero point. For shape [4, 6]:
 * - `perTensor()`: all 24; one parameter, shape [].
 * - `perChannel(1)`: each of the 6 columns its own; parameters of shape [6]. `perChannel(0)`: each of the 4 rows; [4].
 * - `perGroup(1, 4)`: each row in runs of 4, the last one shorter; parameters of shape [4, 2] (ONNX's blocks).
 */
export type Granularity =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'channel'; readonly axis: number }
  | { readonly kind: 'group'; readonly axis: number; readonly size: number };

/** One scale and zero point for the whole tensor. */
export function perTensor(): Granularity {
  return { kind: 'tensor' };
}

/** One scale and zero point for each coordinate on `axis`; a negative axis counts from the last. */
export function perChannel(axis: number): Granularity {
  return { kind: 'channel', axis };
}

/** One scale and zero point for each run of `size` elements along `axis`; a negative axis counts from the last. */
export function perGroup(axis: number, size: number): Granularity {
  return { kind: 'group', axis, size };
}

/**
 * A granularity applied to a shape. The element at [outer, coordinate, inner], where `axisLength` and `innerCount` are
 * the lengths of the last two, has the parameter
 * outer · outerStep + ⌊coordinate / groupSize⌋ · groupStep + inner · innerStep.
 */
export interface ParameterMap {
  /** Shape of scales and zero points. */
  readonly shape: Shape;
  /** Number of parameters. */
  readonly count: number;
  readonly outerCount: number;
  readonly axisLength: number;
  readonly innerCount: number;
  /** Coordinates on the axis that share a parameter. */
  readonly groupSize: number;
  readonly outerStep: number;
  readonly groupStep: number;
  readonly innerStep: number;
}

/**
 * Where the parameters of each element of a tensor of `shape` are.
 * @throws ShapeMismatch when the axis is outside the shape, InvalidQuantization when a group's size is not a whole
 * number of at least 1.
 */
export function mapParameters(granularity: Granularity, shape: Shape): ParameterMap {
  if (granularity.kind === 'tensor') {
    const all = { outerCount: 1, axisLength: elementCount(shape), innerCount: 1, groupSize: 0xffffffff };
    return { shape: [], count: 1, ...all, outerStep: 0, groupStep: 0, innerStep: 0 };
  }
  const axis = resolveAxis(granularity.axis, shape, `per ${granularity.kind}`);
  const { outer, length, inner } = splitAtAxis(shape, axis);
  const view = { outerCount: outer, axisLength: length, innerCount: inner };
  if (granularity.kind === 'channel') {
    return { shape: [length], count: length, ...view, groupSize: 1, outerStep: 0, groupStep: 1, innerStep: 0 };
  }
  const { size } = granularity;
  if (!Number.isInteger(size) || size < 1 || size > 0xffffffff) {
    throw new InvalidQuantization(`per group: a group cannot have ${size} elements; use a whole number of at least 1.`);
  }
  const groups = Math.ceil(length / size);
  const parameterShape = shape.map((extent, index) => (index === axis ? groups : extent));
  return {
    shape: parameterShape,
    count: elementCount(parameterShape),
    ...view,
    groupSize: size,
    outerStep: groups * inner,
    groupStep: inner,
    innerStep: 1,
  };
}

/** Index of the parameter of an element, by its place in row-major order. */
export function parameterOf(map: ParameterMap, element: number): number {
  const rest = Math.floor(element / map.innerCount);
  const group = Math.floor((rest % map.axisLength) / map.groupSize);
  const outer = Math.floor(rest / map.axisLength);
  return outer * map.outerStep + group * map.groupStep + (element % map.innerCount) * map.innerStep;
}
