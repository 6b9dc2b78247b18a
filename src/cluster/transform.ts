import { LimitExceeded } from '../base/errors.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import type { ClusterState } from './state.ts';

const transformKernel = declareKernel({
  name: 'cluster/transform',
  uniforms: { firstRow: 'u32', rowCount: 'u32', clusterCount: 'u32', vectors: 'u32', scale: 'f32' },
  bindings: { points: 'read', centroids: 'read', distances: 'write' },
});

const width = 64;

/**
 * Records the distances of all points to all centroids: a tensor [rows, clusters], to be disposed of by the caller. Where
 * centroids have length 1 it is 1 − cos, half the squared distance.
 * @throws LimitExceeded for more than one buffer holds
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
            scale: cosine ? 0.5 * 4 ** -frame.exponent : 2 ** -frame.exponent,
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
