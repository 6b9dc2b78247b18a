import { LimitExceeded } from '../../base/errors.ts';
import { nonFinite } from '../points/pointSet.ts';
import type { HostPoints } from '../points/points.ts';

/** Most columns of points that are put into cells. */
export const mostGridColumns = 3;

/** Points sorted into the cells of a grid, as `shaders/cluster/dbscan.wgsl` reads them. */
export interface DbscanGrid {
  /** [points] (x, y, z within the cell as bits of float32, in sides of a cell; cell). */
  readonly points: Uint32Array<ArrayBuffer>;
  /** [cells + 1] (x, y, z, first position), in the order of (z, y, x); the last one holds the count of points. */
  readonly cells: Uint32Array<ArrayBuffer>;
  readonly cellCount: number;
  /** [cells][lines], where the cells around each begin on each line of them. */
  readonly runs: Uint32Array<ArrayBuffer>;
  readonly lineCount: number;
  /** The row of each position. */
  readonly order: Uint32Array<ArrayBuffer>;
  /** Row-major coordinates by position. */
  readonly originals: Float64Array<ArrayBuffer>;
  /** epsilon² in sides² of a cell. */
  readonly limit: number;
  /** Largest difference between a float32 of the squared distance of two points, in sides², and the true one near `limit`. */
  readonly bound: number;
  /** Points that the cell of a point holds, on average over the points. */
  readonly meanOccupancy: number;
}

interface Axis {
  /** Cell of each row. */
  readonly cells: Uint32Array<ArrayBuffer>;
  /** Where the row is within it. */
  readonly places: Float32Array<ArrayBuffer>;
  /** Largest coordinate, in sides, that was divided into cell and place: its float64 has an error of 2^-52 of it. */
  readonly extent: number;
}

/** Cells are this much smaller than they could be: no rounding makes two points of one cell no neighbours. */
const sideMargin = 2 ** -20;
/** Cells to either side in which neighbours may be. */
export const gridReach = 2;
/** Extents of up to so many sides leave float64 exact enough for float32 places. */
const exactExtent = 2 ** 20;
/** Beyond so many sides, the error of a float64 quotient would exceed the margin. */
const largestExtent = 2 ** 29;
const digitBits = 11;

/** Sorts points of up to three columns into cells whose diagonal is just below epsilon. @throws InvalidInput, LimitExceeded */
export function buildGrid(source: HostPoints, epsilon: number, what: string): DbscanGrid {
  const { data, rowCount, columnCount } = source;
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (!Number.isFinite(value)) throw nonFinite(what, index, columnCount, value);
  }
  const side = (epsilon / Math.sqrt(columnCount)) * (1 - sideMargin);
  const axes = Array.from({ length: columnCount }, (_, column) => divide(source, column, side, what));
  const order = axes.reduce<Uint32Array<ArrayBuffer>>(
    (sorted, { cells }) => sortBy(sorted, cells),
    Uint32Array.from({ length: rowCount }, (_, row) => row),
  );

  const points = new Uint32Array(rowCount * 4);
  const places = new Float32Array(points.buffer);
  const originals = new Float64Array(rowCount * columnCount);
  const cells = new Uint32Array((rowCount + 1) * 4);
  let cellCount = 0;
  let squares = 0;
  for (let position = 0, first = 0; position < rowCount; position++) {
    const row = order[position] as number;
    if (position === 0 || !areTogether(axes, row, order[position - 1] as number)) {
      for (let column = 0; column < columnCount; column++) {
        cells[cellCount * 4 + column] = (axes[column] as Axis).cells[row] as number;
      }
      cells[cellCount * 4 + 3] = position;
      squares += (position - first) ** 2;
      first = position;
      cellCount++;
    }
    for (let column = 0; column < columnCount; column++) {
      places[position * 4 + column] = (axes[column] as Axis).places[row] as number;
      originals[position * columnCount + column] = data[row * columnCount + column] as number;
    }
    points[position * 4 + 3] = cellCount - 1;
    if (position === rowCount - 1) squares += (rowCount - first) ** 2;
  }
  cells[cellCount * 4 + 3] = rowCount;

  const limit = (epsilon / side) ** 2;
  const extent = Math.max(...axes.map((axis) => axis.extent));
  return {
    points,
    cells: cells.slice(0, (cellCount + 1) * 4),
    cellCount,
    runs: runsOf(cells, cellCount, columnCount),
    lineCount: lineCountOf(columnCount),
    order,
    originals,
    limit,
    bound: errorBound(columnCount, limit, extent),
    meanOccupancy: squares / rowCount,
  };
}

function areTogether(axes: readonly Axis[], row: number, other: number): boolean {
  for (const { cells } of axes) if (cells[row] !== cells[other]) return false;
  return true;
}

/**
 * Twice the largest error of a squared distance near `limit`. A place is off by 2^-25 and by the float64 error of its
 * division, the difference of two by their sum, 2^-24 of its own rounding and 2^-22 of the addition of up to 2 sides.
 */
function errorBound(columnCount: number, limit: number, extent: number): number {
  const each = 1.5 * 2 ** -22 + extent * 2 ** -50;
  return (
    2 * (2 * each * Math.sqrt(columnCount * limit) + columnCount * each ** 2 + (columnCount + 4) * 2 ** -23 * limit)
  );
}

/**
 * The cell and the place of each row along one axis. Where the points extend too far for float64, they are divided at
 * gaps that no neighbours span, and each piece is measured from its own least coordinate.
 */
function divide(source: HostPoints, column: number, side: number, what: string): Axis {
  const { data, rowCount, columnCount } = source;
  const values = Float64Array.from({ length: rowCount }, (_, row) => data[row * columnCount + column] as number);
  const { starts, bases, extent } = piecesOf(values, side);
  const highest = (bases.at(-1) ?? 0) + extent;
  if (extent >= largestExtent || highest >= 2 ** 32 - 2 * gridReach) {
    throw new LimitExceeded(
      `${what}: without a gap, points along column ${column} extend over ${extent} cells of side ${side}, in all over ${highest}; at most ${largestExtent} and 2^32 are possible. Choose a larger epsilon, or cluster fewer points.`,
    );
  }
  const cells = new Uint32Array(rowCount);
  const places = new Float32Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const value = values[row] as number;
    const piece = starts.length === 1 ? 0 : lastNotAbove(starts, value);
    const scaled = (value - (starts[piece] as number)) / side;
    const cell = Math.floor(scaled);
    // Room for the cells before the first one.
    cells[row] = (bases[piece] as number) + cell + gridReach;
    places[row] = scaled - cell;
  }
  return { cells, places, extent };
}

/** Where pieces begin, the cell that each begins with, and the sides that the longest takes. */
function piecesOf(values: Float64Array<ArrayBuffer>, side: number) {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  const whole = (maximum - minimum) / side;
  if (whole < exactExtent) return { starts: [minimum], bases: [0], extent: whole };

  const sorted = values.slice().sort();
  const starts = [minimum];
  const bases = [0];
  let extent = 0;
  // Epsilon is below 2 sides.
  const gap = 2 * gridReach * side;
  for (let index = 1; index < sorted.length; index++) {
    const previous = sorted[index - 1] as number;
    const value = sorted[index] as number;
    const covered = (previous - (starts.at(-1) ?? 0)) / side;
    extent = Math.max(extent, covered);
    if (value - previous <= gap) continue;
    bases.push((bases.at(-1) ?? 0) + Math.floor(covered) + 2 * gridReach);
    starts.push(value);
  }
  extent = Math.max(extent, (maximum - (starts.at(-1) ?? 0)) / side);
  return { starts, bases, extent };
}

/** The last of ascending numbers that is not above `value`. */
function lastNotAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ascending[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Lines of cells along x in which neighbours may be. */
function lineCountOf(columnCount: number): number {
  return (2 * gridReach + 1) ** (columnCount - 1);
}

/** For each cell and each line, the first cell that is not before (x − reach) on it: the orders of both are the same. */
function runsOf(cells: Uint32Array, cellCount: number, columnCount: number): Uint32Array<ArrayBuffer> {
  const lineCount = lineCountOf(columnCount);
  const span = 2 * gridReach + 1;
  const runs = new Uint32Array(cellCount * lineCount);
  for (let line = 0; line < lineCount; line++) {
    const alongY = columnCount === 1 ? 0 : (line % span) - gridReach;
    const alongZ = columnCount < 3 ? 0 : Math.floor(line / span) - gridReach;
    for (let cell = 0, first = 0; cell < cellCount; cell++) {
      const x = (cells[cell * 4] as number) - gridReach;
      const y = (cells[cell * 4 + 1] as number) + alongY;
      const z = (cells[cell * 4 + 2] as number) + alongZ;
      while (first < cellCount && isBefore(cells, first, x, y, z)) first++;
      runs[cell * lineCount + line] = first;
    }
  }
  return runs;
}

function isBefore(cells: Uint32Array, cell: number, x: number, y: number, z: number): boolean {
  const apart = (cells[cell * 4 + 2] as number) - z || (cells[cell * 4 + 1] as number) - y;
  return (apart || (cells[cell * 4] as number) - x) < 0;
}

/** `order` sorted by `keys[row]`, rows with the same key in the order they had: counting sorts by digits. */
function sortBy(order: Uint32Array<ArrayBuffer>, keys: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const highest = keys.reduce((a, b) => Math.max(a, b), 0);
  let sorted = order;
  for (let shift = 0; shift < 32 && highest >= 2 ** shift; shift += digitBits) {
    const ends = new Uint32Array((1 << digitBits) + 1);
    const digitOf = (row: number): number => ((keys[row] as number) >>> shift) & ((1 << digitBits) - 1);
    for (const row of sorted) {
      const digit = digitOf(row);
      ends[digit + 1] = (ends[digit + 1] as number) + 1;
    }
    for (let digit = 0; digit < 1 << digitBits; digit++) {
      ends[digit + 1] = (ends[digit + 1] as number) + (ends[digit] as number);
    }
    const next = new Uint32Array(sorted.length);
    for (const row of sorted) {
      const digit = digitOf(row);
      const place = ends[digit] as number;
      next[place] = row;
      ends[digit] = place + 1;
    }
    sorted = next;
  }
  return sorted;
}
