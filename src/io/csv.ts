import { InvalidInput } from '../base/errors.ts';
import { type ColumnSelection, parseColumns } from './columns.ts';
import { parseDecimal } from './decimal.ts';

export interface CsvOptions {
  /** Columns to read, zero-based; what the others hold does not matter. Default: all. */
  readonly columns?: ColumnSelection;
  /** Whether the first line holds names. Default: it does if it has text and no selected cell of it is a number. */
  readonly header?: boolean;
  /** Separator of cells. Default: the first of tab, semicolon, comma that the first line has outside quotes. */
  readonly separator?: ',' | ';' | '\t';
}

export interface CsvTable {
  readonly rowCount: number;
  /** Columns that were read. */
  readonly columnCount: number;
  /** Row-major [rowCount, columnCount]; every value is finite. */
  readonly data: Float64Array<ArrayBuffer>;
  /** Names of the columns that were read, if the file has a header. */
  readonly header?: readonly string[];
}

const newline = 10;
const carriageReturn = 13;
const quote = 34;

/**
 * Reads a table of numbers. Lines end in LF or CRLF; cells may be quoted (`""` is a quote, and separators and line ends
 * may stand inside); blank lines at the end are ignored; a byte order mark too.
 *
 * @param input UTF-8 bytes, or text
 * @throws InvalidInput with line (from 1) and column (from 0) for a selected cell that is not a finite number, a row with
 *   more or fewer cells than the first, an unclosed quote, and if there is no row
 */
export function readCsv(input: Uint8Array | string, options: CsvOptions = {}): CsvTable {
  const bytes = trim(typeof input === 'string' ? new TextEncoder().encode(input) : input);
  const separator = options.separator?.charCodeAt(0) ?? detectSeparator(bytes);
  const cursor = new Cursor(bytes, separator);
  if (bytes.length === 0) throw new InvalidInput('The CSV file is empty. It needs at least one row of numbers.');

  const first: Cell[] = [];
  do {
    cursor.next();
    first.push({ start: cursor.start, end: cursor.end, escaped: cursor.escaped });
  } while (!cursor.lineEnded);
  const columns = options.columns === undefined ? [...first.keys()] : parseColumns(options.columns, first.length);
  const names = columns.map((column) => cellText(bytes, first[column]));
  const hasHeader = options.header ?? looksLikeHeader(names);
  if (!hasHeader) cursor.restart();
  if (cursor.atEnd)
    throw new InvalidInput('The CSV file has a header but no row. It needs at least one row of numbers.');
  const header = hasHeader ? { header: names } : {};
  return { ...readRows(cursor, columns, first.length), ...header };
}

interface Cell {
  readonly start: number;
  readonly end: number;
  readonly escaped: boolean;
}

/** Walks over the cells of a file. */
class Cursor {
  /** The cell last read: its bytes are [start, end), without quotes around. */
  start = 0;
  end = 0;
  /** Whether that cell has doubled quotes inside. */
  escaped = false;
  /** Whether that cell was the last of its line. */
  lineEnded = true;
  /** The line on which that cell begins, from 1. */
  line = 0;
  private position = 0;
  private nextLine = 1;
  readonly bytes: Uint8Array;
  private readonly separator: number;

  constructor(bytes: Uint8Array, separator: number) {
    this.bytes = bytes;
    this.separator = separator;
  }

  get atEnd(): boolean {
    return this.lineEnded && this.position >= this.bytes.length;
  }

  restart(): void {
    this.position = 0;
    this.nextLine = 1;
    this.lineEnded = true;
  }

  next(): void {
    const { bytes, separator } = this;
    const { length } = bytes;
    this.line = this.nextLine;
    let position = this.position;
    if (bytes[position] === quote) {
      position = this.quoted(position + 1);
    } else {
      this.start = position;
      let byte = bytes[position];
      while (position < length && byte !== separator && byte !== newline) byte = bytes[++position];
      this.end =
        byte === newline && position > this.start && bytes[position - 1] === carriageReturn ? position - 1 : position;
      this.escaped = false;
    }
    this.lineEnded = position >= length || bytes[position] === newline;
    if (this.lineEnded) this.nextLine += 1;
    this.position = position + 1;
  }

  /** Reads a cell after its opening quote; the position of the separator or line end behind it. */
  private quoted(start: number): number {
    const { bytes } = this;
    this.escaped = false;
    let position = start;
    while (bytes[position] !== quote || bytes[position + 1] === quote) {
      if (position >= bytes.length) {
        throw new InvalidInput(
          `The quote that opens on line ${this.line} of the CSV file is never closed. Close it, or remove it.`,
        );
      }
      if (bytes[position] === newline) this.nextLine += 1;
      if (bytes[position] === quote) {
        this.escaped = true;
        position += 1;
      }
      position += 1;
    }
    this.start = start;
    this.end = position;
    position += 1;
    if (bytes[position] === carriageReturn && (bytes[position + 1] === newline || position + 1 === bytes.length))
      position += 1;
    if (position < bytes.length && bytes[position] !== this.separator && bytes[position] !== newline) {
      throw new InvalidInput(
        `On line ${this.line} of the CSV file, text follows a closing quote. Double a quote that stands inside a cell.`,
      );
    }
    return position;
  }
}

function readRows(cursor: Cursor, columns: readonly number[], cellCount: number): CsvTable {
  const columnCount = columns.length;
  // Where a cell's number goes within its row; −1 for a column that was not asked for.
  const targets = new Int32Array(cellCount).fill(-1);
  for (const [target, column] of columns.entries()) targets[column] = target;
  let data = new Float64Array(Math.max(1024, columnCount));
  let rowCount = 0;
  while (!cursor.atEnd) {
    const offset = rowCount * columnCount;
    if (offset + columnCount > data.length) {
      const larger = new Float64Array(data.length * 2);
      larger.set(data);
      data = larger;
    }
    let cell = 0;
    do {
      cursor.next();
      const target = targets[cell];
      if (target !== undefined && target >= 0) {
        const value = parseDecimal(cursor.bytes, cursor.start, cursor.end);
        if (!Number.isFinite(value)) throw notANumber(cursor, cell);
        data[offset + target] = value;
      }
      cell += 1;
    } while (!cursor.lineEnded);
    if (cell !== cellCount) {
      throw new InvalidInput(
        `Line ${cursor.line} of the CSV file has ${cell} cells; the first line has ${cellCount}. Every row needs the same number.`,
      );
    }
    rowCount += 1;
  }
  return { rowCount, columnCount, data: data.slice(0, rowCount * columnCount) };
}

function notANumber(cursor: Cursor, column: number): InvalidInput {
  const text = cellText(cursor.bytes, cursor);
  const remedy =
    cursor.line === 1
      ? 'If the first line is a header, say so (header); if the column holds no numbers, select others (columns).'
      : 'Correct the cell, or select the other columns (columns). Decimals take a point.';
  return new InvalidInput(
    `Line ${cursor.line}, column ${column} (from 0) of the CSV file is ${JSON.stringify(text.slice(0, 40))}, not a finite number. ${remedy}`,
  );
}

function cellText(bytes: Uint8Array, cell: Cell | undefined): string {
  if (!cell) return '';
  const text = new TextDecoder().decode(bytes.subarray(cell.start, cell.end));
  return cell.escaped ? text.replaceAll('""', '"') : text;
}

/** Text and no number; a missing value (`nan`) speaks for a row of data, and is then reported. */
function looksLikeHeader(names: readonly string[]): boolean {
  const trimmed = names.map((name) => name.trim());
  const isValue = (name: string) =>
    name !== '' && (!Number.isNaN(Number(name)) || /^[+-]?(nan|na|null|inf|infinity)$/i.test(name));
  return trimmed.some((name) => name !== '') && !trimmed.some(isValue);
}

function detectSeparator(bytes: Uint8Array): number {
  const candidates = [9, 59, 44];
  const seen = new Set<number>();
  let inQuotes = false;
  for (const byte of bytes) {
    if (byte === quote) inQuotes = !inQuotes;
    if (byte === newline && !inQuotes) break;
    if (!inQuotes && candidates.includes(byte)) seen.add(byte);
  }
  return candidates.find((candidate) => seen.has(candidate)) ?? 44;
}

/** Without the byte order mark and the line ends at the end. */
function trim(bytes: Uint8Array): Uint8Array {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let end = bytes.length;
  while (end > start && (bytes[end - 1] === newline || bytes[end - 1] === carriageReturn)) end -= 1;
  return bytes.subarray(start, end);
}
