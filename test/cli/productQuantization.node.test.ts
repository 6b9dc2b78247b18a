import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readNpy } from '../../src/io/npy.ts';
import { nearestCodewords, packCodewords } from '../reference/productQuantization.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';

const iris = 'test/oracles/iris.csv';

const folder = mkdtempSync(join(tmpdir(), 'cuanta-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.concurrent('cuanta cluster product-quantization writes codes and the codebooks they belong to', async () => {
  const [codes, codebooks] = [join(folder, 'codes.npy'), join(folder, 'codebooks.npy')];
  const options = ['--columns', '0-2', '--subspaces', '3', '--bits', '4', '--runtime', 'dawn'];
  const files = ['--codes', codes, '--codebooks', codebooks];
  const report = await cuantaJson(['cluster', 'product-quantization', iris, ...options, ...files]);
  const [coded, books] = [readNpy(readFileSync(codes)), readNpy(readFileSync(codebooks))];
  expect(coded).toMatchObject({ shape: [150, 2], dtype: 'uint8' });
  expect(books).toMatchObject({ shape: [3, 16, 1], dtype: 'float64' });
  const lines = readFileSync(iris, 'utf8').trim().split('\n');
  const points = Float64Array.from(lines.flatMap((line) => line.split(',').slice(0, 3).map(Number)));
  const layout = { subspaces: 3, bits: 4, columnCount: 3 };
  expect(coded.data).toEqual(packCodewords(nearestCodewords(points, books.data as Float64Array, layout), layout));
  expect(report).toEqual({
    points: 150,
    columns: 3,
    subspaces: 3,
    bits: 4,
    trainingPoints: 150,
    bytesPerPoint: 2,
    compression: 6,
    error: expect.closeTo(0.02, 1),
    relativeError: expect.closeTo(0.005, 2),
    codesSha256: createHash('sha256')
      .update(coded.data as Uint8Array)
      .digest('hex'),
  });
});

test.concurrent('cuanta bench product-quantization states recall beside an exact search', async () => {
  const size = ['--points', '400', '--dimensions', '4', '--subspaces', '2', '--queries', '20', '--runs', '1'];
  const words = ['bench', 'product-quantization', ...size, '--bits', '4', '--runtime', 'dawn'];
  const [{ stdout, exitCode }, document] = await Promise.all([cuanta(words), cuantaJson([...words])]);
  expect(document).toMatchObject({ runtime: 'dawn', date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), points: 400 });
  expect(stdout).toMatch(/^400×4, 20 queries for 100 vectors, 2 codes of 4 bits\n/);
  expect(stdout).toMatch(/recall@1: [\d.]+ %[\s\S]*recall@100: (9\d(\.\d)?|100) %/);
  expect(stdout).toMatch(/as fast as float32, products and topK\n$/);
  expect(exitCode).toBe(0);
});
