/** Observers on the CPU, as their definitions say, from the elements themselves. */

/** The cell of a number for cells that are `width` wide. */
const cellOf = (value: number, width: number): number => Math.floor(value / width);

/**
 * Elements other than 0 in each cell [i·w, (i + 1)·w) from that of min(0, least element) to that of max(0, greatest element),
 * where w is the least power of two, 2^−149 or more, that makes these cells at most 2,048.
 */
export function referenceHistogram(data: readonly number[]) {
  const minimum = data.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const maximum = data.reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY);
  const cells = (exponent: number) => {
    const first = cellOf(Math.min(minimum, 0), 2 ** exponent);
    return { first, length: cellOf(Math.max(maximum, 0), 2 ** exponent) - first + 1 };
  };
  let exponent = -149;
  while (cells(exponent).length > 2048) exponent++;
  const { first, length } = cells(exponent);
  const counts = new Array<number>(length).fill(0);
  for (const value of data) {
    const place = cellOf(value, 2 ** exponent) - first;
    if (value !== 0) counts[place] = (counts[place] ?? 0) + 1;
  }
  return {
    minimum: minimum + 0,
    maximum: maximum + 0,
    exponent,
    first: first + 0,
    counts,
    zeros: data.filter((value) => value === 0).length,
  };
}
