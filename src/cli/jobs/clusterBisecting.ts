import { BisectingKMeans, type BisectingStrategy } from '../../cluster/kmeans/bisecting.ts';
import type { Job } from './job.ts';
import { type KmeansFile, type KmeansReport, kmeansResult } from './kmeansResult.ts';
import { pointsOf } from './pointInput.ts';

/** The hyperparameters of bisecting k-means, and which results to write. */
export interface ClusterBisectingParameters {
  readonly clusters: number;
  readonly init: 'random' | 'k-means++';
  readonly strategy: BisectingStrategy;
  /** How often to start each split; the best is kept. */
  readonly starts: number;
  readonly tolerance: number;
  /** Of each split. */
  readonly maximumIterations: number;
  readonly seed: number;
  readonly files: readonly KmeansFile[];
}

/** Clusters the points of the input `points`, a `.npy` file of [rows, columns] in float32 or float64. */
export const clusterBisecting: Job<ClusterBisectingParameters, KmeansReport> = {
  name: 'clusterBisecting',
  page: 'runtime.html',
  run: async (engine, { files, ...options }, { inputs, onProgress, signal }) => {
    const fit = await new BisectingKMeans(options).fit(engine, pointsOf(inputs.points), {
      ...(signal && { signal }),
      onProgress: (clusters) => onProgress?.(`${clusters} of ${options.clusters} clusters`),
    });
    const converged = fit.sizes.length === options.clusters;
    return kmeansResult({ ...fit, iterations: fit.splits.length, converged }, files);
  },
};
