import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readNpy } from '../../src/io/npy.ts';
import { cuantaJson } from '../support/commandLine.ts';

const iris = 'test/oracles/iris.csv';
const oracle = JSON.parse(readFileSync('test/oracles/iris.json', 'utf8')).dbscan as {
  readonly epsilon: number;
  readonly minPoints: number;
  readonly clusters: number;
  readonly noise: number;
  readonly core: number;
  readonly labels: readonly number[];
};

const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('cuanta cluster dbscan clusters iris as scikit-learn does, and writes the labels', async () => {
  const labels = join(folder, 'labels.npy');
  const asOracle = ['--epsilon', `${oracle.epsilon}`, '--min-points', `${oracle.minPoints}`, '--columns', '0-3'];
  const { epsilon, clusters, noise, core } = oracle;
  expect(await cuantaJson(['cluster', 'dbscan', iris, ...asOracle, '--runtime', 'dawn', '--labels', labels])).toEqual({
    epsilon,
    clusters,
    noise,
    core,
    sizes: [0, 1].map((cluster) => oracle.labels.filter((label) => label === cluster).length),
    labelsSha256: createHash('sha256')
      .update(new Uint8Array(Int32Array.from(oracle.labels).buffer))
      .digest('hex'),
  });
  expect(readNpy(readFileSync(labels))).toEqual({
    shape: [150],
    dtype: 'int32',
    data: Int32Array.from(oracle.labels),
  });
});

test('cuanta cluster dbscan chooses an epsilon', async () => {
  const words = ['cluster', 'dbscan', 'test/oracles/moons.csv', '--columns', '0-1', '--runtime', 'dawn'];
  const report = await cuantaJson([...words, '--suggest-epsilon']);
  expect(report.epsilon).toBeGreaterThan(0.01);
  expect(report.epsilon).toBeLessThan(0.2);
  expect(report.core).toBeGreaterThan(1200);
});
