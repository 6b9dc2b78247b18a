import { InvalidInput } from '../base/errors.ts';
import { type ColumnSelection, parseColumns } from './columns.ts';
import { readCsv } from './csv.ts';
import { isNpy, type NpyData, readNpy } from './npy.ts';
import { isParquet, readParquet } from './parquet.ts';

export type PointsFormat = 'csv' | 'npy' | 'parquet';

export interface PointsOptions {
  /** Format of the bytes. Default: `npy` or `parquet` if they begin as such a file does, else `csv`. */
  readonly format?: PointsFormat;
  /** Columns to read, zero-based. Default: all. */
  readonly columns?: ColumnSelection;
  /** CSV only: whether the first line holds names. Default: detected. */
  readonly header?: boolean;
}

export interface Points {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Row-major [rowCount, columnCount]; float32 if the file holds float16 or float32, else float64. */
  readonly data: Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** Names of the columns, if the file has them. */
  readonly header?: readonly string[];
}

/**
 * Reads points from a CSV, a `.npy` or a Parquet file: one point a row. A `.npy` array has two dimensions, or one, which is
 * taken as one column. Non-finite values of `.npy` and Parquet files are kept for the estimator to report.
 *
 * @throws InvalidInput if the file is malformed, of another rank, without a row, or without the columns selected
 */
export async function readPoints(bytes: Uint8Array, options: PointsOptions = {}): Promise<Points> {
  const { columns, header } = options;
  const format = options.format ?? (isNpy(bytes) ? 'npy' : isParquet(bytes) ? 'parquet' : 'csv');
  if (format === 'csv') {
    return readCsv(bytes, { ...(columns !== undefined && { columns }), ...(header !== undefined && { header }) });
  }
  if (format === 'parquet') return readParquet(bytes, columns);
  return npyPoints(bytes, columns);
}

function npyPoints(bytes: Uint8Array, columns: ColumnSelection | undefined): Points {
  const { shape, data: stored } = readNpy(bytes);
  const { rowCount, width } = pointShape(shape);
  const numbers = toFloats(stored);
  if (columns === undefined) return { rowCount, columnCount: width, data: numbers };
  const selected = parseColumns(columns, width);
  return { rowCount, columnCount: selected.length, data: pickColumns(numbers, width, selected) };
}

/** Rows and columns of a `.npy` array of points. @throws InvalidInput unless it has one or two dimensions, none of them 0 */
export function pointShape(shape: readonly number[]): { readonly rowCount: number; readonly width: number } {
  const [rowCount, width = 1] = shape;
  if (rowCount === undefined || shape.length > 2 || rowCount === 0 || width === 0) {
    throw new InvalidInput(
      `The .npy array has the shape (${shape.join(', ')}); points need (rows, columns) or (rows,), neither of them 0. Reshape it.`,
    );
  }
  return { rowCount, width };
}

/** Columns of row-major numbers, in the order given. */
export function pickColumns(numbers: Points['data'], width: number, columns: readonly number[]): Points['data'] {
  const length = (numbers.length / width) * columns.length;
  const data = numbers instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  for (let row = 0, target = 0; target < length; row += width) {
    for (let column = 0; column < columns.length; column++, target++) {
      data[target] = numbers[row + (columns[column] as number)] as number;
    }
  }
  return data;
}

/**
 * Stored numbers as floats.
 * @param first index of the first of them, for messages
 * @throws InvalidInput for integers beyond float64
 */
export function toFloats(stored: NpyData, first = 0): Points['data'] {
  if (stored instanceof Float32Array || stored instanceof Float64Array) return stored;
  if (!(stored instanceof BigInt64Array || stored instanceof BigUint64Array)) return Float64Array.from(stored);
  const data = new Float64Array(stored.length);
  for (const [index, value] of stored.entries()) {
    data[index] = Number(value);
    if (!Number.isSafeInteger(data[index])) {
      throw new InvalidInput(
        `Element ${first + index} of the .npy array is ${value}; integers are exact in float64 up to ±(2^53 - 1). Scale the data.`,
      );
    }
  }
  return data;
}
