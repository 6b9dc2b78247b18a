import { InvalidInput, InvalidQuantization } from '../base/errors.ts';
import { allAtOnce, type Pieces } from '../base/pieces.ts';
import { type CodeFormat, codeRange } from '../quant/parameters.ts';
import { crossEntropyRange } from './crossEntropy.ts';
import { entropyRange } from './entropy.ts';
import type { Histogram } from './histogram.ts';
import { percentileRange } from './percentile.ts';
import type { ParameterRange } from './searchRange.ts';
import { leastSquaresRange } from './squaredError.ts';
import type { CalibrationMethod, CalibrationStatistics, ValueRanges } from './statistics.ts';

/** For which codes ranges are chosen, and how. */
export interface RangeOptions {
  /** Bits of a code, 1 to 8, and from 2 for symmetric ones; 8 unless given. */
  readonly bits?: number;
  /** `asymmetric` unless given. */
  readonly scheme?: CodeFormat['scheme'];
  /** That of the calibration unless given. Statistics with histograms serve every method but `moving-average`. */
  readonly method?: CalibrationMethod;
  /** Elements that a range of the method `percentile` holds, in percent, above 0 and up to 100; that of the calibration unless given. */
  readonly percentile?: number;
}

/** Ranges of one value, one element a parameter. */
export interface ChosenRanges {
  readonly minimum: readonly number[];
  readonly maximum: readonly number[];
}

/** Elements that a range holds unless another number is given, in percent: the default of NVIDIA's tools. */
export const defaultPercentile = 99.99;

/**
 * The ranges of the values of a model for given codes: one calibration serves several widths, schemes and methods. Computed
 * on the CPU from what calibration left; `quant/parameters` makes scales and zero points of them.
 *
 * @param statistics as `calibrate` and `mergeStatistics` return them
 * @throws InvalidInput for a method that the statistics do not serve, and a percentage out of range; InvalidQuantization for
 * bits out of range
 */
export function rangesOf(
  statistics: CalibrationStatistics,
  options: RangeOptions = {},
): Readonly<Record<string, ChosenRanges>> {
  return Object.fromEntries(
    Object.entries(statistics.values).map(([name, value]) => [name, rangesOfValue(value, statistics, options)]),
  );
}

/** `rangesOf` for one value of the statistics. */
export function rangesOfValue(
  value: ValueRanges,
  statistics: Omit<CalibrationStatistics, 'values'>,
  options: RangeOptions = {},
): ChosenRanges {
  const { method = statistics.method, percentile = statistics.percentile ?? defaultPercentile } = options;
  const { bits = 8, scheme = 'asymmetric' } = options;
  const choose = chooser({ bits, scheme, method, percentile });
  if (value.histograms) return allAtOnce(choose({ ...value, histograms: value.histograms }));
  if (method === statistics.method) return { minimum: value.minimum, maximum: value.maximum };
  throw new InvalidInput(
    `A calibration by ${statistics.method} does not serve the method ${method}; calibrate by percentile, mse, entropy or cross-entropy.`,
  );
}

/** @throws InvalidInput */
export function assertPercentile(percentile: number): void {
  if (percentile > 0 && percentile <= 100) return;
  throw new InvalidInput(`The percentile is ${percentile}; give one above 0 and up to 100.`);
}

/** What ranges are chosen from. */
export type Observed = Required<Pick<ValueRanges, 'histograms'>> & Pick<ValueRanges, 'rows'>;

/** Chooses the ranges of values, in pieces. @throws InvalidInput, InvalidQuantization */
export function chooser({
  bits,
  scheme,
  method,
  percentile,
}: Required<RangeOptions>): (value: Observed) => Pieces<ChosenRanges> {
  const format: CodeFormat = { bits, signed: scheme === 'symmetric', scheme };
  if (codeRange(format).sign) {
    throw new InvalidQuantization(
      'One symmetric bit is a sign, whose scale is a mean and not a range; use at least 2 bits, or the asymmetric scheme.',
    );
  }
  if (method === 'moving-average') {
    throw new InvalidInput('Histograms do not tell moving averages; calibrate by that method.');
  }
  assertPercentile(percentile);
  const byHistogram = function* (histogram: Histogram): Pieces<ParameterRange> {
    yield;
    if (method === 'minmax') return histogram;
    if (method === 'percentile') return percentileRange(histogram, percentile, scheme);
    return method === 'entropy' ? entropyRange(histogram, format) : yield* leastSquaresRange(histogram, format);
  };
  return function* ({ histograms, rows }) {
    const [histogram] = histograms;
    const logits = (rows ?? []).flatMap((sample) => sample.rows.map(({ logits }) => logits));
    const ofLogits = method === 'cross-entropy' && logits.length > 0 && histograms.length === 1 && histogram;
    const ranges: ParameterRange[] = [];
    if (ofLogits) ranges.push(yield* crossEntropyRange(logits, ofLogits, format));
    else for (const each of histograms) ranges.push(yield* byHistogram(each));
    return { minimum: ranges.map(({ minimum }) => minimum), maximum: ranges.map(({ maximum }) => maximum) };
  };
}
