import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorProto_DataLocation as DataLocation, TensorProto_DataType as DataType } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ElementType, hostTensor } from '../../src/graph/hostTensor.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { tensorFromNpy, tensorToNpy } from '../../src/onnx/npy.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';
import { modelBytes, node, value } from '../support/onnxBytes.ts';

let folder: string;
const at = (name: string) => join(folder, name);

/** Every element type that a model computes on the GPU with, and some elements of it. */
const types: readonly (readonly [ElementType, DataType, readonly number[]])[] = [
  ['float32', DataType.FLOAT, [1.5, -2, 3, 4, 5, 6]],
  ['float16', DataType.FLOAT16, [1.5, -2, 3, 4, 5, 6]],
  ['int64', DataType.INT64, [-5, 4, 3, 2, 1, 0]],
  ['int32', DataType.INT32, [-5, 4, 3, 2, 1, 0]],
  ['int16', DataType.INT16, [-5, 4, 3, 2, 1, 0]],
  ['int8', DataType.INT8, [-128, 127, 3, 2, 1, 0]],
  ['uint64', DataType.UINT64, [5, 4, 3, 2, 1, 0]],
  ['uint32', DataType.UINT32, [2 ** 32 - 1, 4, 3, 2, 1, 0]],
  ['uint16', DataType.UINT16, [65535, 4, 3, 2, 1, 0]],
  ['uint8', DataType.UINT8, [255, 4, 3, 2, 1, 0]],
  ['bool', DataType.BOOL, [1, 0, 0, 1, 1, 0]],
];

/** Elements of [2, 3] in the order of [3, 2]. */
const transposed = (values: readonly number[]) => [0, 3, 1, 4, 2, 5].map((index) => values[index]);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cuanta-model-'));
  const all = modelBytes({
    input: types.map(([name, type]) => value(name, [2, 3], type)),
    output: types.map(([name, type]) => value(`out/${name}`, [3, 2], type)),
    node: types.map(([name]) => node('Transpose', [name], [`out/${name}`])),
  });
  writeFileSync(at('all.onnx'), all);
  const open = modelBytes({
    input: [value('x', ['batch', 'length'])],
    output: [value('y', ['batch', 'any'])],
    initializer: [{ name: 'w', dims: [1n, 2n], dataType: DataType.FLOAT, floatData: [7, 8] }],
    node: [node('Concat', ['x', 'w'], ['y'], [{ name: 'axis', type: 2, i: 1n }])],
  });
  writeFileSync(at('open.onnx'), open);
  const unsupported = modelBytes({
    input: [value('x')],
    output: [value('y')],
    node: [node('Frobnicate', ['x'], ['y'])],
  });
  writeFileSync(at('unsupported.onnx'), unsupported);
  const b = new GraphBuilder();
  const quantization = { type: 'uint8', scale: 0.1, zeroPoint: 3 } as const;
  const x = b.rounded(b.input('x', 'float32', [1, 1, 4, 4]), quantization);
  const w = b.weights(hostTensor('int8', [2, 1, 1, 1], [4, 5]), [0.5]);
  const y = b.rounded(b.node('Relu', [b.node('Conv', [x, w])]), quantization);
  writeFileSync(at('quantized.onnx'), toOnnx(b.graph([b.node('Softmax', [y])])));
  const external = (location: string) =>
    modelBytes({
      input: [value('x', [1, 1])],
      output: [value('y', [1, 3])],
      initializer: [
        {
          name: 'w',
          dims: [1n, 2n],
          dataType: DataType.FLOAT,
          dataLocation: DataLocation.EXTERNAL,
          externalData: [{ key: 'location', value: location }],
        },
      ],
      node: [node('Concat', ['x', 'w'], ['y'], [{ name: 'axis', type: 2, i: 1n }])],
    });
  writeFileSync(at('external.onnx'), external('weights.bin'));
  writeFileSync(at('elsewhere.onnx'), external('../weights.bin'));
  writeFileSync(at('weights.bin'), new Uint8Array(Float32Array.of(5, 6).buffer));
  for (const [name, , values] of types) writeFileSync(at(`${name}.npy`), tensorToNpy(hostTensor(name, [2, 3], values)));
  writeFileSync(at('one.npy'), tensorToNpy(hostTensor('float32', [1, 1], [4])));
  writeFileSync(at('none.npy'), tensorToNpy(hostTensor('float32', [1, 1], [Number.NaN])));
  writeFileSync(at('negative.npy'), tensorToNpy(hostTensor('float32', [1, 1], [-1])));
  const root = { input: [value('x', [1, 1])], output: [value('y', [1, 1])], node: [node('Sqrt', ['x'], ['y'])] };
  writeFileSync(at('root.onnx'), modelBytes(root));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inputsOf = (names: readonly string[]) => names.flatMap((name) => ['--input', `${name}=${at(`${name}.npy`)}`]);

describe('cuanta run', () => {
  test.each(['dawn', 'chrome'])('writes each output in its own type, on %s', async (runtime) => {
    const results = at(`results-${runtime}`);
    const words = [...inputsOf(types.map(([name]) => name)), '--output-directory', results, '--runtime', runtime];
    const report = await cuantaJson(['run', at('all.onnx'), ...words]);
    expect(report.outputs).toEqual(
      types.map(([name]) => {
        return { name: `out/${name}`, dtype: name, shape: [3, 2], file: join(results, `out_${name}.npy`) };
      }),
    );
    expect(report.milliseconds).toBeGreaterThan(0);
    expect(report.memory).toMatchObject({ constants: 0, plans: expect.any(Number), peak: expect.any(Number) });
    for (const [name, , values] of types) {
      const found = tensorFromNpy(readFileSync(join(results, `out_${name}.npy`)), name, name);
      expect(found).toEqual(hostTensor(name, [3, 2], transposed(values) as number[]));
    }
    expect(readdirSync(results)).toHaveLength(types.length);
  });

  test('checks itself when asked to, and writes nothing without a folder', async () => {
    const words = ['run', at('open.onnx'), '--input', `x=${at('one.npy')}`, '--self-check'];
    expect(await cuantaJson(words)).toMatchObject({
      outputs: [{ name: 'y', dtype: 'float32', shape: [1, 3], file: null }],
      selfCheck: { nodes: [{ operator: 'Concat' }], worst: { absoluteError: 0, relativeError: 0 } },
    });
    expect((await cuanta(words)).stdout).toMatch(/worst: Concat "Concat-y", output y: off by 0/);
  });

  test('writes a receipt, and compares with one', async () => {
    writeFileSync(at('image.npy'), tensorToNpy(hostTensor('float32', [1, 1, 4, 4], new Float32Array(16).fill(0.7))));
    const words = ['run', at('quantized.onnx'), '--input', `x=${at('image.npy')}`];
    const { receipt, floats } = await cuantaJson([...words, '--receipt', at('receipt.json')]);
    expect(JSON.parse(readFileSync(at('receipt.json'), 'utf8'))).toEqual(receipt);
    expect(receipt).toMatchObject({
      version: 1,
      layers: [{ operator: 'QuantizeLinear' }, { operator: 'QLinearConv' }],
    });
    expect(floats).toEqual([]);
    const same = await cuanta([...words, '--compare', at('receipt.json')]);
    expect(same).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('receipt of 2 layers') });
    const altered = JSON.parse(readFileSync(at('receipt.json'), 'utf8'));
    altered.layers[1].sha256 = '0'.repeat(64);
    writeFileSync(at('altered.json'), JSON.stringify(altered));
    const layer = await cuanta([...words, '--compare', at('altered.json')]);
    expect([layer.exitCode, layer.stderr]).toEqual([1, expect.stringMatching(/first in the layer "Conv\d+"/)]);
    const wrong = await cuanta([...words, '--compare', at('image.npy')]);
    expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining('is no receipt')]);
  });

  test('reads the files in which the model keeps tensors, from its folder only', async () => {
    const results = at('external');
    mkdirSync(results);
    const words = ['--input', `x=${at('one.npy')}`, '--output-directory', results];
    await cuantaJson(['run', at('external.onnx'), ...words]);
    expect([...tensorFromNpy(readFileSync(join(results, 'y.npy')), 'float32', 'y').data]).toEqual([4, 5, 6]);
    const { exitCode, stderr } = await cuanta(['run', at('elsewhere.onnx'), ...words]);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/error\[InvalidInput\].*outside of its folder/)]);
  });

  test.each([
    ['a file that is not there', 'nothing.onnx', [], 'InvalidInput', /nothing\.onnx could not be read/],
    ['a NaN', 'root.onnx', ['x=none.npy'], 'InvalidInput', /The input "x": element 0 is NaN/],
    ['a NaN that arises', 'root.onnx', ['x=negative.npy'], 'InvalidInput', /The output "y" is NaN/],
    ['a file that is no model', 'float32.npy', [], 'MalformedModel', /no ONNX model, or damaged/],
    [
      'an operator that there is not',
      'unsupported.onnx',
      [],
      'UnsupportedOperator',
      /Frobnicate \(node "Frobnicate-y"\)/,
    ],
    ['a missing input', 'open.onnx', [], 'InvalidInput', /input "x" is missing/],
    ['an input of no model', 'open.onnx', ['z=one.npy'], 'InvalidInput', /no input "z"/],
    ['an input of another type', 'open.onnx', ['x=int8.npy'], 'InvalidInput', /is int8, but the model takes float32/],
    ['an input of another shape', 'open.onnx', ['x=float32.npy'], 'MalformedModel', /Concat node "Concat-y"/],
    ['an input that is not there', 'open.onnx', ['x=nothing.npy'], 'InvalidInput', /nothing\.npy could not be read/],
    ['an option without a name', 'open.onnx', ['one.npy'], 'Usage', /takes a name, = and a value/],
    ['an input that is given twice', 'open.onnx', ['x=one.npy', 'x=one.npy'], 'Usage', /given twice for x/],
  ])('%s', async (_what, model, inputs, code, message) => {
    const words = inputs.flatMap((input) => ['--input', input.replace('=', `=${folder}/`)]);
    const { exitCode, stdout, stderr } = await cuanta(['run', at(model), ...words]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain(`error[${code}]`);
    expect([exitCode, stdout]).toEqual([code === 'Usage' ? 2 : 1, '']);
  });
});

describe('cuanta inspect', () => {
  test('tells nodes, types, shapes, parameters, bytes and the plan', async () => {
    expect(await cuantaJson(['inspect', at('open.onnx'), '--shape', 'x=1,5'])).toMatchObject({
      opsets: { 'ai.onnx': 17 },
      inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 'length'] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: ['batch', 'any'] }],
      operators: { Concat: 1 },
      nodes: [
        {
          name: 'Concat-y',
          operator: 'Concat',
          supported: true,
          outputs: [{ name: 'y', dtype: 'float32', shape: [1, 7] }],
        },
      ],
      parameters: 2,
      bytes: { parameters: 8 },
      supported: true,
      unsupported: [],
      plan: { inputs: [{ name: 'x', shape: [1, 5] }], assumed: [], nodes: [{ node: 'Concat-y', place: 'gpu' }] },
      planError: null,
    });
  });

  test('assumes lengths that nobody gives, and says so', async () => {
    const { plan } = await cuantaJson(['inspect', at('open.onnx')]);
    expect(plan).toMatchObject({ inputs: [{ shape: [1, 64] }], assumed: ['x'] });
    expect((await cuanta(['inspect', at('open.onnx')])).stdout).toMatch(/planned for x float32\[1,64\]; assumed for x/);
  });

  test('tells what was fused, and what was not and why', async () => {
    const { nodes, plan } = await cuantaJson(['inspect', at('quantized.onnx')]);
    expect(plan).toMatchObject({
      nodes: expect.arrayContaining([
        expect.objectContaining({ operator: 'QLinearConv', replaces: expect.arrayContaining(['Conv3', 'Relu4']) }),
        expect.objectContaining({ operator: 'DequantizeLinear', notFused: 'Softmax node "Softmax7" reads floats' }),
      ]),
    });
    // Types are those of all nodes of the file.
    expect(nodes).toContainEqual(
      expect.objectContaining({ name: 'Relu4', outputs: [expect.objectContaining({ shape: [1, 2, 4, 4] })] }),
    );
    const { stdout } = await cuanta(['inspect', at('quantized.onnx')]);
    expect(stdout).toMatch(/QLinearConv .*; with .*Relu4/);
    expect(stdout).toMatch(/not fused: Softmax node "Softmax7" reads floats/);
  });

  test('tells why there is no plan', async () => {
    expect(await cuantaJson(['inspect', at('unsupported.onnx')])).toMatchObject({
      supported: false,
      unsupported: [{ node: 'Frobnicate-y', operator: 'Frobnicate' }],
      plan: null,
      planError: expect.stringContaining('1 node(s)'),
    });
    const { plan, planError } = await cuantaJson(['inspect', at('open.onnx'), '--shape', 'x=2,5']);
    expect([plan, planError]).toEqual([null, expect.stringContaining('Concat')]);
  });

  test.each([
    ['x=1,a', 2, /takes whole numbers/],
    ['z=1', 1, /no input "z"/],
  ])('--shape %s', async (shape, expected, message) => {
    const { exitCode, stderr } = await cuanta(['inspect', at('open.onnx'), '--shape', shape]);
    expect([exitCode, stderr]).toEqual([expected, expect.stringMatching(message)]);
  });
});
