import { ShapeMismatch } from './errors.ts';

/** Lengths of the axes of a tensor, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** The product of the axis lengths: 1 for a scalar, 0 when any axis is empty. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Checks that every axis length is a non-negative safe integer.
 * @throws ShapeMismatch naming the axis.
 */
export function assertShape(shape: Shape, what: string): void {
  shape.forEach((length, axis) => {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new ShapeMismatch(
        `${what}: axis ${axis} of shape [${shape}] has length ${length}; lengths are whole numbers of at least 0.`,
      );
    }
  });
  if (!Number.isSafeInteger(elementCount(shape))) {
    throw new ShapeMismatch(
      `${what}: shape [${shape}] has more elements than a number can count; use a smaller shape.`,
    );
  }
}

/**
 * Resolves an axis given from the front (0 …) or from the back (−1 …).
 * @throws ShapeMismatch when it is out of range.
 */
export function resolveAxis(axis: number, shape: Shape, what: string): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= shape.length) {
    throw new ShapeMismatch(
      `${what}: axis ${axis} is outside shape [${shape}]; use ${-shape.length} … ${shape.length - 1}.`,
    );
  }
  return resolved;
}

/** A shape seen from one axis: `outer` blocks of `length` slices of `inner` elements each. */
export interface AxisView {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Splits a shape at `axis` (already resolved). */
export function splitAtAxis(shape: Shape, axis: number): AxisView {
  return {
    outer: elementCount(shape.slice(0, axis)),
    length: shape[axis] ?? 1,
    inner: elementCount(shape.slice(axis + 1)),
  };
}
