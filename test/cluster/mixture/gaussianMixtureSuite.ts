import { GaussianMixture, type GaussianMixtureOptions } from '../../../src/cluster/mixture/gaussianMixture.ts';
import type { CovarianceType } from '../../../src/cluster/mixture/gaussianMixtureModel.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import type { Engine } from '../../../src/gpu/engine.ts';

/** What an oracle file has of mixtures and what they start from. */
export interface MixtureOracle {
  readonly clusters: number;
  readonly kmeans: { readonly centroids: readonly (readonly number[])[] };
  readonly gaussianMixture: {
    readonly tolerance: number;
    readonly covariance: Readonly<
      Partial<
        Record<
          CovarianceType,
          {
            readonly lowerBound: number;
            readonly iterations: number;
            readonly bic: number;
            readonly aic: number;
            readonly weights: readonly number[];
            readonly means: readonly (readonly number[])[];
          }
        >
      >
    >;
  };
}

/** Points of an oracle's CSV, whose last column is the class. */
export function oraclePoints(text: string): HostPoints {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').slice(0, -1).map(Number));
  return { data: Float64Array.from(rows.flat()), rowCount: rows.length, columnCount: rows[0]?.length ?? 0 };
}

/** Points, row by row. */
export function pointRows(...rows: readonly (readonly number[])[]): HostPoints {
  return { data: Float64Array.from(rows.flat()), rowCount: rows.length, columnCount: rows[0]?.length ?? 0 };
}

/** The fit that an oracle describes, and what scikit-learn found. */
export async function fitAsOracle(
  engine: Engine,
  points: HostPoints,
  oracle: MixtureOracle,
  covariance: CovarianceType,
) {
  const expected = oracle.gaussianMixture.covariance[covariance];
  if (!expected) throw new Error(`The oracle has no mixture of covariance ${covariance}.`);
  const options: GaussianMixtureOptions = {
    components: oracle.clusters,
    covariance,
    tolerance: oracle.gaussianMixture.tolerance,
    maximumIterations: 300,
    means: Float64Array.from(oracle.kmeans.centroids.flat()),
  };
  return { fit: await new GaussianMixture(options).fit(engine, points), expected };
}

/** The largest difference of two lists of equal length. */
export function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  return Array.from(actual).reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? Number.NaN))),
    0,
  );
}
