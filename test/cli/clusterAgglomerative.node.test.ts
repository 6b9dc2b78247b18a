import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readNpy } from '../../src/io/npy.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';

const iris = 'test/oracles/iris.csv';
const oracle = JSON.parse(readFileSync('test/oracles/iris.json', 'utf8')).agglomerative.average as {
  readonly topMerges: readonly number[];
  readonly clusterSizes: readonly number[];
};

const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.concurrent('cuanta cluster agglomerative finds the merges of scikit-learn, and writes labels and merges', async () => {
  const [labels, merges] = [join(folder, 'labels.npy'), join(folder, 'merges.npy')];
  const options = ['--columns', '0-3', '--clusters', '3', '--linkage', 'average', '--runtime', 'dawn'];
  const files = ['--labels', labels, '--linkage-matrix', merges];
  const report = await cuantaJson(['cluster', 'agglomerative', iris, ...options, ...files]);
  const written = readNpy(readFileSync(labels));
  expect(written).toMatchObject({ shape: [150], dtype: 'int32' });
  const sizes = [0, 1, 2].map((cluster) => [...written.data].filter((label) => Number(label) === cluster).length);
  expect([...sizes].sort((a, b) => a - b)).toEqual(oracle.clusterSizes);
  expect(report).toEqual({
    clusters: 3,
    linkage: 'average',
    merges: oracle.topMerges.map((height) => expect.closeTo(height, 9)),
    sizes,
    labelsSha256: createHash('sha256').update(readFileSync(labels).subarray(-600)).digest('hex'),
  });
  const matrix = readNpy(readFileSync(merges));
  expect(matrix).toMatchObject({ shape: [149, 4], dtype: 'float64' });
  expect([...matrix.data.slice(-2)]).toEqual([expect.closeTo(oracle.topMerges.at(-1) ?? 0, 9), 150]);
});

test.concurrent('the text for people has sizes and heights', async () => {
  const words = ['cluster', 'agglomerative', iris, '--columns', '0-3', '--height', '10', '--runtime', 'dawn'];
  const { stdout, exitCode } = await cuanta(words);
  expect(stdout).toMatch(/^cluster +points +share\n[─ ]+\n0 +50 +33\.33 %\n/);
  expect(stdout).toMatch(
    /linkage +ward\nmerges +3\.828, 4\.848, 6\.399, 12\.3, 32\.45 \(the greatest heights\)\nSHA-256 /,
  );
  expect(exitCode).toBe(0);
});
