import { expect, it } from 'vitest';
import { referenceRound } from '../../../src/cli/jobs/gaussianMixtureReference.ts';
import {
  type CovarianceType,
  covarianceTypes,
  mixtureModel,
} from '../../../src/cluster/mixture/gaussianMixtureModel.ts';
import { sampleMixture } from '../../../src/cluster/mixture/gaussianMixtureSample.ts';
import { farthest } from './gaussianMixtureSuite.ts';

const matrix = [2, 0.8, -0.3, 0.8, 1, 0.2, -0.3, 0.2, 0.5];
const covariances: Readonly<Record<CovarianceType, readonly number[]>> = {
  full: [...matrix, 0.5, 0, 0, 0, 0.5, 0.4, 0, 0.4, 1],
  tied: matrix,
  diag: [2, 1, 0.5, 0.1, 0.2, 3],
  spherical: [2, 0.3],
};

it.each(covarianceTypes)('%s: a sample has the shares, means and covariances of the mixture', (covarianceType) => {
  const parameters = {
    weights: Float64Array.of(0.7, 0.3),
    means: Float64Array.of(0, 0, 0, 20, 20, -20),
    covariances: Float64Array.from(covariances[covarianceType]),
  };
  const shape = { componentCount: 2, columnCount: 3, covarianceType, regularization: 0 };
  const model = mixtureModel(shape, parameters);
  const count = 6000;
  const { points, labels } = sampleMixture(model, Float64Array.of(0, 0, 0), count, 8);
  const problem = { points, columnCount: 3, covariance: covarianceType, regularization: 0 };
  const { mixture, responsibilities } = referenceRound(problem, parameters);
  expect(labels.every((label, row) => (responsibilities[row * 2 + label] as number) > 0.999)).toBe(true);
  // Five standard errors: of a share at most 1/2, of the mean and of the covariance of 1,800 numbers of variance 3.
  expect(farthest(mixture.weights, parameters.weights)).toBeLessThan(5 * Math.sqrt(0.25 / count));
  expect(farthest(mixture.means, parameters.means)).toBeLessThan(5 * Math.sqrt(3 / 1800));
  expect(farthest(mixture.covariances, parameters.covariances)).toBeLessThan(5 * Math.sqrt((2 * 3 ** 2) / 1800));

  const shorter = sampleMixture(model, Float64Array.of(1, 0, 0), 10, 8);
  expect(
    farthest(
      shorter.points,
      points.subarray(0, 30).map((value, index) => value + (index % 3 === 0 ? 1 : 0)),
    ),
  ).toBeLessThan(1e-12);
  expect([...shorter.labels]).toEqual([...labels.subarray(0, 10)]);
  expect([...sampleMixture(model, Float64Array.of(1, 0, 0), 10, 9).points]).not.toEqual([...shorter.points]);
});
