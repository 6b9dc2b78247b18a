import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readNpy, writeNpy } from '../../src/io/npy.ts';
import { readPoints } from '../../src/io/points.ts';
import { cuantaJson } from '../support/commandLine.ts';

const iris = 'test/oracles/iris.csv';
const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kmeansReport = {
  inertia: expect.any(Number),
  iterations: expect.any(Number),
  converged: true,
  sizes: expect.any(Array),
  labelsSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
};

test.concurrent('cluster mini-batch and cluster bisecting report what kmeans does', async () => {
  const labels = join(folder, 'labels.npy');
  const common = [iris, '--columns', '0-3', '--clusters', '3', '--runtime', 'dawn'];
  const [batches, splits] = await Promise.all([
    cuantaJson(['cluster', 'mini-batch', ...common, '--batch-size', '64']),
    cuantaJson(['cluster', 'bisecting', ...common, '--labels', labels]),
  ]);
  expect(batches).toEqual({ ...kmeansReport, clusters: 3 });
  expect(splits).toEqual({ ...kmeansReport, clusters: 3, iterations: 2 });
  const written = readNpy(new Uint8Array(readFileSync(labels)));
  expect(written).toMatchObject({ dtype: 'int32', shape: [150] });
});

test.concurrent.each(['dawn', 'chrome'])(
  'cluster kmeans --chunk-rows gives the labels of one piece (%s)',
  async (runtime) => {
    const { rowCount, columnCount, data } = await readPoints(new Uint8Array(readFileSync(iris)));
    const file = join(folder, `${runtime}.npy`);
    writeFileSync(file, writeNpy({ shape: [rowCount, columnCount], data }));
    const oracle = JSON.parse(readFileSync('test/oracles/iris.json', 'utf8')).kmeans as {
      readonly inertia: number;
      readonly labels: readonly number[];
    };
    const labels = join(folder, `${runtime}-labels.npy`);
    const options = ['--columns', '0-3', '--clusters', '3', '--init', 'first', '--tolerance', '0', '--labels', labels];
    const report = await cuantaJson([
      'cluster',
      'kmeans',
      file,
      ...options,
      '--chunk-rows',
      '64',
      '--runtime',
      runtime,
    ]);
    expect(report).toEqual({
      ...kmeansReport,
      clusters: 3,
      iterations: 12,
      inertia: expect.closeTo(oracle.inertia, 4),
    });
    expect([...readNpy(new Uint8Array(readFileSync(labels))).data].map(Number)).toEqual(oracle.labels);
  },
);
