import { KMeans, type KMeansMetric, type KMeansPrecision } from '../../cluster/kmeans/kmeans.ts';
import { clusterMetrics } from '../../cluster/metrics/metrics.ts';
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
  readonly precision: KMeansPrecision;
  readonly tolerance: number;
  readonly maximumIterations: number;
  readonly seed: number;
  /** Whether to measure how good the clusters are. */
  readonly judge: boolean;
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
    const points = pointsOf(inputs.points);
    const { rowCount } = points;
    const { files, judge, ...options } = parameters;
    const weights = inputs.weights && weightsOf(inputs.weights);
    const fit = await new KMeans(options).fit(engine, points, {
      ...(signal && { signal }),
      ...(weights && { weights }),
      onProgress: ({ iteration, changed, start }) =>
        onProgress?.(
          `${start ? `start ${start} of ${options.starts}, ` : ''}iteration ${iteration}, ${changed} of ${rowCount} points changed cluster`,
        ),
    });
    const made = await kmeansResult(fit, files);
    const { seed } = options;
    const metrics = judge && (await clusterMetrics(engine, points, fit.labels, { seed, ...(signal && { signal }) }));
    return { ...made, report: { ...made.report, ...(fit.int8 && { int8: fit.int8 }), ...(metrics && { metrics }) } };
  },
};
