import { philox } from '../random.ts';
import { hasMatrices, type MixtureModel } from './gaussianMixtureModel.ts';

/** Points drawn from a mixture. */
export interface MixtureSample {
  /** Row-major [count, columns]. */
  readonly points: Float64Array<ArrayBuffer>;
  /** The component of each. */
  readonly labels: Int32Array<ArrayBuffer>;
}

/** The counter word that sets these numbers apart from those of `randomBits`. */
const stream = 16;

/**
 * Draws points from a mixture in float64: point i depends on the seed and i alone, so that a longer sample begins with a
 * shorter one.
 * @param centre what the means are relative to
 */
export function sampleMixture(model: MixtureModel, centre: Float64Array, count: number, seed: number): MixtureSample {
  const { columnCount, weights, means } = model;
  const points = new Float64Array(count * columnCount);
  const labels = new Int32Array(count);
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  for (let row = 0; row < count; row++) {
    // Four words make a pair of numbers in [0, 1): the first pair chooses, each further one makes two normal deviates.
    const pair = (draw: number): readonly [number, number] => {
      const [a, b, c, d] = philox([row >>> 0, Math.floor(row / 2 ** 32), stream, draw], key);
      return [unit(a, b), unit(c, d)];
    };
    const label = chooseComponent(weights, pair(0)[0]);
    labels[row] = label;
    const deviates = new Float64Array(columnCount + (columnCount % 2));
    for (let column = 0; column < columnCount; column += 2) {
      const [first, second] = pair(1 + column / 2);
      // G. Box and M. Muller, 1958; 1 − u keeps the logarithm's argument above zero.
      const radius = Math.sqrt(-2 * Math.log(1 - first));
      deviates[column] = radius * Math.cos(2 * Math.PI * second);
      deviates[column + 1] = radius * Math.sin(2 * Math.PI * second);
    }
    for (let column = 0; column < columnCount; column++) {
      const middle = (means[label * columnCount + column] as number) + (centre[column] as number);
      points[row * columnCount + column] = middle + deviationOf(model, label, column, deviates);
    }
  }
  return { points, labels };
}

/** A float64 in [0, 1) with 53 bits of two words. */
function unit(high: number, low: number): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

function chooseComponent(weights: Float64Array, share: number): number {
  let rest = share;
  for (let component = 0; component < weights.length - 1; component++) {
    rest -= weights[component] as number;
    if (rest < 0) return component;
  }
  return weights.length - 1;
}

/** One coordinate of the component's Cholesky factor times independent normal deviates. */
function deviationOf(model: MixtureModel, component: number, column: number, deviates: Float64Array): number {
  const { covarianceType, columnCount, deviations } = model;
  if (!hasMatrices(covarianceType)) {
    const index = covarianceType === 'spherical' ? component : component * columnCount + column;
    return (deviations[index] as number) * (deviates[column] as number);
  }
  const start = (covarianceType === 'tied' ? 0 : component * columnCount ** 2) + column * columnCount;
  let sum = 0;
  for (let k = 0; k <= column; k++) sum += (deviations[start + k] as number) * (deviates[k] as number);
  return sum;
}
