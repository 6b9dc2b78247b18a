import { InvalidInput } from '../base/errors.ts';
import { allAtOnce, type Pieces } from '../base/pieces.ts';
import { mergeHistograms } from './histogram.ts';
import { chooser, defaultPercentile, type Observed } from './rangesOf.ts';
import { mergeSamples } from './rowSample.ts';
import type { CalibrationStatistics, ValueRanges } from './statistics.ts';

/**
 * What one calibration over the batches of both would have found, those of `earlier` first. Exact, and for methods with
 * histograms in either order; moving averages differ by rounding only.
 * @throws InvalidInput for statistics of different methods, axes, percentiles, averaging constants or numbers of channels
 */
export function mergeStatistics(earlier: CalibrationStatistics, later: CalibrationStatistics): CalibrationStatistics {
  return allAtOnce(mergingStatistics(earlier, later));
}

/** `mergeStatistics` in pieces. */
export function* mergingStatistics(
  earlier: CalibrationStatistics,
  later: CalibrationStatistics,
): Pieces<CalibrationStatistics> {
  const [first, second] = [earlier, later].map(({ method, axis, averagingConstant, percentile }) =>
    JSON.stringify({ method, averagingConstant, percentile, axis }),
  );
  if (first !== second) {
    throw new InvalidInput(`Statistics of ${first} and ${second} do not combine; calibrate both in the same way.`);
  }
  const values: Record<string, ValueRanges> = { ...earlier.values };
  for (const [name, ranges] of Object.entries(later.values)) {
    const known = Object.hasOwn(earlier.values, name) ? earlier.values[name] : undefined;
    values[name] = known ? yield* mergeValue(name, known, ranges, later) : ranges;
  }
  return { ...earlier, values };
}

function* mergeValue(
  name: string,
  earlier: ValueRanges,
  later: ValueRanges,
  statistics: CalibrationStatistics,
): Pieces<ValueRanges> {
  const [count, other] = [earlier.minimum.length, later.minimum.length];
  if (count !== other) {
    throw new InvalidInput(`"${name}" has ${count} channels in one of the statistics and ${other} in the other.`);
  }
  const batches = earlier.batches + later.batches;
  const { histograms: first, rows: firstRows = [] } = earlier;
  const { histograms: second, rows: secondRows = [] } = later;
  if (!first || !second) return { ...mergeRanges(earlier, later, statistics), batches };
  const histograms = first.map((histogram, index) => mergeHistograms(histogram, second[index] ?? histogram));
  const rows = mergeSamples(firstRows, secondRows);
  return yield* describeValue({ histograms, ...(rows.length > 0 && { rows }) }, statistics, batches);
}

/** What statistics say about a value with histograms, in pieces. */
export function* describeValue(
  observed: Observed,
  { method, percentile = defaultPercentile }: Pick<CalibrationStatistics, 'method' | 'percentile'>,
  batches: number,
): Pieces<ValueRanges> {
  const choose = chooser({ bits: 8, scheme: 'asymmetric', method, percentile });
  return { ...(yield* choose(observed)), batches, ...observed };
}

function mergeRanges(
  earlier: ValueRanges,
  later: ValueRanges,
  { method, averagingConstant = 0 }: CalibrationStatistics,
): Omit<ValueRanges, 'batches'> {
  const combine = (key: 'minimum' | 'maximum', choose: (a: number, b: number) => number): number[] => {
    const first = key === 'minimum' ? later.firstMinimum : later.firstMaximum;
    return earlier[key].map((before, index) => {
      const after = later[key][index] ?? before;
      if (method === 'minmax') return choose(before, after);
      // The averages of the later batches began at their first instead of at what was before.
      return after + (1 - averagingConstant) ** later.batches * (before - (first?.[index] ?? before));
    });
  };
  return { ...earlier, minimum: combine('minimum', Math.min), maximum: combine('maximum', Math.max) };
}
