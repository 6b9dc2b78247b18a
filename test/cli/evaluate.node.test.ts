import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../src/base/errors.ts';
import { evaluateCommand } from '../../src/cli/evaluate.ts';
import { labelledBatches, type TableParameters } from '../../src/cli/jobs/labelledFiles.ts';
import type { Label } from '../../src/graph/evaluate.ts';
import type { GraphValue } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { tensorToNpy } from '../../src/onnx/npy.ts';
import { digits, digitsFile, nearestMean } from '../support/digits.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cuanta-evaluate-'));
  writeFileSync(
    at('float.onnx'),
    nearestMean((weight) => weight),
  );
  writeFileSync(
    at('coarse.onnx'),
    nearestMean((weight) => Math.round(weight)),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly samples: number;
  readonly float: { readonly correct: { readonly count: number }; readonly topK: { readonly count: number } };
  readonly quantized: Result['float'];
  readonly agreement: { readonly count: number };
  readonly compared: unknown;
  readonly runner: string;
}

/** Runs the command in this process. */
async function evaluate(options: Readonly<Record<string, unknown>>): Promise<{ result: Result; text: string }> {
  let found: { result: Result; text: string } | undefined;
  const defaults = { runtime: 'dawn', samples: 5, seed: 1, batch: 32, top: 5 };
  await evaluateCommand.run(
    [at('float.onnx')],
    { ...defaults, quantized: at('coarse.onnx'), ...options },
    {
      progress: () => undefined,
      notice: () => undefined,
      result: (result, text) => {
        found = { result: result as Result, text: text() };
      },
      error: () => undefined,
    },
  );
  if (!found) throw new Error('The command gave no result.');
  return found;
}

describe('the command', () => {
  test('counts the digits that the nearest mean finds, computed here and in ONNX Runtime', async () => {
    const { data, rowCount } = digits;
    const { result, text } = await evaluate({ set: digitsFile, divideBy: 16, batch: 500, wasm: 500 });
    // Counted with numpy, in float64: 1626 and 1503 are right, 1792 and 1775 among the first five. Ties may fall otherwise.
    expect([rowCount, data.length]).toEqual([1797, 65 * 1797]);
    expect(result.samples).toBe(1797);
    const counts = [result.float, result.quantized].flatMap(({ correct, topK }) => [correct.count, topK.count]);
    for (const [index, expected] of [1626, 1792, 1503, 1775].entries()) {
      expect(Math.abs((counts[index] ?? 0) - expected)).toBeLessThanOrEqual(2);
    }
    expect(result.compared).toEqual({ samples: 500, float: 500, quantized: 500 });
    expect(text).toMatch(/^1797 samples, computed by onnxruntime-web/m);
    expect(text).toMatch(/^difference -\d+\.\d\d points/m);
  });

  test('reads the files of MNIST, compressed', async () => {
    const { data } = digits;
    const rows = Array.from({ length: 40 }, (_, row) => [...data.subarray(65 * row, 65 * row + 65)]);
    const images = [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 8, 0, 0, 0, 8, ...rows.flatMap((row) => row.slice(0, 64))];
    const labels = [0, 0, 8, 1, 0, 0, 0, 40, ...rows.flatMap((row) => row.slice(64))];
    const files = { set: at('t10k-images-idx3-ubyte.gz'), labels: at('t10k-labels-idx1-ubyte.gz') };
    writeFileSync(files.set, gzipSync(Uint8Array.from(images)));
    writeFileSync(files.labels, gzipSync(Uint8Array.from(labels)));
    const { result } = await evaluate({ ...files, divideBy: 16, batch: 40 });
    // Counted with numpy, in float64: of the first 40 rows.
    expect(result.samples).toBe(40);
    expect([result.float.correct.count, result.quantized.correct.count]).toEqual([38, 36]);
  });

  test('says what is missing', async () => {
    await expect(evaluate({ set: 'ocr' })).rejects.toThrow('--set ocr needs --keys.');
    await expect(evaluate({ set: 'x.txt' })).rejects.toThrow(
      /it takes ocr, ocr-directions, a \.csv, a \.npy or an IDX file/,
    );
    await expect(evaluate({ set: 'x.npy' })).rejects.toThrow('needs --labels');
    await expect(evaluate({ set: 'x-idx3-ubyte.gz' })).rejects.toThrow('needs --labels');
    await expect(evaluate({ set: digitsFile, labels: 'x.npy' })).rejects.toThrow(/last column/);
    await expect(evaluate({ set: digitsFile, divideBy: 0 })).rejects.toThrow(/above 0/);
    await expect(evaluate({})).rejects.toThrow('--set is missing.');
    await expect(evaluate({ set: 'ocr-directions' })).rejects.toThrow(/use --runtime chrome/);
  });
});

describe('samples in files', () => {
  const input = (...dimensions: (number | string)[]): GraphValue => ({
    name: 'x',
    elementType: 'float32',
    dimensions,
  });
  const table: TableParameters = { kind: 'table', format: 'csv', divideBy: 2, batch: 2 };
  const csv = new TextEncoder().encode('2,4,6,8,1\n10,12,14,16,0\n18,20,22,24,3\n');
  const shapes = (batches: ReturnType<typeof labelledBatches>) => batches.map(({ inputs }) => inputs.x?.shape);

  test('of a table have the shape of the input, with one length open, and labels at their end', () => {
    const batches = labelledBatches(table, input('n', 2, 'w'), { samples: csv });
    expect(batches.map(({ labels }) => labels)).toEqual([[1, 0], [3]]);
    expect(shapes(batches)).toEqual([
      [2, 2, 2],
      [1, 2, 2],
    ]);
    expect([...(batches[1]?.inputs.x?.data ?? [])]).toEqual([9, 10, 11, 12]);
    expect(shapes(labelledBatches(table, input(3, 4), { samples: csv }))).toEqual([[3, 4]]);
    // What does not fill a batch of fixed size is left out.
    expect(shapes(labelledBatches(table, input(2, 4), { samples: csv }))).toEqual([[2, 4]]);
    expect(() => labelledBatches(table, input(4, 4), { samples: csv })).toThrow(ShapeMismatch);
    expect(() => labelledBatches(table, input('n', 3, 'w'), { samples: csv })).toThrow(/4 columns before the label/);
    const whole = { ...table, divideBy: 1 };
    const integers: GraphValue = { ...input('n', 4), elementType: 'int8' };
    expect(labelledBatches(whole, integers, { samples: csv })[1]?.inputs.x?.data).toEqual(Int8Array.of(18, 20, 22, 24));
    const wrong = new TextEncoder().encode('2,4,6,200,1\n');
    expect(() => labelledBatches(whole, integers, { samples: wrong })).toThrow(/Row 0, column 3 .* is 200/);
  });

  test('of arrays have labels of their own', () => {
    const arrays: TableParameters = { ...table, format: 'npy', divideBy: 1 };
    const samples = tensorToNpy(hostTensor('float32', [3, 1, 2], [1, 2, 3, 4, 5, 6]));
    const labels = (values: readonly number[]) => tensorToNpy(hostTensor('int64', [values.length], [...values]));
    const batches = labelledBatches(arrays, input('n', 1, 2), { samples, labels: labels([2, 1, 0]) });
    expect(batches.map((batch): readonly Label[] => batch.labels)).toEqual([[2, 1], [0]]);
    expect([...(batches[1]?.inputs.x?.data ?? [])]).toEqual([5, 6]);
    const wrong = (values: readonly number[]) => () =>
      labelledBatches(arrays, input('n', 1, 2), { samples, labels: labels(values) });
    expect(wrong([1, 2])).toThrow(ShapeMismatch);
    expect(wrong([1, -1, 0])).toThrow(InvalidInput);
    expect(() => labelledBatches(arrays, input('n', 1, 2), { samples })).toThrow(/--labels/);
  });

  test('of images in bytes follow the input of the model', () => {
    const images: TableParameters = { ...table, format: 'idx', divideBy: 255 };
    const samples = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 153, 204, 255);
    const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9);
    const files = { samples, labels };
    const batches = labelledBatches(images, input('n', 1, 1, 2), files);
    expect(batches.map((batch) => batch.labels)).toEqual([[7, 0], [9]]);
    expect(shapes(batches)).toEqual([
      [2, 1, 1, 2],
      [1, 1, 1, 2],
    ]);
    expect([...(batches[0]?.inputs.x?.data ?? [])]).toEqual([...Float32Array.of(0, 0.2, 0.4, 0.6)]);
    expect(shapes(labelledBatches(images, input('n', 'pixels'), files))).toEqual([
      [2, 2],
      [1, 2],
    ]);
    expect(() => labelledBatches(images, input('n', 3), files)).toThrow(/samples in the file are \[1,2\]/);
    expect(() => labelledBatches(images, input('n', 2), { samples, labels: samples })).toThrow(ShapeMismatch);
    const integers = (elementType: 'int8' | 'uint8'): GraphValue => ({ ...input('n', 2), elementType });
    expect(() => labelledBatches(images, integers('int8'), files)).toThrow(/uint8.*int8/);
    expect(() => labelledBatches(images, integers('uint8'), files)).toThrow(/leave --divide-by out/);
    const [bytes] = labelledBatches({ ...images, divideBy: 1 }, integers('uint8'), files);
    expect(bytes?.inputs.x).toMatchObject({ elementType: 'uint8', data: Uint8Array.of(0, 51, 102, 153) });
  });
});
