import type { Cloud, PlottedAxis } from './cloud.ts';

/** Pixels within which a point counts as pointed at. */
const reach = 14;
/** Of points that are so much farther from the pointer, in pixels, the one in front is meant. */
const together = 2;

/** A linear function of the columns that are drawn. */
interface Linear {
  readonly factors: readonly [x: number, y: number, z: number];
  readonly constant: number;
}

/** A row of the matrix, for coordinates as the points have them. */
function linearOf(matrix: Float32Array, row: number, axes: readonly PlottedAxis[]): Linear {
  const factor = (position: number): number => (matrix[row + 4 * position] ?? 0) * (axes[position]?.scale ?? 0);
  const factors = [factor(0), factor(1), factor(2)] as const;
  const constant = factors.reduce(
    (sum, one, position) => sum - one * (axes[position]?.middle ?? 0),
    matrix[row + 12] ?? 0,
  );
  return { factors, constant };
}

/**
 * The row of the point that is pointed at, if any is.
 *
 * @param matrix from the plot's coordinates to clip space
 * @param size of the canvas, in CSS pixels
 * @param pointer likewise
 */
export function pointAt(
  { points }: Cloud,
  axes: readonly PlottedAxis[],
  matrix: Float32Array,
  size: { readonly width: number; readonly height: number },
  pointer: { readonly x: number; readonly y: number },
): number | undefined {
  const { data, rowCount, columnCount } = points;
  const [xColumn = 0, yColumn = 0, zColumn = 0] = axes.map(({ column }) => column);
  const across = linearOf(matrix, 0, axes);
  const up = linearOf(matrix, 1, axes);
  const depth = linearOf(matrix, 3, axes);
  const valueAt = ({ factors, constant }: Linear, first: number): number =>
    factors[0] * (data[first + xColumn] as number) +
    factors[1] * (data[first + yColumn] as number) +
    factors[2] * (data[first + zColumn] as number) +
    constant;
  const [middleX, middleY] = [size.width / 2, size.height / 2];
  /** Distance from the pointer, in pixels. */
  const distanceOf = (row: number): number => {
    const first = row * columnCount;
    const eye = valueAt(depth, first);
    if (eye <= 0) return Number.POSITIVE_INFINITY;
    const x = (1 + valueAt(across, first) / eye) * middleX;
    const y = (1 - valueAt(up, first) / eye) * middleY;
    return Math.sqrt((x - pointer.x) ** 2 + (y - pointer.y) ** 2);
  };
  let chosen: number | undefined;
  let nearest = reach;
  for (let row = 0; row < rowCount; row++) {
    const distance = distanceOf(row);
    if (distance < nearest) {
      nearest = distance;
      chosen = row;
    }
  }
  if (chosen === undefined || axes.length < 3) return chosen;
  let front = Number.POSITIVE_INFINITY;
  for (let row = 0; row < rowCount; row++) {
    if (distanceOf(row) > nearest + together) continue;
    const eye = valueAt(depth, row * columnCount);
    if (eye < front) {
      front = eye;
      chosen = row;
    }
  }
  return chosen;
}
