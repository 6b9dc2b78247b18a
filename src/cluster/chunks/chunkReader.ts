import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { PointChunk, PointChunks } from '../../base/pointChunks.ts';
import { type Frame, toFrame } from '../points/frame.ts';
import { assertCounts } from '../points/points.ts';

/** A chunk, and the number of its first row among all. */
export interface PlacedChunk extends PointChunk {
  readonly firstRow: number;
}

/** Rows in a frame, on their way to the GPU. */
export interface FramedChunk {
  readonly firstRow: number;
  readonly rowCount: number;
  /** [rowCount][rowFloats], overwritten by the next chunk. */
  readonly framed: Float32Array<ArrayBuffer>;
}

/** What the first reading has shown. */
interface Contents {
  readonly rowCount: number;
  readonly checksum: number;
}

const largestRowCount = 2 ** 31 - 1;

/** Goes on with a checksum of 32-bit words: that of a whole does not depend on how it is cut. */
function checksumOf(before: number, { buffer, byteOffset, byteLength }: Float32Array | Float64Array): number {
  const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  let checksum = before;
  for (let index = 0; index < words.length; index++) {
    // The step of FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo, 1991), with words in place of bytes.
    checksum = Math.imul(checksum ^ (words[index] as number), 0x01000193);
  }
  return checksum;
}

/** Reads chunks over and over, and makes sure that they are the same points each time. */
export class ChunkReader {
  readonly columnCount: number;
  /** The caller, for messages. */
  readonly what: string;
  readonly #source: PointChunks;
  readonly #signal: AbortSignal | undefined;
  #contents: Contents | undefined;

  /** @throws InvalidInput, LimitExceeded for an impossible number of columns */
  constructor(source: PointChunks, what: string, signal?: AbortSignal) {
    assertCounts(1, source.columnCount, what);
    this.columnCount = source.columnCount;
    this.#source = source;
    this.what = what;
    this.#signal = signal;
  }

  /** All rows; 0 before they were read once. */
  get rowCount(): number {
    return this.#contents?.rowCount ?? 0;
  }

  /**
   * Reads all rows, each chunk while the one before it is worked on.
   * @throws ShapeMismatch for a chunk of another width, InvalidInput for no rows and for other rows than at first,
   * LimitExceeded for too many, Aborted
   */
  async *chunks(): AsyncGenerator<PlacedChunk> {
    const iterator = this.#source.chunks()[Symbol.asyncIterator]();
    const next = (): Promise<IteratorResult<PointChunk>> => {
      const result = iterator.next();
      // Whoever has stopped reading does not care how the chunk after that turns out.
      result.catch(() => undefined);
      return result;
    };
    let checksum = 0;
    let firstRow = 0;
    let ended = false;
    try {
      let coming = next();
      for (;;) {
        const { value: chunk, done } = await coming;
        ended = done === true;
        if (ended) break;
        coming = next();
        throwIfAborted(this.#signal);
        this.#assertChunk(chunk, firstRow);
        checksum = checksumOf(checksum, chunk.data);
        yield { data: chunk.data, rowCount: chunk.rowCount, firstRow };
        firstRow += chunk.rowCount;
      }
    } finally {
      if (!ended) iterator.return?.().catch(() => undefined);
    }
    this.#conclude({ rowCount: firstRow, checksum });
  }

  /** Reads all rows into a frame, `capacity` at a time whatever the chunks are. */
  async *framed(frame: Frame, capacity: number): AsyncGenerator<FramedChunk> {
    const rowFloats = Math.ceil(this.columnCount / 4) * 4;
    const staged = new Float32Array(capacity * rowFloats);
    let filled = 0;
    let begin = 0;
    const stagedChunk = (): FramedChunk => ({
      firstRow: begin,
      rowCount: filled,
      framed: staged.subarray(0, filled * rowFloats),
    });
    for await (const { data, rowCount } of this.chunks()) {
      for (let row = 0; row < rowCount; ) {
        const taken = Math.min(rowCount - row, capacity - filled);
        toFrame(data, frame, row, taken, staged.subarray(filled * rowFloats));
        row += taken;
        filled += taken;
        if (filled < capacity) continue;
        yield stagedChunk();
        begin += filled;
        filled = 0;
      }
    }
    if (filled > 0) yield stagedChunk();
  }

  /** The coordinates of one row: at once where the source can, else by reading up to it. */
  async readRow(row: number): Promise<Float32Array | Float64Array> {
    const { columnCount } = this;
    if (this.#source.readRows) {
      throwIfAborted(this.#signal);
      const data = await this.#source.readRows(row, 1);
      if (data.length === columnCount) return data;
      throw new ShapeMismatch(
        `${this.what}: row ${row}, read alone, has ${data.length} numbers instead of ${columnCount}; readRows(first, count) has to return count · columnCount numbers.`,
      );
    }
    for await (const { data, rowCount, firstRow } of this.chunks()) {
      const within = row - firstRow;
      if (within < rowCount) return data.slice(within * columnCount, (within + 1) * columnCount);
    }
    throw this.#changed(`it ended before row ${row}`);
  }

  #assertChunk({ data, rowCount }: PointChunk, firstRow: number): void {
    const { columnCount } = this;
    if (!Number.isSafeInteger(rowCount) || rowCount < 0 || data.length !== rowCount * columnCount) {
      throw new ShapeMismatch(
        `${this.what}: the chunk from row ${firstRow} on has ${data.length} numbers, which are not ${rowCount} rows of ${columnCount} columns; every chunk must have rowCount · columnCount numbers.`,
      );
    }
    const rows = firstRow + rowCount;
    if (rows > largestRowCount) assertCounts(rows, columnCount, this.what);
    if (this.#contents && rows > this.#contents.rowCount) {
      throw this.#changed(`it has more than ${this.#contents.rowCount} rows`);
    }
  }

  #conclude(contents: Contents): void {
    const { rowCount, checksum } = contents;
    assertCounts(rowCount, this.columnCount, this.what);
    const stated = this.#source.rowCount;
    if (stated !== undefined && stated !== rowCount) {
      throw new InvalidInput(
        `${this.what}: the chunks have ${rowCount} rows, but ${stated} were announced; let rowCount be what chunks() yields, or leave it out.`,
      );
    }
    if (this.#contents && this.#contents.rowCount !== rowCount) throw this.#changed(`it has ${rowCount} rows`);
    if (this.#contents && this.#contents.checksum !== checksum) throw this.#changed('its numbers differ');
    this.#contents ??= contents;
  }

  #changed(how: string): InvalidInput {
    return new InvalidInput(
      `${this.what}: the source is not the same as when it was first read, with ${this.rowCount} rows: ${how}. Points are read several times; chunks() has to yield the same rows each time.`,
    );
  }
}
