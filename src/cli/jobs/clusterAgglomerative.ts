import { Agglomerative } from '../../cluster/hierarchy/agglomerative.ts';
import type { Linkage } from '../../cluster/hierarchy/linkage.ts';
import { writeNpy } from '../../io/npy.ts';
import type { Job } from './job.ts';
import { pointsOf } from './pointInput.ts';

/** The hyperparameters of a hierarchical clustering, and which results to write. */
export interface ClusterAgglomerativeParameters {
  /** Clusters to cut into, unless `height` is given. */
  readonly clusters?: number;
  readonly height?: number;
  readonly linkage: Linkage;
  readonly preclusters?: number;
  readonly seed: number;
  /** Files to hand back: `labels` (int32, [points]), `linkage-matrix` (float64, [merges, 4], SciPy's), as `.npy`. */
  readonly files: readonly ('labels' | 'linkage-matrix')[];
}

/** What hierarchical clustering found. */
export interface ClusterAgglomerativeReport {
  readonly clusters: number;
  readonly linkage: Linkage;
  /** The five greatest heights at which clusters merge, the greatest last. */
  readonly merges: readonly number[];
  /** Points of each cluster, in the order of their first points. */
  readonly sizes: readonly number[];
  /** SHA-256, in hex, of the labels as little-endian int32. */
  readonly labelsSha256: string;
}

const topMerges = 5;

/** Clusters the points of the input `points`, a `.npy` file of [rows, columns] in float32 or float64. */
export const clusterAgglomerative: Job<ClusterAgglomerativeParameters, ClusterAgglomerativeReport> = {
  name: 'clusterAgglomerative',
  page: 'runtime.html',
  run: async (engine, parameters, { inputs, onProgress, signal }) => {
    const { files, ...options } = parameters;
    const fit = await new Agglomerative(options).fit(engine, pointsOf(inputs.points), {
      ...(signal && { signal }),
      onProgress: ({ clusters }) => onProgress?.(`${clusters} clusters left`),
    });
    const made = {
      labels: () => writeNpy({ shape: [fit.labels.length], data: fit.labels }),
      'linkage-matrix': () => writeNpy({ shape: [fit.distances.length, 4], data: fit.linkageMatrix() }),
    };
    return {
      report: {
        clusters: fit.sizes.length,
        linkage: options.linkage,
        merges: [...fit.distances.slice(-topMerges)],
        sizes: [...fit.sizes],
        labelsSha256: await fit.labelsSha256(),
      },
      files: Object.fromEntries(files.map((name) => [name, made[name]()])),
    };
  },
};
