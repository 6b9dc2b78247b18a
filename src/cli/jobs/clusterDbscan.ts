import { Dbscan } from '../../cluster/dbscan/dbscan.ts';
import { suggestEpsilon } from '../../cluster/dbscan/kDistances.ts';
import { writeNpy } from '../../io/npy.ts';
import type { Job } from './job.ts';
import { pointsOf } from './pointInput.ts';

/** The hyperparameters of DBSCAN, and which results to write. */
export interface ClusterDbscanParameters {
  /** `suggest` reads it from the distances between the points. */
  readonly epsilon: number | 'suggest';
  readonly minimumPoints: number;
  /** Files to hand back: `labels` (int32, [points]) as `.npy`. */
  readonly files: readonly 'labels'[];
}

/** What DBSCAN found. */
export interface ClusterDbscanReport {
  /** The one given, or the one suggested. */
  readonly epsilon: number;
  /** Clusters, noise not counted. */
  readonly clusters: number;
  /** Points that belong to none. */
  readonly noise: number;
  /** Core points. */
  readonly core: number;
  /** Points of each cluster. */
  readonly sizes: readonly number[];
  /** SHA-256, in hex, of the labels as little-endian int32. */
  readonly labelsSha256: string;
}

/** Clusters the points of the input `points`, a `.npy` file of [rows, columns] in float32 or float64. */
export const clusterDbscan: Job<ClusterDbscanParameters, ClusterDbscanReport> = {
  name: 'clusterDbscan',
  page: 'runtime.html',
  run: async (engine, { epsilon: asked, minimumPoints, files }, { inputs, onProgress, signal }) => {
    const points = pointsOf(inputs.points);
    const run = signal ? { signal } : {};
    let epsilon = asked;
    if (epsilon === 'suggest') {
      onProgress?.('looking for neighbours');
      ({ epsilon } = await suggestEpsilon(engine, points, minimumPoints, run));
    }
    const fit = await new Dbscan({ epsilon, minimumPoints }).fit(engine, points, {
      ...run,
      onProgress: ({ step, share }) => onProgress?.(`${step} points, ${Math.round(share * 100)} %`),
    });
    const { clusters, noise, coreIndices, sizes, labels } = fit;
    const labelsSha256 = await fit.labelsSha256();
    const made = { labels: () => writeNpy({ shape: [points.rowCount], data: labels }) };
    return {
      report: { epsilon, clusters, noise, core: coreIndices.length, sizes: [...sizes], labelsSha256 },
      files: Object.fromEntries(files.map((name) => [name, made[name]()])),
    };
  },
};
