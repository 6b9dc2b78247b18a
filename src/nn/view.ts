import { ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';

/** What stands beyond the ends of an axis: a number, its last element, its mirror image, or its other end. */
export type BorderMode = 'constant' | 'edge' | 'reflect' | 'wrap';

/** Coordinates of an axis that run beyond the source. */
export interface Border {
  /** Coordinate of the view at which the source begins. */
  readonly before: number;
  /** Length of the source along the axis. */
  readonly length: number;
  readonly mode: BorderMode;
}

/** One axis of a view. */
export interface ViewAxis {
  readonly size: number;
  /** Elements of the source from one coordinate to the next; 0 repeats one, negative numbers go backwards. */
  readonly stride: number;
  /** Undefined where every coordinate is inside the source. */
  readonly border?: Border;
}

/** A rearrangement of the elements of a source: the element at given coordinates is `offset` + Σ coordinate · stride. */
export interface StridedView {
  readonly offset: number;
  readonly axes: readonly ViewAxis[];
  /** Stands beyond borders of mode `constant`. */
  readonly fill: number;
}

/** @param rowLength elements from one row of the last axis to the next, where rows are padded. */
export function viewOf(shape: Shape, rowLength = shape.at(-1) ?? 1): StridedView {
  const axes: ViewAxis[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    axes.unshift({ size, stride });
    stride *= axis === shape.length - 1 ? rowLength : size;
  }
  return { offset: 0, axes, fill: 0 };
}

export function shapeOfView({ axes }: StridedView): number[] {
  return axes.map(({ size }) => size);
}

/** Axis `n` becomes what axis `permutation[n]` was. */
export function transposed(view: StridedView, permutation: readonly number[]): StridedView {
  return { ...view, axes: permutation.map((axis) => axisOf(view, axis)) };
}

/** `size` elements of an axis without border from `start` on, `step` apart. */
export function sliced(view: StridedView, axis: number, start: number, size: number, step = 1): StridedView {
  const { stride } = axisOf(view, axis);
  const offset = size > 0 ? view.offset + start * stride : view.offset;
  return { ...replaced(view, axis, [{ size, stride: stride * step }]), offset };
}

/** One axis as several, of which the last runs fastest. */
export function divided(view: StridedView, axis: number, sizes: readonly number[]): StridedView {
  const { size, stride } = axisOf(view, axis);
  if (elementCount(sizes) !== size) {
    throw new ShapeMismatch(`An axis of length ${size} cannot be divided into [${sizes}]; their product must be it.`);
  }
  const axes = sizes.map((part, index) => ({ size: part, stride: stride * elementCount(sizes.slice(index + 1)) }));
  return replaced(view, axis, axes);
}

/** Each element of an axis `count` times, along a new axis behind it. */
export function repeated(view: StridedView, axis: number, count: number): StridedView {
  return replaced(view, axis, [axisOf(view, axis), { size: count, stride: 0 }]);
}

/** Axes of length 1 repeated, and axes added in front, up to `shape`, which must fit. */
export function expanded(view: StridedView, shape: Shape): StridedView {
  const added = shape.length - view.axes.length;
  const axes = shape.map((size, axis) => {
    const found = axis < added ? { size: 1, stride: 0 } : axisOf(view, axis - added);
    if (found.size === size) return found;
    if (found.size === 1) return { size, stride: 0 };
    throw new ShapeMismatch(
      `[${shapeOfView(view)}] cannot be expanded to [${shape}]; each axis must have length 1 or that of the goal.`,
    );
  });
  return { ...view, axes };
}

/** An axis without border made longer at both ends by counts of at least 0. */
export function padded(view: StridedView, axis: number, before: number, after: number, mode: BorderMode): StridedView {
  if (before === 0 && after === 0) return view;
  const { size, stride } = axisOf(view, axis);
  const border = { before, length: size, mode };
  return replaced(view, axis, [{ size: before + size + after, stride, border }]);
}

/** Copies the elements that a view shows, in row-major order. */
export function copyView(view: StridedView, source: ArrayLike<number>, goal: { [index: number]: number }): void {
  const { axes, fill } = view;
  const last = axes.length - 1;
  let position = 0;
  const visit = (axis: number, index: number): void => {
    const { size, stride, border } = axes[axis] ?? { size: 1, stride: 0 };
    for (let coordinate = 0; coordinate < size; coordinate++) {
      const inside = border ? placeInside(coordinate - border.before, border) : coordinate;
      const next = inside < 0 ? Number.NaN : index + inside * stride;
      if (axis < last) visit(axis + 1, next);
      else goal[position++] = Number.isNaN(next) ? fill : (source[next] ?? 0);
    }
  };
  visit(0, view.offset);
}

/** The coordinate of the source that stands at `coordinate`; −1 for none. */
function placeInside(coordinate: number, { length, mode }: Border): number {
  if (coordinate >= 0 && coordinate < length) return coordinate;
  if (mode === 'constant' || length === 0) return -1;
  if (mode === 'edge') return coordinate < 0 ? 0 : length - 1;
  if (mode === 'wrap') return ((coordinate % length) + length) % length;
  const period = Math.max(2 * (length - 1), 1);
  const folded = Math.abs(coordinate) % period;
  return Math.min(folded, Math.abs(period - folded), length - 1);
}

/** The same elements with fewer axes: those of length 1 are dropped, and neighbours joined where one runs on in the other. */
export function simplified(view: StridedView): StridedView {
  const axes: ViewAxis[] = [];
  for (const axis of view.axes) {
    if (axis.size === 1 && !axis.border) continue;
    const outer = axes.at(-1);
    const joins = outer && !outer.border && !axis.border && outer.stride === axis.stride * axis.size;
    if (joins) axes[axes.length - 1] = { size: outer.size * axis.size, stride: axis.stride };
    else axes.push(axis);
  }
  return { ...view, axes };
}

function axisOf(view: StridedView, axis: number): ViewAxis {
  const found = view.axes[axis];
  if (found) return found;
  throw new ShapeMismatch(`A view of shape [${shapeOfView(view)}] has no axis ${axis}; use an axis that it has.`);
}

function replaced(view: StridedView, axis: number, axes: readonly ViewAxis[]): StridedView {
  return { ...view, axes: [...view.axes.slice(0, axis), ...axes, ...view.axes.slice(axis + 1)] };
}
