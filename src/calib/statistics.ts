/** What calibration finds out about the values of a model: plain data, which survives JSON. */
import type { Histogram } from './histogram.ts';
import type { RowSample } from './rowSample.ts';

/** How ranges are gathered over batches. */
export type CalibrationMethod =
  /** From the least to the greatest element of all batches. */
  | 'minmax'
  /** Exponential moving averages of the batches' least and greatest elements. */
  | 'moving-average'
  /** What holds a percentage of all elements. */
  | 'percentile'
  /** The least squared error of quantization. */
  | 'mse'
  /** The least Kullback–Leibler divergence between the distributions before and after quantization. */
  | 'entropy'
  /** For logits, the least cross-entropy between softmax before and after quantization; for other values as `mse`. */
  | 'cross-entropy';

/** Ranges of one value, one element a parameter: one in all, or one for each channel. */
export interface ValueRanges {
  /** For methods whose ranges depend on the codes: those for 8-bit asymmetric codes. `rangesOf` finds those for others. */
  readonly minimum: readonly number[];
  readonly maximum: readonly number[];
  /** The same of the first batch alone: what merging moving averages takes. Absent where there are histograms. */
  readonly firstMinimum?: readonly number[];
  readonly firstMaximum?: readonly number[];
  /** Batches that the value was seen in. */
  readonly batches: number;
  /** What was counted; absent for `minmax` and `moving-average`. */
  readonly histograms?: readonly Histogram[];
  /** Some rows of logits, by length; absent for other values, and for methods other than `cross-entropy`. */
  readonly rows?: readonly RowSample[];
}

/** The ranges of the float values of a model. */
export interface CalibrationStatistics {
  readonly method: CalibrationMethod;
  /** Share of a new batch in the moving averages; absent for other methods. */
  readonly averagingConstant?: number;
  /** Elements that a range holds, in percent; absent where there are no histograms. */
  readonly percentile?: number;
  /** The axis that has a range for each place; absent where values have one range each. */
  readonly axis?: number;
  /** By the name of the value in the graph. */
  readonly values: Readonly<Record<string, ValueRanges>>;
}
