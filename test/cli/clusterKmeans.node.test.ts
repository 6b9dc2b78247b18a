import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { weightsOf } from '../../src/cli/jobs/pointInput.ts';
import { readCsv } from '../../src/io/csv.ts';
import { readNpy, writeNpy } from '../../src/io/npy.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';

const iris = 'test/oracles/iris.csv';
const { kmeans: oracle, metrics: judged } = JSON.parse(readFileSync('test/oracles/iris.json', 'utf8')) as {
  readonly kmeans: {
    readonly inertia: number;
    readonly iterations: number;
    readonly labels: readonly number[];
    readonly centroids: readonly (readonly number[])[];
  };
  readonly metrics: { readonly silhouette: number; readonly daviesBouldin: number; readonly calinskiHarabasz: number };
};
const oracleHash = createHash('sha256')
  .update(new Uint8Array(Int32Array.from(oracle.labels).buffer))
  .digest('hex');
const asOracle = ['--clusters', '3', '--init', 'first', '--tolerance', '0'];

const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
afterAll(() => rmSync(folder, { recursive: true }));

function expectOracle(report: Record<string, unknown>): void {
  const sizes = oracle.centroids.map((_, cluster) => oracle.labels.filter((label) => label === cluster).length);
  expect(report).toEqual({
    inertia: expect.closeTo(oracle.inertia, 6),
    iterations: oracle.iterations,
    converged: true,
    clusters: 3,
    sizes,
    labelsSha256: oracleHash,
  });
}

// Each is a process of its own: several run at once.
describe.concurrent.each(['dawn', 'chrome'])('cuanta cluster kmeans --runtime %s', (runtime) => {
  test('clusters iris as scikit-learn does, and writes labels and centroids', async () => {
    const [labels, centroids] = [join(folder, `labels-${runtime}.npy`), join(folder, `centroids-${runtime}.npy`)];
    const files = ['--labels', labels, '--centroids', centroids];
    const where = ['--columns', '0-3', '--runtime', runtime];
    expectOracle(await cuantaJson(['cluster', 'kmeans', iris, ...asOracle, ...where, ...files]));

    const writtenLabels = readNpy(readFileSync(labels));
    expect(writtenLabels).toEqual({ shape: [150], dtype: 'int32', data: Int32Array.from(oracle.labels) });
    const writtenCentroids = readNpy(readFileSync(centroids));
    expect(writtenCentroids).toMatchObject({ shape: [3, 4], dtype: 'float64' });
    const distances = oracle.centroids
      .flat()
      .map((value, index) => Math.abs(value - Number(writtenCentroids.data[index])));
    expect(Math.max(...distances)).toBeLessThan(1e-5);
  });

  test('an error of the work keeps its code, and nothing is written', async () => {
    const labels = join(folder, `none-${runtime}.npy`);
    const words = ['cluster', 'kmeans', iris, '--clusters', '151', '--runtime', runtime, '--labels', labels, '--json'];
    const { exitCode, stdout, stderr } = await cuanta(words);
    expect(stderr).toMatch(/^error\[InvalidInput\]: .*151 clusters of 150 points/m);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'InvalidInput', message: expect.any(String) } });
    expect(exitCode).toBe(1);
    expect(existsSync(labels)).toBe(false);
  });
});

test.concurrent('in 8 bits, judged', async () => {
  const words = ['--columns', '0-3', '--runtime', 'dawn', '--precision', 'int8', '--metrics'];
  const { int8, metrics, ...report } = await cuantaJson(['cluster', 'kmeans', iris, ...asOracle, ...words]);
  expectOracle(report);
  expect(int8).toEqual({ rounds: expect.any(Number), recheckShare: expect.any(Number), gaveUp: expect.any(Boolean) });
  expect(metrics).toEqual({
    silhouette: expect.closeTo(judged.silhouette, 5),
    silhouettePoints: 150,
    daviesBouldin: expect.closeTo(judged.daviesBouldin, 5),
    calinskiHarabasz: expect.closeTo(judged.calinskiHarabasz, 3),
  });
});

test.concurrent('a .npy file gives what the same numbers in a .csv file give', async () => {
  const { rowCount, columnCount, data } = readCsv(readFileSync(iris), { columns: '0-3' });
  const points = join(folder, 'iris.npy');
  writeFileSync(points, writeNpy({ shape: [rowCount, columnCount], data }));
  expectOracle(await cuantaJson(['cluster', 'kmeans', points, ...asOracle]));
});

test.concurrent('directions, with weights, the best of several starts', async () => {
  const weights = join(folder, 'weights.npy');
  writeFileSync(weights, writeNpy({ shape: [150], data: Int32Array.from({ length: 150 }, (_, row) => 1 + (row % 3)) }));
  const how = ['--clusters', '2', '--metric', 'cosine', '--init', 'k-means||', '--starts', '2', '--weights', weights];
  const report = await cuantaJson(['cluster', 'kmeans', iris, '--columns', '0-3', ...how]);
  // The first species differs from the others in its proportions.
  expect(report).toMatchObject({ converged: true, sizes: expect.arrayContaining([50, 100]) });
  expect(report.inertia).toBeGreaterThan(0);
  expect(report.inertia).toBeLessThan(2);
});

test('weights of another shape', () => {
  const weights = writeNpy({ shape: [2, 2], data: new Float32Array(4) });
  expect(() => weightsOf(weights)).toThrow('The weights have shape [2,2]');
});

test.concurrent('the text for people has the figures, and stderr no progress', async () => {
  const { stdout, stderr } = await cuanta(['cluster', 'kmeans', iris, ...asOracle, '--columns', '0-3']);
  expect(stdout).toMatch(/^cluster +points +share\n[─ ]+\n0 +39 +26 %\n/);
  expect(stdout).toContain(`iterations  12, converged\nSHA-256     ${oracleHash}`);
  expect(stderr).toMatch(/^(No GPU is used: .*\n)?$/);
});

test.concurrent('a first line of numbers is a header where that is said', async () => {
  const file = join(folder, 'years.csv');
  writeFileSync(file, '2024,2025\n1,2\n8,9\n');
  const words = ['cluster', 'kmeans', file, '--clusters', '2'];
  expect((await cuantaJson([...words, '--header'])).sizes).toEqual([1, 1]);
  const { sizes } = await cuantaJson(words);
  expect((sizes as number[]).reduce((sum, size) => sum + size)).toBe(3);
});

describe.concurrent('files', () => {
  test('the input is not overwritten, under whatever name', async () => {
    const points = join(folder, 'points.npy');
    writeFileSync(points, writeNpy({ shape: [4, 1], data: Float64Array.of(1, 2, 8, 9) }));
    const before = readFileSync(points);
    const other = join(folder, '.', 'sub', '..', 'points.npy');
    const { exitCode, stderr } = await cuanta(['cluster', 'kmeans', points, '--clusters', '2', '--labels', other]);
    expect(stderr).toMatch(/error\[InvalidInput\]: .* is the input, which is not overwritten/);
    expect(exitCode).toBe(1);
    expect(readFileSync(points)).toEqual(before);
  });

  test('an existing output is replaced, and nothing else is left beside it', async () => {
    const inner = mkdtempSync(join(folder, 'outputs-'));
    copyFileSync(iris, join(inner, 'points.csv'));
    writeFileSync(join(inner, 'labels.npy'), 'old');
    const words = ['cluster', 'kmeans', join(inner, 'points.csv'), '--labels', join(inner, 'labels.npy')];
    expect(await cuanta(words)).toMatchObject({ exitCode: 0 });
    expect(readNpy(readFileSync(join(inner, 'labels.npy'))).shape).toEqual([150]);
    expect(readdirSync(inner).sort()).toEqual(['labels.npy', 'points.csv']);
  });

  test.each([
    ['a file that is not there', 'nothing.csv', [], /nothing\.csv could not be read/],
    ['a folder to read', 'test', [], /test could not be read/],
    ['no folder to write to', iris, ['--labels', 'no/such/folder/labels.npy'], /the folder .* does not exist/],
    ['a text that is no number', 'test/oracles/README.md', [], /error\[InvalidInput\]/],
  ])('%s', async (_what, file, more, expected) => {
    const { exitCode, stdout, stderr } = await cuanta(['cluster', 'kmeans', file, ...more]);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(exitCode).toBe(1);
  });
});
