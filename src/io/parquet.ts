import { InvalidInput } from '../base/errors.ts';
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

/**
 * Reads columns of numbers from a Parquet file with flat columns, plain or Snappy-compressed (format of Apache Parquet).
 *
 * @param selection columns by position, zero-based; all unless given
 * @throws InvalidInput if the file is malformed, has no row, or a value is null, no number, or an integer beyond ±(2^53 − 1)
 */
export async function readParquet(bytes: Uint8Array, selection?: ColumnSelection): Promise<ParquetTable> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const file = bytes.slice().buffer;
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
  const rows = await parquetReadObjects({ file, metadata, columns: header }).catch(asInvalid);
  const columnCount = header.length;
  const data = new Float64Array(rowCount * columnCount);
  for (const [row, cells] of rows.entries()) {
    for (const [column, name] of header.entries()) data[row * columnCount + column] = numberOf(cells[name], row, name);
  }
  return { rowCount, columnCount, data, header };
}

function asInvalid(cause: unknown): never {
  throw new InvalidInput(
    `The Parquet file could not be read: ${cause instanceof Error ? cause.message : cause}. Write it plain or with Snappy.`,
    { cause },
  );
}

function numberOf(value: unknown, row: number, name: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  throw new InvalidInput(
    `Row ${row} of the Parquet column "${name}" is ${String(value).slice(0, 40)}; points need numbers, integers within ±(2^53 - 1). Select other columns, or fill the gaps.`,
  );
}
