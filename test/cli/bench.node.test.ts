import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot, packageVersion } from '../../src/cli/checkout.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';

interface Distribution {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

interface Case {
  readonly name: string;
  readonly milliseconds: Distribution;
  readonly millisecondsPerIteration: Distribution;
  readonly gops: number;
}

const adapter = {
  vendor: expect.any(String),
  architecture: expect.any(String),
  device: expect.any(String),
  description: expect.any(String),
};

function distribution(runs: number) {
  const value = expect.any(Number);
  return { median: value, min: value, max: value, runs };
}

function expectOrdered({ median, min, max }: Distribution): void {
  expect(min).toBeGreaterThan(0);
  expect(median).toBeGreaterThanOrEqual(min);
  expect(max).toBeGreaterThanOrEqual(median);
}

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);

/** The commit of the checkout; the version outside one. */
function expectedCommit(): string {
  const root = packageRoot();
  if (!existsSync(join(root, '.git'))) return packageVersion();
  return spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
}

describe.each(['dawn', 'chrome'])('cuanta info --runtime %s', (runtime) => {
  test('describes the adapter', async () => {
    const report = await cuantaJson(['info', '--runtime', runtime]);
    expect(report).toEqual({
      adapter,
      software: expect.any(Boolean),
      features: expect.arrayContaining(['core-features-and-limits']),
      limits: expect.objectContaining({ maxStorageBufferBindingSize: expect.any(Number) }),
      dotPath: expect.stringMatching(/^(packed|unpacked)$/),
      runtime,
    });
  });
});

describe('cuanta bench matmul', () => {
  test('times each type and the peer in Chrome', async () => {
    const size = ['--m', '33', '--n', '20', '--k', '50'];
    const words = ['bench', 'matmul', ...size, '--types', 'int8,int4,f32', '--runs', '3', '--runtime', 'chrome'];
    const report = await cuantaJson([...words, '--peers']);
    const product = {
      m: 33,
      n: 20,
      k: 50,
      checked: true,
      checkedRows: 33,
      warmUps: 1,
      milliseconds: distribution(3),
      gops: expect.any(Number),
    };
    const kernels = { kernelMilliseconds: distribution(3), kernels: expect.any(Object) };
    expect(report).toEqual({
      adapter,
      runtime: 'chrome',
      commit: expectedCommit(),
      date,
      cases: ['matmul int8', 'matmul int4', 'matmul f32'].map((name) => ({ name, ...product, ...kernels })),
      peers: [{ name: 'onnxruntime-web 1.30.0 f32 (WebGPU)', ...product }],
      ratios: ['matmul int8', 'matmul int4', 'matmul f32'].map((name) => ({
        case: name,
        peer: 'onnxruntime-web 1.30.0 f32 (WebGPU)',
        ratio: expect.any(Number),
      })),
    });
    const { cases, peers, ratios } = report as { cases: Case[]; peers: Case[]; ratios: { ratio: number }[] };
    for (const { milliseconds, gops } of [...cases, ...peers]) {
      expectOrdered(milliseconds);
      expect(gops).toBeCloseTo((2 * 33 * 20 * 50) / (milliseconds.median * 1e6), 9);
    }
    expect(ratios[0]?.ratio).toBeCloseTo((cases[0]?.gops ?? 0) / (peers[0]?.gops ?? 0), 9);
  });

  test('says where the times come from', async () => {
    const { stdout, exitCode } = await cuanta([
      'bench',
      'matmul',
      '--m',
      '4',
      '--n',
      '3',
      '--k',
      '5',
      '--types',
      'f32',
    ]);
    expect(stdout).toMatch(/matmul f32 +4×5·5×3 .* 4$/m);
    expect(exitCode).toBe(0);
  });
});

describe('cuanta bench kmeans', () => {
  test('times the fits of each size and the peers in Chrome', async () => {
    const size = ['--points', '2000,4000', '--dimensions', '5', '--clusters', '7', '--iterations', '3'];
    const peers = ['--peers', '--peer-iterations', '2', '--runtime', 'chrome'];
    const report = await cuantaJson(['bench', 'kmeans', ...size, '--skew', '0.5', '--runs', '2', ...peers]);
    const sizes = [2000, 4000];
    const names = ['ml-kmeans (CPU)', 'TensorFlow.js 4.22.0 operations (WebGPU)'];
    const fit = {
      dimensions: 5,
      clusters: 7,
      checked: true,
      milliseconds: distribution(2),
      millisecondsPerIteration: distribution(2),
      gops: expect.any(Number),
    };
    const ours = { warmUps: 2, kernelMilliseconds: distribution(1), kernels: expect.any(Object) };
    expect(report).toEqual({
      adapter,
      runtime: 'chrome',
      commit: expectedCommit(),
      date,
      cases: sizes.map((points) => ({
        name: 'k-means f32',
        points,
        checkedRows: points,
        iterations: 3,
        skew: 0.5,
        ...fit,
        ...ours,
      })),
      peers: sizes.flatMap((points) => names.map((name) => ({ name, points, iterations: 2, ...fit }))),
      ratios: ['2,000×5, 7 clusters', '4,000×5, 7 clusters'].flatMap((text) =>
        names.map((peer) => ({ case: `k-means f32 ${text}`, peer, ratio: expect.any(Number) })),
      ),
      growth: [{ case: 'k-means f32', axis: 'points', from: 2000, to: 4000, ratio: expect.any(Number) }],
    });
    for (const { milliseconds, millisecondsPerIteration } of (report as { cases: Case[] }).cases) {
      expectOrdered(milliseconds);
      expect(millisecondsPerIteration.median).toBeCloseTo(milliseconds.median / 3, 9);
    }
  });
});

test('a browser that is not there is an error', async () => {
  const { exitCode, stderr } = await cuanta(['info', '--runtime', 'chrome'], { CHROME_PATH: '/no/such/browser' });
  expect(stderr).toMatch(/error\[InvalidInput\]: CHROME_PATH is \/no\/such\/browser/);
  expect(exitCode).toBe(1);
});

describe('cuanta bench suite', () => {
  test('checks and times every kind of kernel', async () => {
    const report = await cuantaJson(['bench', 'suite', '--sizes', 'tiny', '--runs', '1', '--runtime', 'dawn']);
    const timed = { checked: true, milliseconds: distribution(1) };
    expect(report).toMatchObject({
      adapter,
      runtime: 'dawn',
      commit: expectedCommit(),
      date,
      software: expect.any(Boolean),
      dotPath: expect.stringMatching(/^(packed|unpacked)$/),
      sizes: 'tiny',
      kmeans: ['f32', 'int8'].map((kind) => ({ ...timed, name: `k-means ${kind}`, points: 1000, clusters: 8 })),
      gaussianMixture: [{ ...timed, name: 'Gaussian mixture f32', points: 1000, components: 2 }],
      dbscan: [{ ...timed, name: 'DBSCAN', points: 500, dimensions: 2 }],
      agglomerative: [{ ...timed, name: 'ward', points: 100, dimensions: 4 }],
      productQuantization: [{ ...timed, name: 'product quantization', points: 400, dimensions: 4, queries: 100 }],
      ranges: [{ ...timed, name: 'ranges f32', elements: 2 ** 12, gigabytesPerSecond: expect.any(Number) }],
    });
    const { matmul } = report as { readonly matmul: readonly { readonly name: string; readonly m: number }[] };
    expect(matmul.map(({ name, m }) => `${name} ${m}`)).toEqual(
      [1, 64].flatMap((m) => ['int8', 'int4', 'f32'].map((type) => `matmul ${type} ${m}`)),
    );
    for (const entry of matmul) expect(entry).toMatchObject(timed);
  });
});
