import { InvalidInput, LimitExceeded, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { assertFloats, Tensor } from '../../gpu/tensor.ts';
import { toFrame } from './frame.ts';
import { RangeSums, VarianceSums } from './pointRanges.ts';
import { type PointPart, PointSet, type PreparationOptions, partRows } from './pointSet.ts';
import { prepareTensor } from './tensorPoints.ts';

/** Points on the CPU: row-major [rowCount, columnCount], all finite. */
export interface HostPoints {
  readonly data: Float32Array | Float64Array;
  readonly rowCount: number;
  readonly columnCount: number;
}

/** Points to cluster: one a row, on the CPU or on the GPU (shape [rows, columns]). */
export type PointSource = Tensor<'float32'> | HostPoints;

const largestColumnCount = 65_536;

/** Rows and columns of a source. @throws ShapeMismatch, InvalidInput, LimitExceeded, DisposedTensor */
export function shapeOf(
  source: PointSource,
  what: string,
): { readonly rowCount: number; readonly columnCount: number } {
  if (source instanceof Tensor) {
    assertFloats(source, what);
    const [rowCount, columnCount] = source.shape;
    if (source.shape.length !== 2 || rowCount === undefined || columnCount === undefined) {
      throw new ShapeMismatch(
        `${what}: points have shape [${source.shape}]; give one point a row, [rows, columns], for instance by reshape().`,
      );
    }
    return assertCounts(rowCount, columnCount, what);
  }
  assertHostPoints(source, what);
  return assertCounts(source.rowCount, source.columnCount, what);
}

/** Makes sure that points on the CPU, which may come from untyped code, are what they should be. @throws ShapeMismatch, InvalidInput */
export function assertHostPoints(source: HostPoints | undefined, what: string): void {
  // The name of the class is the same for arrays of other realms.
  const kind = source?.data?.[Symbol.toStringTag];
  if (!source || (kind !== 'Float32Array' && kind !== 'Float64Array')) {
    throw new InvalidInput(
      `${what}: the points' data is ${kind ?? 'no typed array'}; give { data, rowCount, columnCount } with a Float32Array or Float64Array, row by row, or a float32 tensor.`,
    );
  }
  const { data, rowCount, columnCount } = source;
  const lengthsAreWhole = [rowCount, columnCount].every((length) => Number.isSafeInteger(length) && length >= 0);
  if (!lengthsAreWhole || data.length !== rowCount * columnCount) {
    throw new ShapeMismatch(
      `${what}: ${data.length} numbers are not ${rowCount} rows of ${columnCount} columns; rowCount · columnCount must be the length of data.`,
    );
  }
}

/** @throws InvalidInput, LimitExceeded */
export function assertCounts(rowCount: number, columnCount: number, what: string) {
  if (rowCount === 0 || columnCount === 0) {
    throw new InvalidInput(
      `${what}: ${rowCount} points with ${columnCount} columns; give at least one point with at least one column.`,
    );
  }
  if (columnCount > largestColumnCount || rowCount >= 2 ** 31) {
    throw new LimitExceeded(
      `${what}: ${rowCount} points with ${columnCount} columns; at most 2,147,483,647 points and ${largestColumnCount} columns are possible. Reduce the dimensions, or cluster a sample and predict the rest.`,
    );
  }
  return { rowCount, columnCount };
}

function prepareHost(engine: Engine, source: HostPoints, what: string, options: PreparationOptions): PointSet {
  const { rowCount, columnCount } = source;
  const ranges = new RangeSums(columnCount, what);
  ranges.add(source.data);
  const plan = ranges.finish(options);
  const variances = new VarianceSums(plan);
  variances.add(source.data);
  const { frame } = plan;
  const statistics = { frame, largest: plan.largest, meanVariance: variances.mean(rowCount) };
  const parts: PointPart[] = [];
  try {
    const step = partRows(engine, columnCount, options.partBytes);
    for (let firstRow = 0; firstRow < rowCount; firstRow += step) {
      const count = Math.min(step, rowCount - firstRow);
      const framed = toFrame(source.data, frame, firstRow, count);
      const points = engine.allocate(framed.byteLength);
      parts.push({ firstRow, rowCount: count, points });
      engine.upload(points, new Uint8Array(framed.buffer));
    }
  } catch (error) {
    for (const { points } of parts) points.release();
    throw error;
  }
  return new PointSet(engine, source, statistics, parts);
}

/**
 * Brings points into a frame on the GPU: centred per column, never rescaled but by one power of two for all.
 * @param what the caller, for messages
 * @throws ShapeMismatch, InvalidInput for an empty set or a non-finite coordinate, LimitExceeded
 */
export async function preparePoints(
  engine: Engine,
  source: PointSource,
  what: string,
  options: PreparationOptions = {},
): Promise<PointSet> {
  const shape = shapeOf(source, what);
  if (!(source instanceof Tensor)) return prepareHost(engine, source, what, options);
  return prepareTensor(engine, source, shape, what, options);
}
