import { describe, expect, it } from 'vitest';
import { assertRound } from '../../../src/cli/jobs/benchGaussianMixture.ts';
import { GaussianMixture } from '../../../src/cluster/mixture/gaussianMixture.ts';
import { covarianceTypes } from '../../../src/cluster/mixture/gaussianMixtureModel.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';
import { farthest, fitAsOracle, oraclePoints } from './gaussianMixtureSuite.ts';

const open = useEngine();

describe('against scikit-learn, many rounds or columns', () => {
  it.each([
    ...covarianceTypes.map((type) => ({ name: 'moons', points: oraclePoints(moonsText), oracle: moonsOracle, type })),
    { name: 'digits', points: oraclePoints(digitsText), oracle: digitsOracle, type: 'diag' },
    // Its last rounds change the likelihood by little more than the tolerance.
    { name: 'digits', points: oraclePoints(digitsText), oracle: digitsOracle, type: 'spherical', means: 0.02 },
  ] as const)('$name, $type', async ({ points, oracle, type, ...bounds }) => {
    const { fit, expected } = await fitAsOracle(await open(), points, oracle, type);
    expect(Math.abs(fit.lowerBound - expected.lowerBound)).toBeLessThan(1e-5);
    expect(Math.abs(fit.iterations - expected.iterations)).toBeLessThanOrEqual(5);
    expect(fit.converged).toBe(true);
    expect(Math.abs(fit.bic / expected.bic - 1)).toBeLessThan(1e-6);
    expect(Math.abs(fit.aic / expected.aic - 1)).toBeLessThan(1e-6);
    expect(farthest(fit.weights, expected.weights)).toBeLessThan(3e-4);
    expect(farthest(fit.means, expected.means.flat())).toBeLessThan('means' in bounds ? bounds.means : 1e-3);
  });
});

describe('a round of many points against float64', () => {
  it.each([
    { columnCount: 3, covariance: 'full' },
    { columnCount: 16, covariance: 'full' },
    { columnCount: 33, covariance: 'tied' },
    { columnCount: 16, covariance: 'diag' },
    { columnCount: 33, covariance: 'spherical' },
  ] as const)('$columnCount columns, $covariance', async ({ columnCount, covariance }) => {
    const [rowCount, components, regularization] = [9001, 9, 1e-6];
    const points = blobs(columnCount, rowCount, columnCount, components, 1);
    const means = points.slice(0, components * columnCount);
    const mixture = new GaussianMixture({ components, covariance, regularization, means, maximumIterations: 1 });
    const fit = await mixture.fit(await open(), { data: points, rowCount, columnCount });
    expect(() => assertRound({ points, columnCount, covariance, regularization }, means, fit)).not.toThrow();
  });
});
