import { ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';

/**
 * The shape that all shapes are broadcast to, as in NumPy: aligned at the last axis, each axis equal or 1.
 * @throws ShapeMismatch
 */
export function broadcastShapes(...shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length), 0);
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = shapes.map((shape) => shape[axis + shape.length - rank] ?? 1);
    const length = lengths.find((found) => found !== 1) ?? 1;
    if (lengths.some((found) => found !== 1 && found !== length)) {
      throw new ShapeMismatch(
        `Shapes ${shapes.map((shape) => `[${shape}]`).join(' and ')} do not fit together: axes that meet, counted from the last, must be equal or 1.`,
      );
    }
    return length;
  });
}

/** How operands are walked along a shape that they are broadcast to: innermost axis first, as few axes as will do. */
export interface BroadcastAxes {
  readonly lengths: readonly number[];
  /** For each operand its step in elements along each axis: 0 where it is repeated. */
  readonly steps: readonly (readonly number[])[];
}

/** Merges adjacent axes along which every operand goes on, or is repeated, alike. */
export function broadcastAxes(shape: Shape, operands: readonly Shape[]): BroadcastAxes {
  const lengths: number[] = [];
  const repeated: boolean[][] = [];
  for (let back = 1; back <= shape.length; back++) {
    const length = shape.at(-back) ?? 1;
    if (length === 1) continue;
    const flags = operands.map((operand) => (operand.at(-back) ?? 1) === 1);
    const previous = repeated.at(-1);
    if (previous && flags.every((flag, index) => flag === previous[index])) {
      lengths.push((lengths.pop() ?? 1) * length);
    } else {
      lengths.push(length);
      repeated.push(flags);
    }
  }
  const steps = operands.map((_, operand) => {
    let step = 1;
    return lengths.map((length, axis) => {
      if (repeated[axis]?.[operand]) return 0;
      const own = step;
      step *= length;
      return own;
    });
  });
  return { lengths, steps };
}

/** Calls `visit` with the place in each operand for every element of the shape, in row-major order. */
export function forEachBroadcast(
  shape: Shape,
  operands: readonly Shape[],
  visit: (places: Int32Array, index: number) => void,
): void {
  const { lengths, steps } = broadcastAxes(shape, operands);
  const places = new Int32Array(operands.length);
  const coordinates = new Int32Array(lengths.length);
  const count = elementCount(shape);
  for (let index = 0; index < count; index++) {
    visit(places, index);
    for (let axis = 0; axis < lengths.length; axis++) {
      const length = lengths[axis] ?? 1;
      const coordinate = (coordinates[axis] ?? 0) + 1;
      const wraps = coordinate === length;
      coordinates[axis] = wraps ? 0 : coordinate;
      for (let operand = 0; operand < operands.length; operand++) {
        const step = steps[operand]?.[axis] ?? 0;
        places[operand] = (places[operand] ?? 0) + (wraps ? -step * (length - 1) : step);
      }
      if (!wraps) break;
    }
  }
}
