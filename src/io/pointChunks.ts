import { InvalidInput } from '../base/errors.ts';
import type { PointChunks } from '../base/pointChunks.ts';
import { type ByteSource, type BytesFrom, byteSourceOf } from './byteSource.ts';
import { type ColumnSelection, parseColumns } from './columns.ts';
import { decodeNpy, isNpy, readNpyHeader } from './npy.ts';
import { isParquet, openParquet } from './parquet.ts';
import { type Points, pickColumns, pointShape, toFloats } from './points.ts';

export interface PointChunkOptions {
  /** Columns to read, zero-based. Default: all. */
  readonly columns?: ColumnSelection;
  /** Rows of a chunk of a `.npy` file, at least 1; default: as many as 4 MiB hold. Parquet files are read by row groups. */
  readonly chunkRows?: number;
}

/** Enough for the header of any array that NumPy writes. */
const headerBytes = 1 << 17;
const defaultChunkBytes = 4 << 20;

/**
 * The points of a `.npy` or Parquet file, one a row, read chunk by chunk and as often as needed. A `.npy` array in Fortran
 * order is read column by column.
 *
 * @param from a File or another Blob (`fs.openAsBlob` in Node), bytes, or anything that reads ranges of bytes
 * @throws InvalidInput if the file is malformed, of another format or rank, without a row, or without the columns selected
 */
export async function pointChunks(from: BytesFrom, options: PointChunkOptions = {}): Promise<PointChunks> {
  const source = byteSourceOf(from, 'The file of points');
  const beginning = new Uint8Array(await source.slice(0, Math.min(headerBytes, source.byteLength)));
  if (isParquet(beginning)) return parquetChunks(source, options.columns);
  if (isNpy(beginning)) return npyChunks(source, beginning, options);
  throw new InvalidInput(
    'The file is neither .npy nor Parquet; only those are read chunk by chunk. Convert it, with numpy.save for instance.',
  );
}

function npyChunks(source: ByteSource, beginning: Uint8Array, options: PointChunkOptions): PointChunks {
  const header = readNpyHeader(beginning, source.byteLength);
  const { itemBytes, dataOffset, fortranOrder } = header;
  const { rowCount, width } = pointShape(header.shape);
  const columns = parseColumns(options.columns ?? [...Array(width).keys()], width);
  const elements = async (first: number, count: number): Promise<Points['data']> => {
    const start = dataOffset + first * itemBytes;
    return toFloats(decodeNpy(header, await source.slice(start, start + count * itemBytes)), first);
  };
  const readRows = async (first: number, count: number): Promise<Points['data']> => {
    if (!fortranOrder) {
      const numbers = await elements(first * width, count * width);
      return options.columns === undefined ? numbers : pickColumns(numbers, width, columns);
    }
    const read = await Promise.all(columns.map((column) => elements(column * rowCount + first, count)));
    const rows =
      read[0] instanceof Float32Array ? new Float32Array(count * read.length) : new Float64Array(count * read.length);
    for (const [column, numbers] of read.entries()) {
      for (let row = 0; row < count; row++) rows[row * read.length + column] = numbers[row] as number;
    }
    return rows;
  };
  const step = Math.max(1, Math.floor(options.chunkRows ?? defaultChunkBytes / (width * itemBytes)));
  return {
    columnCount: columns.length,
    rowCount,
    readRows,
    async *chunks() {
      for (let first = 0; first < rowCount; first += step) {
        const count = Math.min(step, rowCount - first);
        yield { data: await readRows(first, count), rowCount: count };
      }
    },
  };
}

async function parquetChunks(source: ByteSource, columns: ColumnSelection | undefined): Promise<PointChunks> {
  const { rowCount, header, groupRows, readRows } = await openParquet(source, columns);
  return {
    columnCount: header.length,
    rowCount,
    readRows: (first, count) => readRows(first, first + count),
    async *chunks() {
      let first = 0;
      for (const count of groupRows) {
        yield { data: await readRows(first, first + count), rowCount: count };
        first += count;
      }
    },
  };
}
