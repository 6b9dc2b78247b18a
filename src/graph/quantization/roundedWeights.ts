/** Codes of weights, and the numbers that they stand for. */
import type { CodeFormat } from '../../quant/parameters.ts';

/** Scales and zero points of a weight matrix. The parameter at [row, column] is row · rowStep + ⌊column / groupSize⌋. */
export interface WeightGrid {
  readonly format: CodeFormat;
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly rowStep: number;
  readonly groupSize: number;
  /** The lowest and the highest code. */
  readonly low: number;
  readonly high: number;
  /** True where codes are −1 and 1 alone. */
  readonly sign: boolean;
}

/** Codes of a weight matrix [channels, inputs]. */
export interface RoundedWeights {
  readonly grid: WeightGrid;
  readonly codes: Int8Array;
}
