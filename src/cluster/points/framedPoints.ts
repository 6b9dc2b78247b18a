import { Tensor } from '../../gpu/tensor.ts';
import type { Frame } from './frame.ts';
import { RangeSums } from './pointRanges.ts';
import { type PointSource, shapeOf } from './points.ts';

/** Points on the CPU in the coordinates of a frame, in float64. */
export interface FramedPoints {
  /** Row-major [rowCount, columnCount], below 1 in magnitude. */
  readonly coordinates: Float64Array<ArrayBuffer>;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly frame: Frame;
}

/**
 * Brings points into a frame on the CPU; a tensor is read back.
 * @throws ShapeMismatch, InvalidInput for an empty set or a non-finite coordinate, LimitExceeded
 */
export async function framePoints(source: PointSource, what: string): Promise<FramedPoints> {
  const { rowCount, columnCount } = shapeOf(source, what);
  const data = source instanceof Tensor ? await source.read() : source.data;
  const ranges = new RangeSums(columnCount, what);
  ranges.add(data);
  const { frame } = ranges.finish({});
  const { centre } = frame;
  const scale = 2 ** frame.exponent;
  const coordinates = new Float64Array(data.length);
  for (let index = 0; index < data.length; ) {
    for (let column = 0; column < columnCount; column++, index++) {
      coordinates[index] = ((data[index] as number) - (centre[column] as number)) * scale;
    }
  }
  return { coordinates, rowCount, columnCount, frame };
}
