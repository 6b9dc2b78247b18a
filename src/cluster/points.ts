import { InvalidInput, LimitExceeded, ShapeMismatch } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { assertFloats, Tensor } from '../gpu/tensor.ts';
import { centreNear, frameExponent, reach, toFrame } from './frame.ts';
import { nonFinite, type PointPart, PointSet, type PreparationOptions, partRows } from './pointSet.ts';
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
  const { data, rowCount, columnCount } = source;
  const lengthsAreWhole = [rowCount, columnCount].every((length) => Number.isSafeInteger(length) && length >= 0);
  if (!lengthsAreWhole || data.length !== rowCount * columnCount) {
    throw new ShapeMismatch(
      `${what}: ${data.length} numbers are not ${rowCount} rows of ${columnCount} columns; rowCount · columnCount must be the length of data.`,
    );
  }
  return assertCounts(rowCount, columnCount, what);
}

function assertCounts(rowCount: number, columnCount: number, what: string) {
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

interface HostRanges {
  readonly mean: Float64Array;
  readonly centre: Float64Array;
  readonly largest: Float64Array;
}

/** The mean of each column, summed in row order, the centre near it, and the largest distance from the centre. */
function rangesOf({ data, rowCount, columnCount }: HostPoints, what: string, given?: Float64Array): HostRanges {
  const sums = new Float64Array(columnCount);
  const minimum = new Float64Array(columnCount).fill(Number.POSITIVE_INFINITY);
  const maximum = new Float64Array(columnCount).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0, index = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++, index++) {
      const value = data[index] as number;
      // Infinity − infinity and NaN − NaN are NaN.
      if (value - value !== 0) throw nonFinite(what, index, columnCount, value);
      sums[column] = (sums[column] as number) + value;
      if (value < (minimum[column] as number)) minimum[column] = value;
      if (value > (maximum[column] as number)) maximum[column] = value;
    }
  }
  const mean = sums.map((sum) => sum / rowCount);
  const centre =
    given ?? mean.map((middle, column) => centreNear(middle, minimum[column] as number, maximum[column] as number));
  const largest = centre.map((middle, column) =>
    Math.max((maximum[column] as number) - middle, middle - (minimum[column] as number), 0),
  );
  const beyond = largest.findIndex((distance) => !(distance < 1e300));
  if (beyond >= 0) {
    throw new InvalidInput(
      `${what}: column ${beyond} reaches from ${minimum[beyond]} to ${maximum[beyond]}; coordinates must be below 1e300 in sum. Rescale the data.`,
    );
  }
  return { mean, centre, largest };
}

/** The mean over the columns of Σ (scale · (x − mean))² / rows. */
function meanVarianceOf({ data, rowCount, columnCount }: HostPoints, mean: Float64Array, scale: number): number {
  const squares = new Float64Array(columnCount);
  for (let row = 0, index = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++, index++) {
      const difference = ((data[index] as number) - (mean[column] as number)) * scale;
      squares[column] = (squares[column] as number) + difference * difference;
    }
  }
  return squares.reduce((sum, square) => sum + square / rowCount, 0) / columnCount;
}

function prepareHost(engine: Engine, source: HostPoints, what: string, options: PreparationOptions): PointSet {
  const { rowCount, columnCount } = source;
  const { mean, centre, largest } = rangesOf(source, what, options.frame?.centre);
  const farthest = Math.max(
    largest.reduce((a, b) => Math.max(a, b)),
    options.include ? reach(options.include, centre) : 0,
  );
  const exponent = Math.min(frameExponent(farthest), options.frame?.exponent ?? Number.POSITIVE_INFINITY);
  const frame = { centre, exponent };
  const statistics = {
    frame,
    largest: largest.map((distance) => distance * 2 ** exponent),
    meanVariance: meanVarianceOf(source, mean, 2 ** exponent),
  };
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
