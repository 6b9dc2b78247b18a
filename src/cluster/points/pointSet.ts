import { InvalidInput } from '../../base/errors.ts';
import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { exponentAbove, type Frame } from './frame.ts';
import type { WholeWeights } from './weights.ts';

/** Consecutive rows in one buffer: f32 in the frame's coordinates, each row padded with zeros to whole vec4f. */
export interface PointPart {
  readonly firstRow: number;
  readonly rowCount: number;
  readonly points: Allocation;
}

/** What a set of points is made of, before its limits are known to hold. */
export interface PointStatistics {
  readonly frame: Frame;
  /** Largest |coordinate| of each column in the frame. */
  readonly largest: Float64Array;
  /** Mean over the columns of their population variance, in the frame. */
  readonly meanVariance: number;
}

/** How points are to be prepared. */
export interface PreparationOptions {
  /** A frame to keep to, as far as the points allow: its centre is kept, its exponent is lowered if they are beyond it. */
  readonly frame?: Frame;
  /** Row-major coordinates of further points that must fit into the frame. */
  readonly include?: Float64Array;
  /** Most bytes of one part; default 256 MiB, or the adapter's largest binding. */
  readonly partBytes?: number;
}

/** Parts begin at multiples of this many rows: their per-row words then begin at multiples of 256 bytes. */
const rowGranularity = 1024;
/** Fixed-point bits of one coordinate in the update step. */
const fixedPointBits = 30;

/** Exponent of each column whose largest |coordinate| is given: |x| · 2^exponent is below 2^30. */
export function fixedPointExponents(largest: Float64Array): Int32Array<ArrayBuffer> {
  return Int32Array.from(largest, (value) => Math.min(126, fixedPointBits - exponentAbove(value)));
}

/** Weights, and the same numbers on the GPU, one word a row. */
export interface PointWeights extends WholeWeights {
  readonly allocation: Allocation;
}

/** Points on the GPU, ready for the kernels of this folder. Holds GPU memory until `release()`. */
export class PointSet {
  readonly engine: Engine;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly frame: Frame;
  readonly meanVariance: number;
  /** Power of two of each column's fixed-point numbers: |x| · 2^exponent is below 2^30. */
  readonly exponents: Int32Array<ArrayBuffer>;
  /** Largest |coordinate| of all columns in the frame, before rounding to f32. */
  readonly largestCoordinate: number;
  readonly parts: readonly PointPart[];
  #weights: PointWeights | undefined;

  constructor(
    engine: Engine,
    shape: { readonly rowCount: number; readonly columnCount: number },
    statistics: PointStatistics,
    parts: readonly PointPart[],
  ) {
    this.engine = engine;
    this.rowCount = shape.rowCount;
    this.columnCount = shape.columnCount;
    this.frame = statistics.frame;
    this.meanVariance = statistics.meanVariance;
    this.exponents = fixedPointExponents(statistics.largest);
    this.largestCoordinate = statistics.largest.reduce((a, b) => Math.max(a, b), 0);
    this.parts = parts;
  }

  /** vec4f of one row. */
  get rowVectors(): number {
    return Math.ceil(this.columnCount / 4);
  }

  /** Floats of one row, padding included. */
  get rowFloats(): number {
    return this.rowVectors * 4;
  }

  /** What the points weigh; all the same unless there is anything. */
  get weights(): PointWeights | undefined {
    return this.#weights;
  }

  /** Gives the points weights. */
  weigh(weights: WholeWeights): void {
    const allocation = this.engine.allocate(this.rowCount * 4);
    this.engine.upload(allocation, new Uint8Array(weights.values.slice().buffer));
    this.#weights = { ...weights, allocation };
  }

  release(): void {
    for (const { points } of this.parts) points.release();
    this.#weights?.allocation.release();
  }
}

/** The error for a number that is NaN or infinite, by its index in row-major order. */
export function nonFinite(what: string, index: number, columnCount: number, value?: number): InvalidInput {
  const row = Math.floor(index / columnCount);
  return new InvalidInput(
    `${what}: row ${row}, column ${index % columnCount} is ${value ?? 'not finite'}; all coordinates must be finite. Remove or replace such rows.`,
  );
}

/** Rows of each part, such that it and everything that has a word a row can be bound. */
export function partRows(engine: Engine, columnCount: number, partBytes = 256 << 20): number {
  const bytes = Math.min(partBytes, engine.device.limits.maxStorageBufferBindingSize);
  const rows = Math.floor(bytes / (Math.ceil(columnCount / 4) * 16));
  return Math.max(rowGranularity, Math.floor(rows / rowGranularity) * rowGranularity);
}
