import { KMeans, type KMeansMetric } from '../../cluster/kmeans.ts';
import { writeNpy } from '../../io/npy.ts';
import type { Job } from './job.ts';
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
  /** Files to hand back: `labels` (int32, [points]) and `centroids` (float64, [clusters, columns]), as `.npy`. */
  readonly files: readonly ('labels' | 'centroids')[];
}

/** What k-means found. */
export interface ClusterKmeansReport {
  /** Sum of the squared distances of the points to their centroids, or of 1 − cos, times their weights. */
  readonly inertia: number;
  /** Rounds of assignment and update, with the one in which nothing moved, without the final assignment. */
  readonly iterations: number;
  /** False when the maximum of iterations ended it. */
  readonly converged: boolean;
  readonly clusters: number;
  /** Points of each cluster. */
  readonly sizes: readonly number[];
  /** SHA-256, in hex, of the labels as little-endian int32. */
  readonly labelsSha256: string;
}

/**
 * Clusters the points of the input `points`, a `.npy` file of [rows, columns] in float32 or float64. The input `weights`, if
 * there is one, is a `.npy` file of [rows].
 */
export const clusterKmeans: Job<ClusterKmeansParameters, ClusterKmeansReport> = {
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
    const { inertia, iterations, converged, sizes, labels, centroids } = fit;
    const made = {
      labels: () => writeNpy({ shape: [rowCount], data: labels }),
      centroids: () => writeNpy({ shape: [options.clusters, columnCount], data: centroids }),
    };
    const labelsSha256 = await fit.labelsSha256();
    return {
      report: { inertia, iterations, converged, clusters: options.clusters, sizes: [...sizes], labelsSha256 },
      files: Object.fromEntries(files.map((name) => [name, made[name]()])),
    };
  },
};
