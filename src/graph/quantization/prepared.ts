/** What is found before weights are quantized, on the GPU or because it takes long: `quantizeModel` itself waits for nothing. */
import type { RoundedWeights } from './roundedWeights.ts';

/** What was found for the weights of one layer. */
export interface PreparedLayer {
  /** What it was found for: see `preparationKey`. */
  readonly key: string;
  /** Codes with equal steps, found by `gptq`, `descent` or `adaround`. */
  readonly rounded?: RoundedWeights;
  /** The numbers that codes stand for, in ascending order, found for `codebook`. */
  readonly table?: Float32Array;
}

/** What was found for the layers of a model, by the names of what they make. */
export type PreparedWeights = ReadonlyMap<string, PreparedLayer>;
