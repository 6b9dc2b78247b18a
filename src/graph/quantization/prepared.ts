/** What is found on the GPU before weights are quantized: `quantizeModel` itself waits for nothing. */

/** What was found for the weights of one layer. */
export interface PreparedLayer {
  /** What it was found for: see `preparationKey`. */
  readonly key: string;
  /** Codes of the weights as a matrix [channels, inputs], found by `adaround`. */
  readonly codes?: Int8Array;
  /** The numbers that codes stand for, in ascending order, found for `codebook`. */
  readonly table?: Float32Array;
}

/** What was found for the layers of a model, by the names of what they make. */
export type PreparedWeights = ReadonlyMap<string, PreparedLayer>;
