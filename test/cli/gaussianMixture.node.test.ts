import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { assertRound, benchGaussianMixture } from '../../src/cli/jobs/benchGaussianMixture.ts';
import { referenceRound, referenceStart } from '../../src/cli/jobs/gaussianMixtureReference.ts';
import { readNpy } from '../../src/io/npy.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const iris = 'test/oracles/iris.csv';
const oracle = JSON.parse(readFileSync('test/oracles/iris.json', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.concurrent('cuanta cluster gaussian-mixture', () => {
  test('fits iris as scikit-learn does from given means, and writes labels and scores', async () => {
    const [means, labels, scores] = ['means.csv', 'labels.npy', 'scores.npy'].map((name) => join(folder, name));
    const centroids = oracle.kmeans.centroids as number[][];
    writeFileSync(means as string, centroids.map((row) => `${row.join(',')}\n`).join(''));
    const hyperparameters = [
      '--components',
      '3',
      '--covariance',
      'tied',
      '--tolerance',
      '1e-6',
      '--max-iterations',
      '300',
    ];
    const files = ['--means', means as string, '--labels', labels as string, '--scores', scores as string];
    const where = ['--columns', '0-3', '--runtime', 'dawn'];
    const report = await cuantaJson(['cluster', 'gaussian-mixture', iris, ...hyperparameters, ...files, ...where]);
    const expected = oracle.gaussianMixture.covariance.tied;
    const written = readNpy(readFileSync(labels as string));
    expect(report).toEqual({
      lowerBound: expect.closeTo(expected.lowerBound, 5),
      iterations: expected.iterations,
      converged: true,
      bic: expect.closeTo(expected.bic, 2),
      aic: expect.closeTo(expected.aic, 2),
      weights: expected.weights.map((weight: number) => expect.closeTo(weight, 5)),
      components: 3,
      sizes: [0, 1, 2].map((component) => [...written.data].filter((label) => label === component).length),
      labelsSha256: createHash('sha256')
        .update(new Uint8Array(Int32Array.from(written.data as Int32Array).buffer))
        .digest('hex'),
    });
    const densities = readNpy(readFileSync(scores as string));
    expect(densities).toMatchObject({ shape: [150], dtype: 'float64' });
    const mean = [...densities.data].reduce<number>((sum, value) => sum + Number(value), 0) / 150;
    expect(mean).toBeCloseTo(expected.lowerBound, 4);
  });

  test('a covariance that collapses is an error with its remedy', async () => {
    const points = join(folder, 'alike.csv');
    writeFileSync(points, '1,2\n1,2\n1,2\n');
    const words = ['cluster', 'gaussian-mixture', points, '--regularization', '0', '--runtime', 'dawn'];
    const { exitCode, stderr } = await cuanta(words);
    expect(stderr).toMatch(/error\[InvalidInput\]: .*not positive definite.*Raise regularization/);
    expect(exitCode).toBe(1);
  });
});

describe('the benchmark', () => {
  test('times the first size and each further one, after a check', async () => {
    const parameters = {
      points: [300, 500],
      dimensions: [2, 3],
      components: [2],
      covariance: 'diag',
      iterations: 2,
      runs: 1,
      seed: 1,
      peers: true,
    } as const;
    const { report } = await benchGaussianMixture.run(await open(), parameters, { inputs: {} });
    const sizes = report.cases.map(({ points, dimensions, components }) => [points, dimensions, components]);
    expect(sizes).toEqual([
      [300, 2, 2],
      [500, 2, 2],
      [300, 3, 2],
    ]);
    expect(report.peers?.length).toBe(3);
    for (const { iterations, checkedRows, points } of report.cases) {
      expect(iterations).toBe(2);
      expect(checkedRows).toBe(points);
    }
    const grown = report.growth?.map(({ axis, from, to }) => [axis, from, to]);
    expect(grown).toEqual([
      ['points', 300, 500],
      ['dimensions', 2, 3],
    ]);
    for (const { ratio } of report.ratios ?? []) expect(ratio).toBeGreaterThan(0);
  });

  test('its check lets the reference pass, and nothing that differs from it', () => {
    const points = Float64Array.from({ length: 60 }, (_, index) => Math.sin(index ** 2));
    const problem = { points, columnCount: 2, covariance: 'full', regularization: 1e-6 } as const;
    const means = [0, 0, 0.5, 0.5];
    const { mixture, meanLogLikelihood } = referenceRound(problem, referenceStart(problem, means));
    const right = { ...mixture, lowerBound: meanLogLikelihood };
    expect(() => assertRound(problem, means, right)).not.toThrow();
    expect(() => assertRound(problem, means, { ...right, lowerBound: meanLogLikelihood + 1e-3 })).toThrow(
      /lower bound/,
    );
    for (const name of ['weights', 'means', 'covariances'] as const) {
      const wrong = { ...right, [name]: right[name].map((value, index) => (index === 1 ? value + 1e-3 : value)) };
      expect(() => assertRound(problem, means, wrong)).toThrow(`number 1 of its ${name}`);
    }
  });
});
