import { KMeans, type KMeansMetric } from '../../cluster/kmeans.ts';
import type { Job } from './job.ts';
import { type KmeansFile, type KmeansReport, kmeansResult } from './kmeansResult.ts';
import { pointsOf, weightsOf } from './pointInput.ts';

/** The hyperparameters of k-means, and which results to write. */
export interface ClusterKmeansParameters {
  readonly clusters: number;
  readonly init: 'first' | 'random' | 'k-means++' | 'k-means||';
  /** How often to start; the fit with the smallest inertia is kept. */
  readonly starts: number;
  readonly metric: KMeansMetric;
  readonly tolerance: number;
  readonly maximumIterations: number;
  readonly seed: number;
  readonly files: readonly KmeansFile[];
}

/**
 * Clusters the points of the input `points`, a `.npy` file of [rows, columns] in float32 or float64. The input `weights`, if
 * there is one, is a `.npy` file of [rows].
 */
export const clusterKmeans: Job<ClusterKmeansParameters, KmeansReport> = {
  name: 'clusterKmeans',
  page: 'runtime.html',
  run: async (engine, parameters, { inputs, onProgress, signal }) => {
    const { data, rowCount, columnCount } = pointsOf(inputs.points);
    const { files, ...options } = parameters;
    const weights = inputs.weights && weightsOf(inputs.weights);
    const fit = await new KMeans(options).fit(
      engine,
      { data, rowCount, columnCount },
      {
        ...(signal && { signal }),
        ...(weights && { weights }),
        onProgress: ({ iteration, changed, start }) =>
          onProgress?.(
            `${start ? `start ${start} of ${options.starts}, ` : ''}iteration ${iteration}, ${changed} of ${rowCount} points changed cluster`,
          ),
      },
    );
    return kmeansResult(fit, files);
  },
};
