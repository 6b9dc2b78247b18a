import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../src/base/errors.ts';
import { quantizeCommand } from '../../src/cli/quantize.ts';
import { UsageError } from '../../src/cli/usage.ts';
import type { Graph, GraphNode } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { tensorToNpy } from '../../src/onnx/npy.ts';
import { fromSafetensors } from '../../src/onnx/safetensors.ts';

let folder: string;
const at = (name: string) => join(folder, name);

const matmul = (name: string, inputs: string[]): GraphNode => {
  return { name, domain: '', operator: 'MatMul', inputs, outputs: [name], attributes: new Map() };
};

/** Two inputs, or one. */
function graphOf(names: readonly string[]): Graph {
  return {
    name: 'graph',
    inputs: names.map((name) => ({ name, elementType: 'float32', dimensions: ['n', 4] })),
    outputs: names.map((name) => ({ name: `${name}/y`, elementType: undefined, dimensions: undefined })),
    nodes: names.flatMap((name) => [matmul(`${name}/h`, [name, 'w']), matmul(`${name}/y`, [`${name}/h`, 'w'])]),
    initializers: new Map([
      [
        'w',
        hostTensor(
          'float32',
          [4, 4],
          Array.from({ length: 16 }, (_, index) => index / 16),
        ),
      ],
    ]),
    opsets: new Map([['', 13]]),
  };
}

const samples = (count: number, start = 0) =>
  hostTensor(
    'float32',
    [count, 4],
    Array.from({ length: 4 * count }, (_, index) => start + index),
  );

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cuanta-quantize-'));
  writeFileSync(at('one.onnx'), toOnnx(graphOf(['x'])));
  writeFileSync(at('two.onnx'), toOnnx(graphOf(['a', 'b'])));
  writeFileSync(at('samples.npy'), tensorToNpy(samples(5)));
  writeFileSync(at('scalar.npy'), tensorToNpy(hostTensor('float32', [], [1])));
  for (const name of ['a', 'b']) {
    mkdirSync(at(`both/${name}`), { recursive: true });
    for (const index of [2, 10]) {
      const sample = { ...samples(1, index), shape: [4] };
      writeFileSync(at(`both/${name}/${index}.npy`), tensorToNpy(sample));
    }
  }
  mkdirSync(at('uneven/a'), { recursive: true });
  mkdirSync(at('uneven/b'), { recursive: true });
  writeFileSync(at('uneven/a/0.npy'), tensorToNpy(samples(1)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function quantize(model: string, options: Readonly<Record<string, unknown>>): Promise<unknown> {
  let document: unknown;
  const silent = () => undefined;
  const reporter = { progress: silent, notice: silent, error: silent, result: (value: unknown) => (document = value) };
  const defaults = { runtime: 'dawn', averagingConstant: 0.1, reportSamples: 4, output: at('made.onnx') };
  await quantizeCommand.run([at(model)], { ...defaults, ...options }, reporter);
  return document;
}

test('the forms of the result', async () => {
  await quantize('one.onnx', { calibration: at('samples.npy'), format: 'qoperator' });
  const { nodes } = importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));
  const names = nodes.map(({ operator }) => operator);
  expect(names).toEqual(['QuantizeLinear', 'QLinearMatMul', 'MatMulIntegerToFloat']);
  await quantize('one.onnx', { calibration: at('samples.npy'), format: 'safetensors' });
  const { quantization } = fromSafetensors(new Uint8Array(readFileSync(at('made.onnx'))));
  expect(quantization.get('w_quantized')).toMatchObject({ elementType: 'int8', shape: [4, 4], bits: 8, axis: 1 });
});

const scales = (name: string) => {
  const { initializers } = importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));
  return initializers.get(name)?.data[0];
};

test('a file of stacked samples', async () => {
  const report = await quantize('one.onnx', { calibration: at('samples.npy') });
  expect(report).toMatchObject({ batches: 5, quantized: ['x/h', 'x/y'], skipped: [], output: at('made.onnx') });
  expect(scales('x_scale')).toBe(Math.fround(19 / 255));
});

test('moving averages, int8 codes, one scale for weights, a node left in float', async () => {
  const options = { method: 'moving-average', averagingConstant: 0.5, activations: 'int8', granularity: 'tensor' };
  const report = await quantize('one.onnx', { calibration: at('samples.npy'), ...options, exclude: 'x/y' });
  expect(report).toMatchObject({ quantized: ['x/h'], skipped: [{ node: 'x/y', reason: 'it is excluded' }] });
  // 3, 7, 11, 15, 19 are the greatest elements of the batches.
  const average = [7, 11, 15, 19].reduce((mean, value) => (mean + value) / 2, 3);
  expect(scales('x_scale')).toBeCloseTo(average / 255, 6);
});

test('folders of samples, one for each input', async () => {
  expect(await quantize('two.onnx', { calibration: at('both') })).toMatchObject({ batches: 2 });
  expect(scales('a_scale')).toBe(Math.fround(13 / 255));
});

test.each([
  ['no calibration', 'one.onnx', {}, UsageError],
  ['an unknown method', 'one.onnx', { calibration: 'samples.npy', method: 'guess' }, UsageError],
  ['a file that is not there', 'one.onnx', { calibration: 'none.npy' }, InvalidInput],
  ['one file for two inputs', 'two.onnx', { calibration: 'samples.npy' }, InvalidInput],
  ['folders of different length', 'two.onnx', { calibration: 'uneven' }, InvalidInput],
  ['no samples on axis 0', 'one.onnx', { calibration: 'scalar.npy' }, ShapeMismatch],
] as const)('%s', async (_, model, options, error) => {
  const given = 'calibration' in options ? { ...options, calibration: at(options.calibration) } : options;
  await expect(quantize(model, given)).rejects.toThrow(error);
});
