import type { Pieces } from '../base/pieces.ts';
import { type CodeFormat, codeRange } from '../quant/parameters.ts';
import { type ParameterRange, type QuantizationCost, rangeSearch } from './searchRange.ts';

/** A row of logits with its softmax. */
interface Distribution {
  readonly logits: readonly number[];
  readonly chances: Float64Array;
}

function distributionOf(logits: readonly number[]): Distribution {
  const greatest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(logits, (value) => Math.exp(value - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return { logits, chances: powers.map((power) => power / sum) };
}

/** −Σ softmax(v) · log softmax(v̂) over all rows, for rows v that quantization turns into v̂. */
export function crossEntropyError(rows: readonly (readonly number[])[], format: CodeFormat): QuantizationCost {
  return errorOfAll(rows.map(distributionOf), format);
}

function errorOfAll(distributions: readonly Distribution[], format: CodeFormat): QuantizationCost {
  const { low, high } = codeRange(format);
  const codes = high - low + 1;
  const counts = new Uint32Array(codes);
  const chances = new Float64Array(codes);
  return ({ scale, zeroPoint }) => {
    const offset = zeroPoint - low;
    let error = 0;
    for (const { logits, chances: wanted } of distributions) {
      counts.fill(0);
      chances.fill(0);
      for (let index = 0; index < logits.length; index++) {
        const code = Math.min(Math.max(Math.round((logits[index] ?? 0) / scale) + offset, 0), codes - 1);
        counts[code] = (counts[code] ?? 0) + 1;
        chances[code] = (chances[code] ?? 0) + (wanted[index] ?? 0);
      }
      // Relative to the greatest code that occurs, so that nothing overflows.
      let greatest = codes - 1;
      while (greatest > 0 && counts[greatest] === 0) greatest--;
      let sum = 0;
      let mean = 0;
      for (let code = 0; code <= greatest; code++) {
        const value = scale * (code - greatest);
        sum += (counts[code] ?? 0) * Math.exp(value);
        mean += (chances[code] ?? 0) * value;
      }
      error += Math.log(sum) - mean;
    }
    return error;
  };
}

/**
 * The range that minimises the cross-entropy between the softmax of rows of logits before and after quantization (see
 * `searchRange`), so that what a model samples from them stays alike.
 *
 * Method: M. Nagel et al., "A White Paper on Neural Network Quantization" (2021), section 3.1.
 *
 * @param whole the range of all logits, also those of other rows
 */
export function* crossEntropyRange(
  rows: readonly (readonly number[])[],
  whole: ParameterRange,
  format: CodeFormat,
): Pieces<ParameterRange> {
  const distributions: Distribution[] = [];
  for (const row of rows) {
    distributions.push(distributionOf(row));
    yield;
  }
  return yield* rangeSearch(whole, format, errorOfAll(distributions, format));
}
