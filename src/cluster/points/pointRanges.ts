import { InvalidInput } from '../../base/errors.ts';
import { centreNear, type Frame, frameExponent, reach } from './frame.ts';
import { nonFinite, type PreparationOptions } from './pointSet.ts';

/** Where points lie. */
export interface PointRanges {
  readonly frame: Frame;
  /** Mean of each column. */
  readonly mean: Float64Array;
  /** Largest |coordinate| of each column in the frame. */
  readonly largest: Float64Array;
}

/**
 * The mean of each column, summed in row order, and its range, of points on the CPU: at once or piece by piece, with the
 * same bits.
 */
export class RangeSums {
  readonly #columnCount: number;
  readonly #what: string;
  readonly #sums: Float64Array;
  readonly #minimum: Float64Array;
  readonly #maximum: Float64Array;
  #rowCount = 0;

  constructor(columnCount: number, what: string) {
    this.#columnCount = columnCount;
    this.#what = what;
    this.#sums = new Float64Array(columnCount);
    this.#minimum = new Float64Array(columnCount).fill(Number.POSITIVE_INFINITY);
    this.#maximum = new Float64Array(columnCount).fill(Number.NEGATIVE_INFINITY);
  }

  /** Adds the next rows. @throws InvalidInput for a non-finite coordinate, with its row among all */
  add(data: Float32Array | Float64Array): void {
    const columnCount = this.#columnCount;
    const sums = this.#sums;
    const minimum = this.#minimum;
    const maximum = this.#maximum;
    const rowCount = data.length / columnCount;
    for (let row = 0, index = 0; row < rowCount; row++) {
      for (let column = 0; column < columnCount; column++, index++) {
        const value = data[index] as number;
        // Infinity − infinity and NaN − NaN are NaN.
        if (value - value !== 0) {
          throw nonFinite(this.#what, this.#rowCount * columnCount + index, columnCount, value);
        }
        sums[column] = (sums[column] as number) + value;
        if (value < (minimum[column] as number)) minimum[column] = value;
        if (value > (maximum[column] as number)) maximum[column] = value;
      }
    }
    this.#rowCount += rowCount;
  }

  /** The frame that all rows fit into. @throws InvalidInput for coordinates beyond 1e300 */
  finish(options: Pick<PreparationOptions, 'frame' | 'include'>): PointRanges {
    const minimum = this.#minimum;
    const maximum = this.#maximum;
    const mean = this.#sums.map((sum) => sum / this.#rowCount);
    const centre =
      options.frame?.centre ??
      mean.map((middle, column) => centreNear(middle, minimum[column] as number, maximum[column] as number));
    const distances = centre.map((middle, column) =>
      Math.max((maximum[column] as number) - middle, middle - (minimum[column] as number), 0),
    );
    const beyond = distances.findIndex((distance) => !(distance < 1e300));
    if (beyond >= 0) {
      throw new InvalidInput(
        `${this.#what}: column ${beyond} reaches from ${minimum[beyond]} to ${maximum[beyond]}; coordinates must be below 1e300 in sum. Rescale the data.`,
      );
    }
    const farthest = Math.max(
      distances.reduce((a, b) => Math.max(a, b)),
      options.include ? reach(options.include, centre) : 0,
    );
    const exponent = Math.min(frameExponent(farthest), options.frame?.exponent ?? Number.POSITIVE_INFINITY);
    return { frame: { centre, exponent }, mean, largest: distances.map((distance) => distance * 2 ** exponent) };
  }
}

/** Σ (2^exponent · (x − mean))² of each column, in row order: at once or piece by piece, with the same bits. */
export class VarianceSums {
  readonly #mean: Float64Array;
  readonly #scale: number;
  readonly #squares: Float64Array;

  constructor({ mean, frame }: PointRanges) {
    this.#mean = mean;
    this.#scale = 2 ** frame.exponent;
    this.#squares = new Float64Array(mean.length);
  }

  /** Adds the next rows. */
  add(data: Float32Array | Float64Array): void {
    const mean = this.#mean;
    const scale = this.#scale;
    const squares = this.#squares;
    const columnCount = mean.length;
    for (let index = 0; index < data.length; ) {
      for (let column = 0; column < columnCount; column++, index++) {
        const difference = ((data[index] as number) - (mean[column] as number)) * scale;
        squares[column] = (squares[column] as number) + difference * difference;
      }
    }
  }

  /** The mean over the columns of their population variance, in the frame. */
  mean(rowCount: number): number {
    return this.#squares.reduce((sum, square) => sum + square / rowCount, 0) / this.#squares.length;
  }
}
