import type { Shape } from '../../base/shape.ts';
import { axesOf, type Window } from '../../conv/geometry.ts';

/** Where the windows of a pooling lie in a tensor [batch, channels, …spatial]. */
export interface HostPool {
  readonly xShape: Shape;
  readonly window: Window;
  readonly outputLengths: Shape;
  readonly padsAfter: readonly number[];
}

/** What one window covers. */
export interface Covered {
  /** Position of the first element of its plane. */
  readonly plane: number;
  /** Positions within the plane, in row-major order. */
  readonly positions: readonly number[];
  /** How many places it has in the input and the padding together. */
  readonly places: number;
}

/** Calls `visit` for the window of each element of the result, in row-major order. */
export function forEachWindow(pool: HostPool, visit: (covered: Covered, element: number) => void): void {
  const { xShape, window, outputLengths } = pool;
  const input = axesOf(xShape.slice(2), 1);
  const output = axesOf(outputLengths, 1);
  const [kernel, stride] = [axesOf(window.kernel, 1), axesOf(window.strides, 1)];
  const [dilation, before] = [axesOf(window.dilations, 1), axesOf(window.padsBefore, 0)];
  const after = axesOf(pool.padsAfter, 0);
  /** Coordinates of a window along an axis, those beyond the padding left out. */
  const along = (axis: keyof typeof input, index: number): number[] => {
    const coordinates: number[] = [];
    for (let tap = 0; tap < kernel[axis]; tap++) {
      const at = index * stride[axis] + tap * dilation[axis] - before[axis];
      if (at < input[axis] + after[axis]) coordinates.push(at);
    }
    return coordinates;
  };
  const inside = (axis: keyof typeof input, at: number): boolean => at >= 0 && at < input[axis];
  const size = input.depth * input.height * input.width;
  const planeCount = (xShape[0] ?? 0) * (xShape[1] ?? 0);
  let element = 0;
  for (let plane = 0; plane < planeCount; plane++) {
    for (let depth = 0; depth < output.depth; depth++) {
      const depths = along('depth', depth);
      for (let row = 0; row < output.height; row++) {
        const rows = along('height', row);
        for (let column = 0; column < output.width; column++) {
          const columns = along('width', column);
          const positions = depths
            .filter((d) => inside('depth', d))
            .flatMap((d) => rows.filter((r) => inside('height', r)).map((r) => (d * input.height + r) * input.width))
            .flatMap((line) => columns.filter((c) => inside('width', c)).map((c) => line + c));
          const places = depths.length * rows.length * columns.length;
          visit({ plane: plane * size, positions, places }, element++);
        }
      }
    }
  }
}
