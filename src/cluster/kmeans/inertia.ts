import { Tensor } from '../../gpu/tensor.ts';
import type { PointSource } from '../points/points.ts';
import { distanceOfKey, readDistanceKeys } from './distances.ts';
import type { ClusterState } from './state.ts';

/**
 * Adds to `sum`, one after the other, the squared coordinate differences of row-major points to the centroids that their
 * labels name, in float64, times the weights of the points if there are any.
 */
export function addInertia(
  sum: number,
  data: Float32Array | Float64Array,
  columnCount: number,
  labels: ArrayLike<number>,
  centroids: Float64Array,
  weights?: Float32Array | Float64Array,
): number {
  let total = sum;
  for (let row = 0, index = 0; row < labels.length; row++) {
    const first = (labels[row] as number) * columnCount;
    const weight = weights ? (weights[row] as number) : 1;
    for (let column = 0; column < columnCount; column++, index++) {
      const difference = (data[index] as number) - (centroids[first + column] as number);
      total += difference * difference * weight;
    }
  }
  return total;
}

/**
 * Sum of the squared distances of the points to the centroids that their labels name, times the weights of the points if
 * there are any, in the points' own coordinates.
 * Points on the CPU: in float64. Points on the GPU: from exact distances, each rounded to 25 bits.
 */
export async function inertiaOf(
  state: ClusterState,
  source: PointSource,
  labels: Int32Array,
  centroids: Float64Array,
  weights?: Float32Array | Float64Array,
): Promise<number> {
  if (source instanceof Tensor) {
    let sum = 0;
    const keys = await readDistanceKeys(state);
    for (const [row, key] of keys.entries())
      sum += distanceOfKey(key, state.fraction) * (weights ? (weights[row] as number) : 1);
    return sum / 4 ** state.points.frame.exponent;
  }
  return addInertia(0, source.data, source.columnCount, labels, centroids, weights);
}
