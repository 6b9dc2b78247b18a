import { InvalidInput, LimitExceeded } from '../../base/errors.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { ClusterState } from './state.ts';

const transformKernel = declareKernel({
  name: 'cluster/transform',
  uniforms: { firstRow: 'u32', rowCount: 'u32', clusterCount: 'u32', vectors: 'u32', scale: 'f32' },
  bindings: { points: 'read', centroids: 'read', distances: 'write' },
});

const width = 64;
/** Distances as float32: the largest there may be, and the smallest unit of the frame that leaves room for small ones. */
const largestDistance = 3.4e38;
const smallestUnit = 2 ** -100;

/**
 * Records the distances of all points to all centroids: a tensor [rows, clusters], to be disposed of by the caller. Where
 * centroids have length 1 it is 1 − cos, half the squared distance.
 * @throws LimitExceeded for more than one buffer holds, InvalidInput for distances beyond float32
 */
export function recordTransform(state: ClusterState): Tensor<'float32'> {
  const { engine, points, centroids, clusterCount, cosine } = state;
  const { rowCount, rowVectors, frame, parts } = points;
  const { maxBufferSize, maxStorageBufferBindingSize } = engine.device.limits;
  const bytes = rowCount * clusterCount * 4;
  if (bytes > maxBufferSize) {
    throw new LimitExceeded(
      `transform: ${rowCount} points times ${clusterCount} clusters take ${bytes} bytes, but a buffer of this adapter holds ${maxBufferSize}; transform the points in portions.`,
    );
  }
  const unit = 2 ** -frame.exponent;
  if (2 * Math.sqrt(points.columnCount) * unit > largestDistance || unit < smallestUnit) {
    throw new InvalidInput(
      `transform: coordinates reach about ${unit.toExponential(0)}; distances are float32, from about ${smallestUnit.toExponential(0)} to ${largestDistance}. Rescale the points before they are fitted.`,
    );
  }
  const distances = engine.empty([rowCount, clusterCount], 'float32');
  const workPerRow = clusterCount * (rowVectors * 12 + 8);
  const bindable = Math.max(1, Math.floor(maxStorageBufferBindingSize / (clusterCount * 4 * width))) * width;
  for (const part of parts) {
    for (const { first, end } of workRuns(engine, part.rowCount, workPerRow, width)) {
      for (let firstRow = first; firstRow < end; firstRow += bindable) {
        const count = Math.min(bindable, end - firstRow);
        engine.run(transformKernel, {
          uniforms: {
            firstRow,
            rowCount: count,
            clusterCount,
            vectors: rowVectors,
            scale: cosine ? 0.5 * unit ** 2 : unit,
          },
          bindings: {
            points: part.points,
            centroids,
            // Multiples of 64 rows: of 256 bytes, as bindings must begin.
            distances: {
              allocation: distances.allocation,
              offset: (part.firstRow + firstRow) * clusterCount * 4,
              size: count * clusterCount * 4,
            },
          },
          workgroups: Math.ceil((count * clusterCount) / width),
          work: count * workPerRow,
          variant: { conditions: { squared: cosine }, constants: { WIDTH: width } },
        });
      }
    }
  }
  return distances;
}
