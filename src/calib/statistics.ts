/** What calibration finds out about the values of a model: plain data, which survives JSON. */
import { InvalidInput } from '../base/errors.ts';

/** How ranges are gathered over batches. */
export type CalibrationMethod =
  /** From the least to the greatest element of all batches. */
  | 'minmax'
  /** Exponential moving averages of the batches' least and greatest elements. */
  | 'moving-average';

/** Ranges of one value, one element a parameter: one in all, or one for each channel. */
export interface ValueRanges {
  readonly minimum: readonly number[];
  readonly maximum: readonly number[];
  /** The same of the first batch alone: what merging moving averages takes. */
  readonly firstMinimum: readonly number[];
  readonly firstMaximum: readonly number[];
  /** Batches that the value was seen in. */
  readonly batches: number;
}

/** The ranges of the float values of a model. */
export interface CalibrationStatistics {
  readonly method: CalibrationMethod;
  /** Share of a new batch in the moving averages; absent for other methods. */
  readonly averagingConstant?: number;
  /** The axis that has a range for each place; absent where values have one range each. */
  readonly axis?: number;
  /** By the name of the value in the graph. */
  readonly values: Readonly<Record<string, ValueRanges>>;
}

/**
 * What one calibration over the batches of both would have found, those of `earlier` first. Exact for `minmax`; moving
 * averages differ by rounding only.
 * @throws InvalidInput for statistics of different methods, axes, averaging constants or numbers of channels
 */
export function mergeStatistics(earlier: CalibrationStatistics, later: CalibrationStatistics): CalibrationStatistics {
  const [first, second] = [earlier, later].map(({ method, axis, averagingConstant }) =>
    JSON.stringify({ method, averagingConstant, axis }),
  );
  if (first !== second) {
    throw new InvalidInput(`Statistics of ${first} and ${second} do not combine; calibrate both in the same way.`);
  }
  const values: Record<string, ValueRanges> = { ...earlier.values };
  for (const [name, ranges] of Object.entries(later.values)) {
    const known = Object.hasOwn(earlier.values, name) ? earlier.values[name] : undefined;
    values[name] = known ? mergeRanges(name, known, ranges, later) : ranges;
  }
  return { ...earlier, values };
}

function mergeRanges(
  name: string,
  earlier: ValueRanges,
  later: ValueRanges,
  { method, averagingConstant = 0 }: CalibrationStatistics,
): ValueRanges {
  const [count, other] = [earlier.minimum.length, later.minimum.length];
  if (count !== other) {
    throw new InvalidInput(`"${name}" has ${count} channels in one of the statistics and ${other} in the other.`);
  }
  const combine = (key: 'minimum' | 'maximum', choose: (a: number, b: number) => number): number[] => {
    const first = key === 'minimum' ? later.firstMinimum : later.firstMaximum;
    return earlier[key].map((before, index) => {
      const after = later[key][index] ?? before;
      if (method === 'minmax') return choose(before, after);
      // The averages of the later batches began at their first instead of at what was before.
      return after + (1 - averagingConstant) ** later.batches * (before - (first[index] ?? before));
    });
  };
  return {
    minimum: combine('minimum', Math.min),
    maximum: combine('maximum', Math.max),
    firstMinimum: earlier.firstMinimum,
    firstMaximum: earlier.firstMaximum,
    batches: earlier.batches + later.batches,
  };
}
