import { InvalidInput } from '../base/errors.ts';
import { type ByteSource, byteSourceOf } from './byteSource.ts';
import { type ColumnSelection, parseColumns } from './columns.ts';

/** A table of numbers out of a Parquet file. */
export interface ParquetTable {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Row-major [rowCount, columnCount]. */
  readonly data: Float64Array<ArrayBuffer>;
  /** Names of the columns that were read. */
  readonly header: readonly string[];
}

const magic = [0x50, 0x41, 0x52, 0x31];

/** Whether bytes begin as a Parquet file does (`PAR1`). */
export function isParquet(bytes: Uint8Array): boolean {
  return bytes.length >= 12 && magic.every((byte, index) => bytes[index] === byte);
}

/** A Parquet file of flat columns, plain or Snappy-compressed (format of Apache Parquet), read by ranges of rows. */
export interface ParquetRows {
  readonly rowCount: number;
  /** Names of the columns that are read. */
  readonly header: readonly string[];
  /** Rows of each row group: what is decoded at a time. */
  readonly groupRows: readonly number[];
  /**
   * The rows from `first` to `end`, row-major [end − first, columns].
   * @throws InvalidInput if a value is null, no number, or an integer beyond ±(2^53 − 1), or the file is malformed
   */
  readRows(first: number, end: number): Promise<Float64Array<ArrayBuffer>>;
}

/**
 * Opens a Parquet file by its metadata.
 *
 * @param selection columns by position, zero-based; all unless given
 * @throws InvalidInput if the file is malformed, has no row, no column, or nested columns
 */
export async function openParquet(file: ByteSource, selection?: ColumnSelection): Promise<ParquetRows> {
  const { parquetMetadataAsync, parquetRead, parquetSchema } = await import('hyparquet');
  const described = async () => {
    const metadata = await parquetMetadataAsync(file);
    return { metadata, children: parquetSchema(metadata).children };
  };
  const { metadata, children } = await described().catch(asInvalid);
  const nested = children.find((child) => child.children.length > 0);
  if (nested) {
    throw new InvalidInput(
      `The Parquet column "${nested.element.name}" is nested; points need flat columns of numbers. Flatten it.`,
    );
  }
  const names = children.map((child) => child.element.name);
  const header = (selection === undefined ? [...names.keys()] : parseColumns(selection, names.length)).map(
    (column) => names[column] ?? '',
  );
  const rowCount = Number(metadata.num_rows);
  if (rowCount === 0 || header.length === 0) {
    throw new InvalidInput('The Parquet file has no row or no column. It needs at least one row of numbers.');
  }
  const places = new Map(header.map((name, column) => [name, column]));
  return {
    rowCount,
    header,
    groupRows: metadata.row_groups.map((group) => Number(group.num_rows)),
    async readRows(first, end) {
      const table = new NumberTable(first, end, header.length);
      await parquetRead({
        file,
        metadata,
        columns: [...header],
        rowStart: first,
        rowEnd: end,
        onChunk: ({ columnName, columnData, rowStart }) =>
          table.fill(places.get(columnName) ?? 0, columnData, rowStart),
      }).catch(asInvalid);
      return table.finish(header);
    },
  };
}

/**
 * Reads columns of numbers from a Parquet file with flat columns, plain or Snappy-compressed.
 *
 * @param selection columns by position, zero-based; all unless given
 * @throws InvalidInput as `openParquet` and its `readRows`
 */
export async function readParquet(bytes: Uint8Array, selection?: ColumnSelection): Promise<ParquetTable> {
  const { rowCount, header, readRows } = await openParquet(byteSourceOf(bytes, 'The Parquet file'), selection);
  return { rowCount, columnCount: header.length, data: await readRows(0, rowCount), header };
}

/** Rows that are filled in column by column. */
class NumberTable {
  readonly #first: number;
  readonly #end: number;
  readonly #columnCount: number;
  readonly #data: Float64Array<ArrayBuffer>;
  #filled = 0;
  /** The first value that is no number, in row-major order. */
  #fault: { readonly row: number; readonly column: number; readonly value: unknown } | undefined;

  constructor(first: number, end: number, columnCount: number) {
    this.#first = first;
    this.#end = end;
    this.#columnCount = columnCount;
    this.#data = new Float64Array((end - first) * columnCount);
  }

  /** Takes values of a column, those of other rows too. Does not throw: the reader would not notice. */
  fill(column: number, values: ArrayLike<unknown>, rowStart: number): void {
    const from = Math.max(this.#first, rowStart);
    const to = Math.min(this.#end, rowStart + values.length);
    for (let row = from; row < to; row++) {
      const value = values[row - rowStart];
      const number = numberOf(value);
      this.#filled++;
      if (number === undefined) this.#fail(row, column, value);
      else this.#data[(row - this.#first) * this.#columnCount + column] = number;
    }
  }

  /** @throws InvalidInput */
  finish(header: readonly string[]): Float64Array<ArrayBuffer> {
    if (this.#fault) {
      const { row, column, value } = this.#fault;
      throw new InvalidInput(
        `Row ${row} of the Parquet column "${header[column]}" is ${String(value).slice(0, 40)}; points need numbers, integers within ±(2^53 - 1). Select other columns, or fill the gaps.`,
      );
    }
    if (this.#filled < this.#data.length) asInvalid('columns differ in length');
    return this.#data;
  }

  #fail(row: number, column: number, value: unknown): void {
    const fault = this.#fault;
    if (!fault || row < fault.row || (row === fault.row && column < fault.column)) this.#fault = { row, column, value };
  }
}

function asInvalid(cause: unknown): never {
  throw new InvalidInput(
    `The Parquet file could not be read: ${cause instanceof Error ? cause.message : cause}. Write it plain or with Snappy.`,
    { cause },
  );
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}
