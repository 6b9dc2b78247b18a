import type { Int8Report } from '../../cluster/kmeans/int8Rounds.ts';
import type { KMeansFit } from '../../cluster/kmeans/kmeans.ts';
import type { ClusterMetrics } from '../../cluster/metrics/metrics.ts';
import { writeNpy } from '../../io/npy.ts';
import type { JobResult } from './job.ts';

/** Files that k-means can hand back, as `.npy`: `labels` (int32, [points]) and `centroids` (float64, [clusters, columns]). */
export type KmeansFile = 'labels' | 'centroids';

/** What k-means found, of whatever kind it is. */
export interface KmeansReport {
  /** Sum of the squared distances of the points to their centroids, or of 1 − cos, times their weights. */
  readonly inertia: number;
  /**
   * Rounds of assignment and update, with the one in which nothing moved, without the final assignment; batches of
   * mini-batch, splits of bisecting k-means.
   */
  readonly iterations: number;
  /** False when the maximum of iterations ended it. */
  readonly converged: boolean;
  readonly clusters: number;
  /** Points of each cluster. */
  readonly sizes: readonly number[];
  /** SHA-256, in hex, of the labels as little-endian int32. */
  readonly labelsSha256: string;
  /** How the assignment in 8 bits went, where it was asked for. */
  readonly int8?: Int8Report;
  /** How good the clusters are, where that was asked for. */
  readonly metrics?: ClusterMetrics;
}

/** The report on a fit and the files asked for. */
export async function kmeansResult(
  fit: Pick<KMeansFit, 'labels' | 'centroids' | 'inertia' | 'iterations' | 'converged' | 'sizes' | 'labelsSha256'>,
  files: readonly KmeansFile[],
): Promise<JobResult<KmeansReport>> {
  const { inertia, iterations, converged, sizes, labels, centroids } = fit;
  const clusters = sizes.length;
  const made = {
    labels: () => writeNpy({ shape: [labels.length], data: labels }),
    centroids: () => writeNpy({ shape: [clusters, centroids.length / clusters], data: centroids }),
  };
  const labelsSha256 = await fit.labelsSha256();
  return {
    report: { inertia, iterations, converged, clusters, sizes: [...sizes], labelsSha256 },
    files: Object.fromEntries(files.map((name) => [name, made[name]()])),
  };
}
