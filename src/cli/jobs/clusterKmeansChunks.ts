import { InvalidInput } from '../../base/errors.ts';
import { StreamingKMeans } from '../../cluster/chunks/streamingKMeans.ts';
import { pointChunks } from '../../io/pointChunks.ts';
import type { Job } from './job.ts';
import { type KmeansFile, type KmeansReport, kmeansResult } from './kmeansResult.ts';

/** The hyperparameters of k-means over chunks, what to read, and which results to write. */
export interface ClusterKmeansChunksParameters {
  readonly clusters: number;
  readonly init: 'first' | 'random' | 'k-means++';
  readonly tolerance: number;
  readonly maximumIterations: number;
  readonly seed: number;
  /** Rows on the GPU at a time; as many as 32 MiB hold unless given. */
  readonly chunkRows?: number;
  /** Columns to read; all unless given. */
  readonly columns?: string;
  readonly files: readonly KmeansFile[];
}

/** Clusters the points of the source `points`, a `.npy` or Parquet file that is read chunk by chunk. */
export const clusterKmeansChunks: Job<ClusterKmeansChunksParameters, KmeansReport> = {
  name: 'clusterKmeansChunks',
  page: 'runtime.html',
  run: async (engine, { files, columns, ...options }, { sources, onProgress, signal }) => {
    if (!sources?.points)
      throw new InvalidInput('There are no points to cluster. Hand them over as the source "points".');
    const points = await pointChunks(sources.points, columns === undefined ? {} : { columns });
    const fit = await new StreamingKMeans(options).fit(engine, points, {
      ...(signal && { signal }),
      onProgress: ({ iteration, changed }) => onProgress?.(`iteration ${iteration}, ${changed} points changed cluster`),
    });
    return kmeansResult({ ...fit, labels: fit.labels.slice() }, files);
  },
};
