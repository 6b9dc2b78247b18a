import { describe, expect, it } from 'vitest';
import { Aborted, CuantaError, InvalidInput, LimitExceeded, ShapeMismatch } from '../../../src/base/errors.ts';
import { referenceRound, referenceStart } from '../../../src/cli/jobs/gaussianMixtureReference.ts';
import { labelsHash } from '../../../src/cluster/labelsHash.ts';
import { GaussianMixture, type GaussianMixtureOptions } from '../../../src/cluster/mixture/gaussianMixture.ts';
import { type CovarianceType, covarianceTypes } from '../../../src/cluster/mixture/gaussianMixtureModel.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { blobPoints } from '../support.ts';
import { farthest, fitAsOracle, oraclePoints, pointRows } from './gaussianMixtureSuite.ts';

const open = useEngine();
const iris = oraclePoints(irisText);

async function fitMixture(points: HostPoints, options: GaussianMixtureOptions) {
  return new GaussianMixture(options).fit(await open(), points);
}

describe('against scikit-learn, from the stated start', () => {
  it.each(covarianceTypes)('iris, %s: lower bound, criteria, parameters and rounds', async (type) => {
    const { fit, expected } = await fitAsOracle(await open(), iris, irisOracle, type);
    expect(Math.abs(fit.lowerBound - expected.lowerBound)).toBeLessThan(1e-6);
    expect(Math.abs(fit.iterations - expected.iterations)).toBeLessThanOrEqual(1);
    expect(fit.converged).toBe(true);
    expect(fit.bic).toBeCloseTo(expected.bic, 2);
    expect(fit.aic).toBeCloseTo(expected.aic, 2);
    expect(farthest(fit.weights, expected.weights)).toBeLessThan(1e-5);
    expect(farthest(fit.means, expected.means.flat())).toBeLessThan(1e-5);
    expect(fit.sizes.reduce((sum, size) => sum + size, 0)).toBe(150);
    expect(await fit.labelsSha256()).toBe(await labelsHash(fit.labels));
  });
});

describe('one round against float64', () => {
  it.each(covarianceTypes)('%s, from given means', async (covariance) => {
    const points = blobPoints(31, 400, 6, 5);
    const means = points.data.slice(0, 24);
    const problem = { points: points.data, columnCount: 6, covariance, regularization: 1e-3 };
    const expected = referenceRound(problem, referenceStart(problem, means));
    const options = { components: 4, covariance, regularization: 1e-3, means, maximumIterations: 1 };
    const fit = await fitMixture(points, options);
    expect(fit.iterations).toBe(1);
    expect(fit.converged).toBe(false);
    expect(fit.lowerBound).toBeCloseTo(expected.meanLogLikelihood, 5);
    expect(farthest(fit.weights, expected.mixture.weights)).toBeLessThan(1e-5);
    expect(farthest(fit.means, expected.mixture.means)).toBeLessThan(1e-4);
    expect(farthest(fit.covariances, expected.mixture.covariances)).toBeLessThan(2e-4);

    const next = referenceRound(problem, expected.mixture);
    expect(fit.meanLogLikelihood).toBeCloseTo(next.meanLogLikelihood, 4);
    const resumed = await fitMixture(points, {
      ...options,
      means: fit.means,
      weights: fit.weights,
      covariances: fit.covariances,
    });
    expect(resumed.lowerBound).toBeCloseTo(next.meanLogLikelihood, 4);
    expect(farthest(resumed.means, next.mixture.means)).toBeLessThan(1e-3);
  });

  it.each(covarianceTypes)('%s: means far from all points leave their variances exact', async (covariance) => {
    const random = createRandom(9);
    const data = Float64Array.from({ length: 600 }, (_, index) => 100 * (index % 2) + 0.01 * random.normal());
    const points = { data, rowCount: 300, columnCount: 2 };
    const means = Float64Array.of(-50, 130);
    const problem = { points: data, columnCount: 2, covariance, regularization: 0 };
    const { mixture } = referenceRound(problem, referenceStart(problem, means));
    const fit = await fitMixture(points, { covariance, regularization: 0, means, maximumIterations: 1 });
    // The variances are 1e-4: a relative error of 1e-3.
    expect(farthest(fit.covariances, mixture.covariances)).toBeLessThan(1e-7);
  });
});

describe('from the clusters of k-means', () => {
  const places = [
    [0, 0, 0],
    [10, 0, 5],
    [0, 20, -5],
  ];
  const random = createRandom(77);
  const rows = Array.from({ length: 240 }, (_, row) => {
    const [x, y, z] = [random.normal(), random.normal(), random.normal()];
    const [a = 0, b = 0, c = 0] = places[row % 3] ?? [];
    return [a + x, b + 0.5 * x + y, c + 0.3 * y + 0.2 * z];
  });

  it('finds separate components, the same at every run, and as well with an offset of 1e4', async () => {
    const fit = await fitMixture(pointRows(...rows), { components: 3, seed: 3 });
    const component = places.map((_, place) => fit.labels[place] as number);
    expect(new Set(component).size).toBe(3);
    expect([...fit.labels]).toEqual(rows.map((_, row) => component[row % 3]));
    expect([...fit.sizes]).toEqual([80, 80, 80]);
    const second = await fitMixture(pointRows(...rows), { components: 3, seed: 3 });
    expect(second.lowerBound).toBe(fit.lowerBound);
    expect([...second.covariances]).toEqual([...fit.covariances]);

    const shifted = await fitMixture(pointRows(...rows.map((row) => row.map((value) => value + 1e4))), {
      components: 3,
      seed: 3,
    });
    expect([...shifted.labels]).toEqual([...fit.labels]);
    expect(shifted.lowerBound).toBeCloseTo(fit.lowerBound, 5);
    expect(
      farthest(
        shifted.means,
        fit.means.map((mean) => mean + 1e4),
      ),
    ).toBeLessThan(1e-4);
  });

  it('points in a tensor give what the same points in an array do', async () => {
    const engine = await open();
    const points = pointRows(...rows);
    const tensor = engine.tensor(Float32Array.from(points.data), [240, 3]);
    const fit = await new GaussianMixture({ components: 3, covariance: 'tied', seed: 3 }).fit(engine, tensor);
    const host = await fitMixture(points, { components: 3, covariance: 'tied', seed: 3 });
    expect(fit.lowerBound).toBeCloseTo(host.lowerBound, 5);
    expect([...(await fit.predict(tensor))]).toEqual([...fit.labels]);
    tensor.dispose();
  });

  it('of several starts the one with the highest lower bound is kept, and progress is told', async () => {
    const points = { data: createRandom(5).uniformArray(300), rowCount: 150, columnCount: 2 };
    const options = { components: 6, covariance: 'diag' } as const;
    const single = await Promise.all([11, 12, 13].map((seed) => fitMixture(points, { ...options, seed })));
    const told: number[] = [];
    const fit = await new GaussianMixture({ ...options, seed: 11, starts: 3 }).fit(await open(), points, {
      onProgress: ({ start, iteration, lowerBound, change }) => {
        expect(iteration === 1 ? change : Math.abs(change)).toBeGreaterThan(iteration === 1 ? 1e300 : -1);
        told[start] = lowerBound;
      },
    });
    const bounds = single.map(({ lowerBound }) => lowerBound);
    expect(told).toEqual(bounds);
    expect(fit.lowerBound).toBe(Math.max(...bounds));
    expect(new Set(bounds).size).toBeGreaterThan(1);
  });
});

describe('every round', () => {
  it.each(['full', 'diag'] as const)(
    '%s: is shown with its labels and parameters, and changes nothing',
    async (covariance) => {
      const engine = await open();
      const points = blobPoints(33, 300, 3, 4);
      const options = { components: 3, covariance, means: points.data.slice(0, 9) };
      const whole = await fitMixture(points, { ...options, maximumIterations: 4 });
      const bounds: number[] = [];
      const rounds: { labels: number[]; means: Float64Array; weights: Float64Array; covariances: Float64Array }[] = [];
      const fit = await new GaussianMixture({ ...options, maximumIterations: 4 }).fit(engine, points, {
        onIteration: async ({ iteration, lowerBound, labels, readParameters }) => {
          bounds[iteration - 1] = lowerBound;
          rounds.push({ labels: [...(await labels.read())], ...(await readParameters()) });
        },
      });
      expect(rounds.length).toBe(fit.iterations);
      expect(bounds.at(-1)).toBe(fit.lowerBound);
      expect(fit.labels).toEqual(whole.labels);
      for (const name of ['means', 'weights', 'covariances'] as const) {
        expect(fit[name]).toEqual(whole[name]);
        expect(rounds.at(-1)?.[name]).toEqual(fit[name]);
      }
      // The labels of a round are those of the parameters that the round before led to.
      const first = await fitMixture(points, { ...options, maximumIterations: 1 });
      expect(rounds[1]?.labels).toEqual([...first.labels]);
    },
  );
});

describe('of other points', () => {
  it('labels, probabilities and scores are those of the mixture in float64', async () => {
    const points = blobPoints(6, 500, 3, 3);
    const fit = await fitMixture(points, { components: 3, seed: 1 });
    const others = pointRows(
      [5, 5, 5],
      [1e5, -1e5, 0],
      ...[0, 7, 400].map((row) => [...points.data.subarray(row * 3, row * 3 + 3)]),
    );
    const problem = { points: others.data, columnCount: 3, covariance: 'full', regularization: 0 } as const;
    const { scores, responsibilities } = referenceRound(problem, fit);
    const found = await fit.scoreSamples(others);
    scores.forEach((score, row) => {
      expect(Math.abs((found[row] as number) / score - 1)).toBeLessThan(1e-4);
    });
    expect(Math.min(...found)).toBe(found[1]);
    const probabilities = await fit.predictProbability(others);
    expect(farthest(probabilities, responsibilities)).toBeLessThan(1e-3);
    const labels = await fit.predict(others);
    expect([...labels.subarray(2)]).toEqual([0, 7, 400].map((row) => fit.labels[row]));
    await expect(fit.predict(pointRows([1, 2]))).rejects.toThrow(ShapeMismatch);
    await expect(fit.scoreSamples(pointRows([1, 2, Number.NaN]))).rejects.toThrow('row 0, column 2 is NaN');
  });

  it('the lower of two equal components is the label', async () => {
    const means = Float64Array.of(1, 2, 1, 2, 1, 2);
    const fit = await fitMixture(pointRows([0, 1], [2, 3], [1, 2]), { components: 3, means, regularization: 0.1 });
    expect([...fit.labels]).toEqual([0, 0, 0]);
    const probabilities = await fit.predictProbability(pointRows([4, 4]));
    expect(farthest(probabilities, [1 / 3, 1 / 3, 1 / 3])).toBeLessThan(1e-6);
  });

  it('samples of a fit are about its own centre', async () => {
    const far = { ...iris, data: iris.data.map((value) => value + 1e4) };
    const fit = await fitMixture(far, { components: 2, means: far.data.slice(0, 8), maximumIterations: 2 });
    const { points } = fit.sample(50, 1);
    expect(Math.min(...points)).toBeGreaterThan(9990);
    expect(() => fit.sample(0)).toThrow(InvalidInput);
    expect(() => fit.sample(1, -1)).toThrow(InvalidInput);
  });
});

describe('degenerate points', () => {
  it.each(covarianceTypes)(
    '%s: one point, all alike, constant columns, more components than different points',
    async (covariance) => {
      const one = await fitMixture(pointRows([3, -4]), { covariance });
      expect([...one.means]).toEqual([3, -4]);
      const density = -Math.log(2 * Math.PI) + Math.log(1e6);
      expect(one.lowerBound).toBeCloseTo(density, 5);
      expect(Math.max(...one.covariances)).toBeCloseTo(1e-6, 12);

      const alike = await fitMixture(pointRows(...Array.from({ length: 70 }, () => [3, -4])), {
        covariance,
        components: 3,
      });
      expect(alike.lowerBound).toBeCloseTo(density, 4);
      expect(alike.converged).toBe(true);

      const random = createRandom(4);
      const flat = pointRows(...Array.from({ length: 90 }, () => [7, random.normal(), 7e3]));
      const fit = await fitMixture(flat, { covariance, components: 2 });
      expect(farthest([fit.means[0] ?? 0, fit.means[2] ?? 0], [7, 7e3])).toBeLessThan(1e-9);
      expect(Number.isFinite(fit.bic)).toBe(true);

      const few = pointRows([0, 0], [0, 0], [5, 1], [5, 1], [5, 1]);
      const surplus = await fitMixture(few, { covariance, components: 4 });
      expect(surplus.labels[0]).toBe(surplus.labels[1]);
      expect(surplus.labels[2]).toBe(surplus.labels[4]);
      expect(surplus.labels[0]).not.toBe(surplus.labels[2]);
      expect(surplus.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
    },
  );

  it.each(covarianceTypes)('%s: a covariance that collapses says what to do', async (covariance) => {
    const points = pointRows([1, 2], [1, 2], [1, 2]);
    const fit = fitMixture(points, { covariance, regularization: 0 });
    await expect(fit).rejects.toThrow(InvalidInput);
    await expect(fit).rejects.toThrow(/covariance of .* Raise regularization, which is 0/);
  });

  it('a variance that float32 cannot resolve beside the range is an error', async () => {
    const points = pointRows([0, 1], [1e22, 1], [2e22, 1]);
    await expect(fitMixture(points, { covariance: 'diag' })).rejects.toThrow(/less than 1e-30 of the squared range/);
  });

  it('a point too far away for the mixture to be told beside it is an error that says so', async () => {
    const fit = await fitMixture(pointRows([0, 1], [1, 2], [3, 1]), {});
    expect(await fit.predict(pointRows([1e9, 1]))).toEqual(Int32Array.of(0));
    await expect(fit.predict(pointRows([0, 1], [1e30, 1]))).rejects.toThrow(
      /^predict: a point lies about 1\.3e\+30 away .* Leave such points out\.$/,
    );
    expect(() => fit.sample(2 ** 40)).toThrow(LimitExceeded);
    expect(() => fit.sample(1.5)).toThrow('sample: count is 1.5');
  });

  it('the largest seed has further starts', async () => {
    const options = { components: 2, seed: Number.MAX_SAFE_INTEGER, starts: 2 };
    const fit = await fitMixture(pointRows([0, 1], [1, 2], [3, 1]), options);
    expect(fit.labels).toHaveLength(3);
  });
});

describe('abort and memory', () => {
  it('a fit that is aborted rejects, and no memory is left behind', async () => {
    const engine = await open();
    await engine.idle();
    const live = engine.memory.live;
    const controller = new AbortController();
    const points = blobPoints(41, 400, 3, 3);
    const fit = new GaussianMixture({ components: 3, tolerance: 0, maximumIterations: 1000 }).fit(engine, points, {
      signal: controller.signal,
      onProgress: ({ iteration }) => {
        if (iteration === 2) controller.abort();
      },
    });
    await expect(fit).rejects.toThrow(Aborted);
    await engine.idle();
    const done = await fitMixture(points, { components: 3 });
    await done.predict(points);
    await done.predictProbability(points);
    await expect(
      fitMixture(points, { components: 3, means: new Float64Array(9), regularization: 0 }),
    ).resolves.toBeDefined();
    await engine.idle();
    expect(engine.memory.live).toBe(live);
    await expect(new GaussianMixture().fit(engine, points, { signal: controller.signal })).rejects.toThrow(Aborted);
  });
});

describe('errors', () => {
  it.each([
    { options: { components: 0 }, says: 'components is 0' },
    { options: { components: 1.5 }, says: 'components is 1.5' },
    { options: { covariance: 'round' as CovarianceType }, says: 'covariance is "round"' },
    { options: { tolerance: -1 }, says: 'tolerance is -1' },
    { options: { regularization: Number.NaN }, says: 'regularization is NaN' },
    { options: { maximumIterations: 0 }, says: 'maximumIterations is 0' },
    { options: { starts: 0 }, says: 'starts is 0' },
    { options: { seed: -1 }, says: 'seed is -1' },
    { options: { weights: [1] as unknown as Float64Array }, says: 'without means' },
    { options: { starts: 2, means: new Float64Array(2) }, says: 'starts is 2' },
    { options: { means: new Float64Array(2), weights: Float64Array.of(0) }, says: 'weights are [0]' },
    { options: { means: new Float64Array(2), weights: Float64Array.of(1, 1) }, says: 'give 1 finite numbers' },
  ])('of options: $says', ({ options, says }) => {
    expect(() => new GaussianMixture(options)).toThrow(says);
    expect(() => new GaussianMixture(options)).toThrow(InvalidInput);
  });

  it.each([
    { points: pointRows([1, 2], [3, 4]), options: { components: 3 }, says: '3 components of 2 points' },
    { points: pointRows(), options: {}, says: '0 points' },
    { points: pointRows([1, 2], [3, Number.NaN]), options: {}, says: 'row 1, column 1 is NaN' },
    { points: pointRows([1, 2]), options: { means: new Float64Array(3) }, says: 'need 2' },
    { points: pointRows([1, 2]), options: { means: Float64Array.of(1, Number.NaN) }, says: 'row 0, column 1 is NaN' },
    {
      points: pointRows([1, 2]),
      options: { means: new Float64Array(2), covariances: new Float64Array(3) },
      says: 'need 4',
    },
    {
      points: pointRows([1, 2]),
      options: { means: new Float64Array(2), covariances: Float64Array.of(1, 2, 2, 1) },
      says: 'not positive definite',
    },
  ])('of points: $says', async ({ points, options, says }) => {
    const failing = fitMixture(points, options);
    await expect(failing).rejects.toThrow(CuantaError);
    await expect(failing).rejects.toThrow(says);
  });

  it('of matrices with too many columns', async () => {
    const points = { data: new Float32Array(1025), rowCount: 1, columnCount: 1025 };
    await expect(fitMixture(points, {})).rejects.toThrow(LimitExceeded);
    const fit = await fitMixture(points, { covariance: 'diag', means: points.data });
    expect(fit.lowerBound).toBeCloseTo((1025 / 2) * (Math.log(1e6) - Math.log(2 * Math.PI)), 1);
  });
});
