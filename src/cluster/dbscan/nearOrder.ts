import type { HostPoints } from '../points/points.ts';

/** Points that are put in another order, so that those near each other lie together. */
export interface NearOrder {
  /** Row of the original order at each position. */
  readonly order: Uint32Array<ArrayBuffer>;
  /** [positions, columns] */
  readonly data: Float64Array<ArrayBuffer>;
}

/** Positions that lie together most closely, and those of the blocks that consist of such groups. */
export const groupRows = 4;
export const blockRows = 32;

/**
 * Orders points by a tree that halves them at the median of their widest column (J. L. Bentley, *Multidimensional binary search
 * trees used for associative searching*, 1975) down to groups of `groupRows`, blocks of `blockRows` among them.
 */
export function nearOrder({ data, rowCount, columnCount }: HostPoints): NearOrder {
  const order = Uint32Array.from({ length: rowCount }, (_, row) => row);
  const pending: (readonly [number, number])[] = [[0, rowCount]];
  for (let part = pending.pop(); part; part = pending.pop()) {
    const [start, end] = part;
    if (end - start <= groupRows) continue;
    const unit = end - start > blockRows ? blockRows : groupRows;
    const middle = start + unit * Math.max(1, Math.round((end - start) / 2 / unit));
    const column = widestColumn(data, columnCount, order.subarray(start, end));
    select(order, start, end - 1, middle, (row) => data[row * columnCount + column] as number);
    pending.push([start, middle], [middle, end]);
  }
  const sorted = new Float64Array(data.length);
  order.forEach((row, position) => {
    for (let column = 0; column < columnCount; column++) {
      sorted[position * columnCount + column] = data[row * columnCount + column] as number;
    }
  });
  return { order, data: sorted };
}

function widestColumn(data: HostPoints['data'], columnCount: number, rows: Uint32Array): number {
  const lowest = new Float64Array(columnCount).fill(Number.POSITIVE_INFINITY);
  const highest = new Float64Array(columnCount).fill(Number.NEGATIVE_INFINITY);
  widen(data, columnCount, rows, lowest, highest);
  let widest = 0;
  for (let column = 1; column < columnCount; column++) {
    if (extent(lowest, highest, column) > extent(lowest, highest, widest)) widest = column;
  }
  return widest;
}

function extent(lowest: Float64Array, highest: Float64Array, column: number): number {
  return (highest[column] as number) - (lowest[column] as number);
}

/** Widens a box by rows. */
function widen(
  data: ArrayLike<number>,
  columnCount: number,
  rows: Iterable<number>,
  lowest: Float64Array,
  highest: Float64Array,
): void {
  for (const row of rows) {
    for (let column = 0; column < columnCount; column++) {
      const value = data[row * columnCount + column] as number;
      if (value < (lowest[column] as number)) lowest[column] = value;
      if (value > (highest[column] as number)) highest[column] = value;
    }
  }
}

/** Puts the least keys before `middle`, in place (C. A. R. Hoare, *Algorithm 65: find*, 1961). */
function select(order: Uint32Array, first: number, last: number, middle: number, keyOf: (row: number) => number): void {
  let [low, high] = [first, last];
  while (low < high) {
    const pivot = keyOf(order[(low + high) >>> 1] as number);
    let [left, right] = [low, high];
    while (left <= right) {
      while (keyOf(order[left] as number) < pivot) left++;
      while (keyOf(order[right] as number) > pivot) right--;
      if (left > right) break;
      const row = order[left] as number;
      order[left++] = order[right] as number;
      order[right--] = row;
    }
    if (middle <= right) high = right;
    else if (middle >= left) low = left;
    else break;
  }
}

/** Coordinates of boxes are cut off here, so that squares of their differences are finite. */
const largestCoordinate = 1e15;

/**
 * The boxes around each `groupRows` positions, then those around each `blockRows`: [boxes][lowest, highest][vectors · 4] in
 * units of epsilon from the middle of all, rounded outward.
 */
export function boxesOf(data: Float64Array, columnCount: number, epsilon: number): Float32Array<ArrayBuffer> {
  const rowCount = data.length / columnCount;
  const padded = Math.ceil(columnCount / 4) * 4;
  const lowest = new Float64Array(columnCount);
  const highest = new Float64Array(columnCount);
  const surround = (first: number, end: number) => {
    lowest.fill(Number.POSITIVE_INFINITY);
    highest.fill(Number.NEGATIVE_INFINITY);
    const rows = Array.from({ length: Math.min(end, rowCount) - first }, (_, index) => first + index);
    widen(data, columnCount, rows, lowest, highest);
  };
  surround(0, rowCount);
  const middles = lowest.map((value, column) => value / 2 + (highest[column] as number) / 2);
  const counts = [groupRows, blockRows].map((size) => Math.ceil(rowCount / size));
  const boxes = new Float32Array(counts.reduce((sum, count) => sum + count) * 2 * padded);
  let place = 0;
  for (const size of [groupRows, blockRows]) {
    for (let row = 0; row < rowCount; row += size) {
      surround(row, row + size);
      for (const [values, direction] of [
        [lowest, -1],
        [highest, 1],
      ] as const) {
        for (let column = 0; column < columnCount; column++) {
          const apart = ((values[column] as number) - (middles[column] as number)) / epsilon;
          const cut = Math.max(-largestCoordinate, Math.min(largestCoordinate, apart));
          boxes[place + column] = cut + direction * Math.abs(cut) * 2 ** -22;
        }
        place += padded;
      }
    }
  }
  return boxes;
}
