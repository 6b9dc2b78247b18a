import { InvalidInput } from '../../base/errors.ts';
import type { HostPoints } from '../../cluster/points/points.ts';
import { readNpy } from '../../io/npy.ts';

/**
 * The points of a job's input: a `.npy` file of [rows, columns] in float32 or float64.
 *
 * @throws InvalidInput
 */
export function pointsOf(bytes: Uint8Array | undefined): HostPoints {
  if (!bytes) throw new InvalidInput('There are no points to cluster. Hand them over as the input "points".');
  const { data, shape } = readNpy(bytes);
  const [rowCount = 0, columnCount = 0] = shape;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new InvalidInput(`The points are ${data.constructor.name}s; hand them over in float32 or float64.`);
  }
  return { data, rowCount, columnCount };
}

/**
 * What points weigh: a `.npy` file of [rows] in any type of numbers.
 *
 * @throws InvalidInput
 */
export function weightsOf(bytes: Uint8Array): Float64Array<ArrayBuffer> {
  const { data, shape } = readNpy(bytes);
  if (shape.length !== 1) {
    throw new InvalidInput(`The weights have shape [${shape}]; they take one number a row, [rows].`);
  }
  return Float64Array.from(data as ArrayLike<number | bigint>, Number);
}
