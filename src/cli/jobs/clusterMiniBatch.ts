import { MiniBatchKMeans } from '../../cluster/chunks/miniBatch.ts';
import type { Job } from './job.ts';
import { type KmeansFile, type KmeansReport, kmeansResult } from './kmeansResult.ts';
import { pointsOf } from './pointInput.ts';

/** The hyperparameters of mini-batch k-means, and which results to write. */
export interface ClusterMiniBatchParameters {
  readonly clusters: number;
  readonly init: 'first' | 'random' | 'k-means++';
  readonly batchSize: number;
  readonly maximumIterations: number;
  readonly noImprovement: number;
  readonly reassignmentRatio: number;
  readonly seed: number;
  readonly files: readonly KmeansFile[];
}

/** Clusters the points of the input `points`, a `.npy` file of [rows, columns] in float32 or float64. */
export const clusterMiniBatch: Job<ClusterMiniBatchParameters, KmeansReport> = {
  name: 'clusterMiniBatch',
  page: 'runtime.html',
  run: async (engine, { files, ...options }, { inputs, onProgress, signal }) => {
    const fit = await new MiniBatchKMeans(options).fit(engine, pointsOf(inputs.points), {
      ...(signal && { signal }),
      onProgress: ({ step, meanSquare }) => onProgress?.(`batch ${step}, mean squared distance ${meanSquare}`),
    });
    return kmeansResult({ ...fit, iterations: fit.steps }, files);
  },
};
