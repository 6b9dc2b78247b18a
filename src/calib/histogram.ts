/** Histograms of values as plain data, which survives JSON and adds up exactly. */

/**
 * How many elements lie in each cell [i·w, (i + 1)·w), where w = 2^exponent is the least power of two with which at most
 * 2,048 cells hold 0 and all elements. The cells' places do not depend on what was counted, so that histograms of one
 * value merge by adding counts, pairs of them where one is coarser.
 */
export interface Histogram {
  /** The least element. */
  readonly minimum: number;
  /** The greatest element. */
  readonly maximum: number;
  /** Cells are 2^exponent wide; −149 at least. */
  readonly exponent: number;
  /** The i of the first cell, 0 or less. */
  readonly first: number;
  /** Elements other than 0, for each cell from the first to the last that 0 or an element may lie in. */
  readonly counts: readonly number[];
  /** Elements that are 0: no quantization changes them. */
  readonly zeros: number;
}

/** Cells of a histogram at most. */
export const cellCount = 2048;
/** The exponent of the least float. */
const leastExponent = -149;

/** The cells that hold 0 and all numbers of a range, as shaders/calib/histogramGrid.wgsl finds them. */
export function gridOf(minimum: number, maximum: number): Pick<Histogram, 'exponent' | 'first'> & { cells: number } {
  const [low, high] = [Math.min(minimum, 0), Math.max(maximum, 0)];
  const gridAt = (exponent: number) => {
    const first = Math.floor(low / 2 ** exponent);
    // Not −0, which JSON does not keep.
    return { exponent, first: first === 0 ? 0 : first, cells: Math.floor(high / 2 ** exponent) - first + 1 };
  };
  const greatest = Math.max(-low, high);
  const top = greatest === 0 ? leastExponent : Math.floor(Math.log2(greatest));
  // The logarithm may be off by one next to a power of two.
  for (let exponent = Math.max(top - 11, leastExponent); ; exponent++) {
    const grid = gridAt(exponent);
    if (grid.cells <= cellCount) return grid;
  }
}

/** The histogram of what two of them counted, in either order. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  const [minimum, maximum] = [Math.min(a.minimum, b.minimum), Math.max(a.maximum, b.maximum)];
  const { exponent, first, cells } = gridOf(minimum, maximum);
  const counts = new Array<number>(cells).fill(0);
  for (const source of [a, b]) {
    const ratio = 2 ** (source.exponent - exponent);
    source.counts.forEach((count, index) => {
      const cell = Math.floor((source.first + index) * ratio) - first;
      counts[cell] = (counts[cell] ?? 0) + count;
    });
  }
  return { minimum, maximum, exponent, first, counts, zeros: a.zeros + b.zeros };
}

/** Number of elements in all. */
export function totalOf({ counts, zeros }: Histogram): number {
  return counts.reduce((total, count) => total + count, zeros);
}

/** Elements other than 0 by magnitude: those of the cells from i·w and from −(i + 1)·w together, for i from 0 on. */
export function magnitudesOf({ first, counts }: Histogram): number[] {
  const magnitudes = new Array<number>(Math.max(-first, counts.length + first)).fill(0);
  counts.forEach((count, index) => {
    const cell = first + index;
    const place = cell < 0 ? -cell - 1 : cell;
    magnitudes[place] = (magnitudes[place] ?? 0) + count;
  });
  return magnitudes;
}
