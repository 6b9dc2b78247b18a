import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../src/base/errors.ts';
import type { QuantizeModelReport } from '../../src/cli/jobs/quantizeModel.ts';
import { quantizeCommand } from '../../src/cli/quantize.ts';
import { UsageError } from '../../src/cli/usage.ts';
import type { BitChoice } from '../../src/graph/explain/bitCurve.ts';
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

/** Three layers of weights of their own. */
function wideGraph(): Graph {
  const graph = graphOf(['x']);
  const [w = hostTensor('float32', [], [0])] = graph.initializers.values();
  return {
    ...graph,
    outputs: [{ name: 'x/z', elementType: undefined, dimensions: undefined }],
    nodes: [matmul('x/h', ['x', 'w']), matmul('x/y', ['x/h', 'v']), matmul('x/z', ['x/y', 'u'])],
    initializers: new Map(['w', 'v', 'u'].map((name) => [name, w])),
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
  writeFileSync(at('few.npy'), tensorToNpy(samples(3)));
  writeFileSync(at('other.npy'), tensorToNpy(samples(5, 1)));
  writeFileSync(at('broken.json'), '{"kind": "another"}');
  writeFileSync(at('wide.onnx'), toOnnx(wideGraph()));
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
  const defaults = { runtime: 'dawn', saveEvery: 2, reportSamples: 4, output: at('made.onnx') };
  await quantizeCommand.run([at(model)], { ...defaults, ...options }, reporter);
  return document;
}

test('the forms of the result', async () => {
  await quantize('one.onnx', { calibration: at('samples.npy'), format: 'qoperator' });
  const { nodes } = importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));
  const names = nodes.map(({ operator }) => operator);
  expect(names).toEqual(['QuantizeLinear', 'QLinearMatMul', 'MatMulIntegerToFloat']);
  const packed = at('made.safetensors');
  await quantize('one.onnx', { calibration: at('samples.npy'), format: 'safetensors', output: packed });
  const { quantization } = fromSafetensors(new Uint8Array(readFileSync(packed)));
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

test('a calibration that is saved, gone on with, and used again', async () => {
  const saved = at('saved.json');
  const mse = { method: 'mse', saveCalibration: saved };
  const whole = await quantize('one.onnx', { calibration: at('samples.npy'), ...mse });
  expect(whole).toMatchObject({ batches: 5, calibration: { method: 'mse', saved: 0 } });
  const first = readFileSync(saved, 'utf8');
  const model = readFileSync(at('made.onnx'));
  // The first three samples alone, and then all of them.
  rmSync(saved);
  await quantize('one.onnx', { calibration: at('few.npy'), ...mse });
  const rest = await quantize('one.onnx', { calibration: at('samples.npy'), ...mse });
  expect(rest).toMatchObject({ batches: 5, calibration: { saved: 3 } });
  expect(readFileSync(saved, 'utf8')).toBe(first);
  // Without samples.
  const again = await quantize('one.onnx', { calibration: saved });
  expect(again).toMatchObject({ batches: 5, calibration: { method: 'mse', saved: 5 } });
  expect(readFileSync(at('made.onnx')).equals(model)).toBe(true);
  for (const options of [
    { calibration: at('other.npy'), ...mse },
    { calibration: at('samples.npy'), ...mse, method: 'entropy' },
    { calibration: at('samples.npy'), saveCalibration: at('broken.json') },
  ]) {
    await expect(quantize('one.onnx', options)).rejects.toThrow(InvalidInput);
  }
  await expect(quantize('wide.onnx', { calibration: saved })).rejects.toThrow(/of another model/);
  await expect(quantize('wide.onnx', { calibration: at('nothing') })).rejects.toThrow(/There is no file or folder/);
});

test('widths, schemes, groups, rounding and overrides', async () => {
  const report = await quantize('wide.onnx', {
    calibration: at('samples.npy'),
    weightBits: 4,
    activationBits: 6,
    scheme: 'asymmetric',
    activationScheme: 'symmetric',
    activations: 'int8',
    granularity: 'group',
    groupSize: 2,
    rounding: 'gptq',
    correctBias: true,
    equalize: true,
    layer: ['x/y=8'],
    exclude: ['x/z'],
  });
  const weights = { bits: 4, granularity: { group: 2 }, scheme: 'asymmetric', rounding: 'gptq' };
  const activations = { bits: 6, signed: true, scheme: 'symmetric' };
  expect(report).toMatchObject({
    options: {
      weights,
      activations,
      correctBias: true,
      equalize: true,
      layers: { 'x/y': { bits: 8 } },
      exclude: ['x/z'],
    },
    calibration: { method: 'minmax', layers: true },
    quantized: ['x/h', 'x/y'],
  });
  const { initializers } = importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));
  expect(initializers.get('w_quantized')).toMatchObject({ elementType: 'int4', shape: [4, 4] });
  expect(initializers.get('v_quantized')).toMatchObject({ elementType: 'int8', shape: [4, 4] });
  expect(initializers.get('x_scale')?.data[0]).toBe(Math.fround(19 / 31));
});

test('inputs of products smoothed first', async () => {
  // One of four channels is a hundred times as large as the others.
  const uneven = hostTensor(
    'float32',
    [6, 4],
    Array.from({ length: 24 }, (_, index) => Math.sin(index + 1) * (index % 4 === 1 ? 100 : 1)),
  );
  writeFileSync(at('uneven.npy'), tensorToNpy(uneven));
  const saved = at('smoothed.json');
  const given = { calibration: at('uneven.npy'), report: at('smoothed.html'), reportSamples: 1 };
  const sqnr = (result: unknown) => (result as QuantizeModelReport).explanation?.sqnr ?? Number.NaN;
  const rough = await quantize('wide.onnx', given);
  const smooth = await quantize('wide.onnx', { ...given, smooth: true, saveCalibration: saved });
  expect(rough).toMatchObject({ options: { smooth: null }, smoothed: [] });
  expect(smooth).toMatchObject({ options: { smooth: 0.5 }, smoothed: ['x/h', 'x/y', 'x/z'] });
  expect(sqnr(smooth)).toBeGreaterThan(sqnr(rough) + 3);
  expect(readFileSync(at('smoothed.html'), 'utf8')).toContain(
    '<p>Before quantization: what 3 matrix products read smoothed with strength 0.5.</p>',
  );
  const model = readFileSync(at('made.onnx'));
  // What was found of the channels is in the file.
  const again = await quantize('wide.onnx', { calibration: saved, smooth: 0.5 });
  expect(again).toMatchObject({ smoothed: ['x/h', 'x/y', 'x/z'], calibration: { saved: 6 } });
  expect(readFileSync(at('made.onnx')).equals(model)).toBe(true);
  await expect(quantize('wide.onnx', { calibration: saved })).rejects.toThrow(/--smooth 0\.5/);
  const weights = await quantize('wide.onnx', { calibration: at('uneven.npy'), weightsOnly: true, smooth: 0 });
  expect(weights).toMatchObject({ batches: 6, options: { smooth: 0, activations: 'float' } });
});

test('weights alone need no samples', async () => {
  for (const options of [{ weightsOnly: true }, { activationBits: 'float' }]) {
    const report = await quantize('one.onnx', { ...options, weightBits: 4 });
    expect(report).toMatchObject({ batches: 0, calibration: null, options: { activations: 'float' } });
  }
  const { nodes } = importOnnx(new Uint8Array(readFileSync(at('made.onnx'))));
  expect(nodes.map(({ operator }) => operator)).not.toContain('QuantizeLinear');
});

test('a budget of milliseconds', async () => {
  const report = await quantize('wide.onnx', { calibration: at('samples.npy'), budgetMilliseconds: 1e6 });
  const { bits } = report as { bits: BitChoice };
  // There is time for all layers in float, whichever is faster.
  expect(bits.bits).toEqual({ 'x/h': 'float', 'x/y': 'float', 'x/z': 'float' });
  expect(bits.milliseconds).toMatchObject({ budget: 1e6 });
  expect(bits.milliseconds?.measured).toBeGreaterThan(0);
  expect(bits.layers.map(({ widths }) => widths.map((width) => width.bits))).toEqual([
    [8, 'float'],
    [8, 'float'],
    [8, 'float'],
  ]);
  for (const { widths } of bits.layers) for (const { milliseconds } of widths) expect(milliseconds).toBeGreaterThan(0);
  expect(bits.predictedSqnr).toBe(200);
});

test.each([
  ['no calibration', 'one.onnx', {}, UsageError],
  ['too many bits', 'one.onnx', { calibration: 'samples.npy', weightBits: 9 }, UsageError],
  ['one bit for activations', 'one.onnx', { calibration: 'samples.npy', activationBits: 1 }, UsageError],
  ['a group that is not asked for', 'one.onnx', { calibration: 'samples.npy', groupSize: 8 }, UsageError],
  ['a layer of no bits', 'one.onnx', { calibration: 'samples.npy', layer: 'x/h=none' }, UsageError],
  ['a percentage out of range', 'one.onnx', { calibration: 'samples.npy', percentile: 101 }, UsageError],
  ['two budgets', 'one.onnx', { calibration: 'samples.npy', budgetBytes: 9, budgetMilliseconds: 9 }, UsageError],
  ['a report without samples', 'one.onnx', { weightsOnly: true, report: 'report.html' }, UsageError],
  ['a strength out of range', 'one.onnx', { calibration: 'samples.npy', smooth: 1.5 }, UsageError],
  ['smoothing without samples', 'one.onnx', { weightsOnly: true, smooth: true }, UsageError],
  ['a scheme of floats', 'one.onnx', { weightsOnly: true, activationScheme: 'symmetric' }, UsageError],
  ['an unknown method', 'one.onnx', { calibration: 'samples.npy', method: 'guess' }, UsageError],
  ['a file that is not there', 'one.onnx', { calibration: 'none.npy' }, InvalidInput],
  ['one file for two inputs', 'two.onnx', { calibration: 'samples.npy' }, InvalidInput],
  ['folders of different length', 'two.onnx', { calibration: 'uneven' }, InvalidInput],
  ['no samples on axis 0', 'one.onnx', { calibration: 'scalar.npy' }, ShapeMismatch],
] as const)('%s', async (_, model, options, error) => {
  const given = 'calibration' in options ? { ...options, calibration: at(options.calibration) } : options;
  await expect(quantize(model, given)).rejects.toThrow(error);
});
