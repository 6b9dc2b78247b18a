import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';

/** Weights of points as whole numbers, which the exact sums of the shaders take. */
export interface WholeWeights {
  readonly values: Uint32Array<ArrayBuffer>;
  /** Their sum, below 2^32. */
  readonly total: number;
}

const largestTotal = 2 ** 32 - 1;

/** @throws ShapeMismatch, InvalidInput for a negative or non-finite weight */
export function assertWeights(weights: Float32Array | Float64Array, rowCount: number, what: string): void {
  if (weights.length !== rowCount) {
    throw new ShapeMismatch(`${what}: ${weights.length} weights for ${rowCount} points; give one weight a point.`);
  }
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong >= 0) {
    throw new InvalidInput(
      `${what}: the weight of row ${wrong} is ${weights[wrong]}; weights must be finite numbers of at least 0. Use 0 for points that are to have no say.`,
    );
  }
}

/**
 * Weights as multiples of one power of two, the smallest with which they sum up to less than 2^32: each within 2^-32 of
 * the sum of all, and exact where they are whole numbers (or multiples of another power of two) of a sum below that.
 * @throws ShapeMismatch, InvalidInput for a negative or non-finite weight and where all are 0
 */
export function wholeWeights(weights: Float32Array | Float64Array, rowCount: number, what: string): WholeWeights {
  assertWeights(weights, rowCount, what);
  let largest = 0;
  for (const weight of weights) largest = Math.max(largest, weight);
  if (largest === 0) {
    throw new InvalidInput(`${what}: all ${rowCount} weights are 0; give at least one point a positive weight.`);
  }
  // In two steps, as the power of two of a denormal is beyond float64.
  const shrink = 2 ** -Math.floor(Math.log2(largest) / 2);
  const relative = (row: number): number => (weights[row] as number) * shrink * shrink;
  let sum = 0;
  for (let row = 0; row < rowCount; row++) sum += relative(row);
  const values = new Uint32Array(rowCount);
  for (let exponent = 32 - Math.floor(Math.log2(sum)); ; exponent--) {
    let total = 0;
    for (let row = 0; row < rowCount && total <= largestTotal; row++) {
      const value = Math.round(relative(row) * 2 ** exponent);
      values[row] = value;
      total += value;
    }
    if (total <= largestTotal) return { values, total };
  }
}
