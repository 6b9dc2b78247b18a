import { Tensor } from '../gpu/tensor.ts';
import { distanceOfKey, readDistanceKeys } from './distances.ts';
import type { PointSource } from './points.ts';
import type { ClusterState } from './state.ts';

/**
 * Adds to `sum`, one after the other, the squared coordinate differences of row-major points to the centroids that their
 * labels name, in float64.
 */
export function addInertia(
  sum: number,
  data: Float32Array | Float64Array,
  columnCount: number,
  labels: ArrayLike<number>,
  centroids: Float64Array,
): number {
  let total = sum;
  for (let row = 0, index = 0; row < labels.length; row++) {
    const first = (labels[row] as number) * columnCount;
    for (let column = 0; column < columnCount; column++, index++) {
      const difference = (data[index] as number) - (centroids[first + column] as number);
      total += difference * difference;
    }
  }
  return total;
}

/**
 * Sum of the squared distances of the points to the centroids that their labels name, in the points' own coordinates.
 * Points on the CPU: in float64. Points on the GPU: from exact distances, each rounded to 25 bits.
 */
export async function inertiaOf(
  state: ClusterState,
  source: PointSource,
  labels: Int32Array,
  centroids: Float64Array,
): Promise<number> {
  if (source instanceof Tensor) {
    let sum = 0;
    for (const key of await readDistanceKeys(state)) sum += distanceOfKey(key, state.fraction);
    return sum / 4 ** state.points.frame.exponent;
  }
  return addInertia(0, source.data, source.columnCount, labels, centroids);
}
