import { GaussianMixture } from '../../cluster/mixture/gaussianMixture.ts';
import type { CovarianceType } from '../../cluster/mixture/gaussianMixtureModel.ts';
import { writeNpy } from '../../io/npy.ts';
import type { Job } from './job.ts';
import { pointsOf } from './pointInput.ts';

/** The hyperparameters of a mixture, and which results to write. */
export interface ClusterGaussianMixtureParameters {
  readonly components: number;
  readonly covariance: CovarianceType;
  readonly tolerance: number;
  readonly regularization: number;
  readonly maximumIterations: number;
  readonly starts: number;
  readonly seed: number;
  /** Files to hand back, as `.npy`: `labels` (int32, [points]) and `scores`, the log-densities (float64, [points]). */
  readonly files: readonly ('labels' | 'scores')[];
}

/** The mixture that was found. */
export interface ClusterGaussianMixtureReport {
  /** Mean log-likelihood of a sample. */
  readonly lowerBound: number;
  /** Rounds of expectation and maximization. */
  readonly iterations: number;
  /** False when the maximum of iterations ended it. */
  readonly converged: boolean;
  readonly bic: number;
  readonly aic: number;
  readonly weights: readonly number[];
  readonly components: number;
  /** Points of each component, by their most probable one. */
  readonly sizes: readonly number[];
  /** SHA-256, in hex, of the labels as little-endian int32. */
  readonly labelsSha256: string;
}

/**
 * Fits a mixture to the input `points`, a `.npy` file of [rows, columns], from the means of the input `means`, one of
 * [components, columns], if there is one.
 */
export const clusterGaussianMixture: Job<ClusterGaussianMixtureParameters, ClusterGaussianMixtureReport> = {
  name: 'clusterGaussianMixture',
  page: 'runtime.html',
  run: async (engine, { files, ...options }, { inputs, onProgress, signal }) => {
    const points = pointsOf(inputs.points);
    const means = inputs.means && pointsOf(inputs.means).data;
    const fit = await new GaussianMixture({ ...options, ...(means && { means }) }).fit(engine, points, {
      ...(signal && { signal }),
      onProgress: ({ start, iteration, lowerBound }) =>
        onProgress?.(`start ${start + 1}, iteration ${iteration}, lower bound ${lowerBound.toFixed(6)}`),
    });
    const { lowerBound, iterations, converged, bic, aic, weights, labels, sizes } = fit;
    const shape = [points.rowCount];
    const made = {
      labels: async () => writeNpy({ shape, data: labels }),
      scores: async () => writeNpy({ shape, data: await fit.scoreSamples(points) }),
    };
    const written = await Promise.all(files.map(async (name) => [name, await made[name]()] as const));
    return {
      report: {
        lowerBound,
        iterations,
        converged,
        bic,
        aic,
        weights: [...weights],
        components: options.components,
        sizes: [...sizes],
        labelsSha256: await fit.labelsSha256(),
      },
      files: Object.fromEntries(written),
    };
  },
};
