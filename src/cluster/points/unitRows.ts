import { InvalidInput } from '../../base/errors.ts';
import type { Frame } from './frame.ts';
import { nonFinite } from './pointSet.ts';
import type { HostPoints } from './points.ts';

/** The frame of points of length 1: not centred, so that bringing centroids to that length is a matter of their scale. */
export function unitFrame(columnCount: number): Frame {
  return { centre: new Float64Array(columnCount), exponent: -1 };
}

/**
 * Row-major vectors brought to the length 1, in float64: the same bits everywhere, as square roots and divisions are
 * correctly rounded.
 * @param what the caller, for messages
 * @throws InvalidInput for a row of zeros, which has no direction, and for a non-finite coordinate
 */
export function unitRows(
  { data, rowCount, columnCount }: HostPoints,
  what: string,
): HostPoints & { readonly data: Float64Array<ArrayBuffer> } {
  const units = new Float64Array(data.length);
  for (let row = 0; row < rowCount; row++) {
    const first = row * columnCount;
    let largest = 0;
    for (let index = first; index < first + columnCount; index++) {
      const value = data[index] as number;
      if (value - value !== 0) throw nonFinite(what, index, columnCount, value);
      largest = Math.max(largest, Math.abs(value));
    }
    if (largest === 0) {
      throw new InvalidInput(
        `${what}: row ${row} is all zeros, which has no direction for metric "cosine". Remove such rows.`,
      );
    }
    let squares = 0;
    for (let index = first; index < first + columnCount; index++) {
      // At most 1, whose square neither overflows nor vanishes.
      const value = (data[index] as number) / largest;
      units[index] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    for (let index = first; index < first + columnCount; index++) units[index] = (units[index] as number) / length;
  }
  return { data: units, rowCount, columnCount };
}
