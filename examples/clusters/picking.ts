import { toScreen } from './axesOverlay.ts';
import type { Cloud, PlottedAxis } from './cloud.ts';

/** Pixels within which a point counts as pointed at. */
const reach = 14;
/** Of points that are so much farther from the pointer, in pixels, the one in front is meant. */
const together = 2;

/** The row of the point that is pointed at, if any is. */
export function pointAt(
  { points }: Cloud,
  axes: readonly PlottedAxis[],
  matrix: Float32Array,
  size: { readonly width: number; readonly height: number },
  pointer: { readonly x: number; readonly y: number },
): number | undefined {
  const { data, rowCount, columnCount } = points;
  const [xAxis, yAxis, zAxis] = axes;
  /** Distance from the pointer, and from the eye. */
  const measure = (row: number): { far: number; depth: number } => {
    const along = (axis: PlottedAxis | undefined): number =>
      axis ? ((data[row * columnCount + axis.column] as number) - axis.middle) * axis.scale : 0;
    const { x, y, depth } = toScreen(matrix, [along(xAxis), along(yAxis), along(zAxis)], size);
    return { far: depth > 0 ? Math.hypot(x - pointer.x, y - pointer.y) : Number.POSITIVE_INFINITY, depth };
  };
  let chosen: number | undefined;
  let nearest = reach;
  for (let row = 0; row < rowCount; row++) {
    const { far } = measure(row);
    if (far < nearest) {
      nearest = far;
      chosen = row;
    }
  }
  if (chosen === undefined || axes.length < 3) return chosen;
  let front = Number.POSITIVE_INFINITY;
  for (let row = 0; row < rowCount; row++) {
    const { far, depth } = measure(row);
    if (far <= nearest + together && depth < front) {
      front = depth;
      chosen = row;
    }
  }
  return chosen;
}
