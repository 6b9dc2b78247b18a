import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttributeProto_AttributeType as AttributeType, TensorProto_DataType as DataType } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Aborted, InvalidInput, LimitExceeded } from '../../src/base/errors.ts';
import { type BenchModelParameters, quantizedPrefix, runBenchModel } from '../../src/cli/jobs/benchModel.ts';
import type { LoadModel } from '../../src/cli/jobs/modelPeers.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { tensorToNpy } from '../../src/onnx/npy.ts';
import { cuanta, cuantaJson } from '../support/commandLine.ts';
import { useEngine } from '../support/engine.ts';
import { modelBytes, node, value } from '../support/onnxBytes.ts';

/** y = relu(x · w) with w of 3 rows and 2 columns; n = −k, an integer that is wide enough to be an index. */
const linear = (weights: readonly number[]) =>
  modelBytes({
    input: [value('x', ['batch', 3]), value('k', [2], DataType.INT64)],
    output: [value('y', ['batch', 2]), value('n', [2], DataType.INT64)],
    initializer: [{ name: 'w', dims: [3n, 2n], dataType: DataType.FLOAT, floatData: [...weights] }],
    node: [node('MatMul', ['x', 'w'], ['p']), node('Relu', ['p'], ['y']), node('Neg', ['k'], ['n'])],
  });
const float = linear([1, 2, 3, 4, 5, 6]);
/** Near enough to count as the same with steps of 8 bits, too far for floats. */
const coarse = linear([1.01, 2, 3, 4, 5, 6]);

const open = useEngine();
const parameters: BenchModelParameters = {
  locations: [],
  quantized: null,
  shapes: { x: [4, 3] },
  names: [],
  repeats: 3,
  seed: 1,
  peers: true,
};

/** Runs a model as another library would: these weights by hand, or whatever is wrong with them. */
function fakePeer(name: string, answer: (x: HostTensor, k: HostTensor) => Record<string, HostTensor>): LoadModel {
  return () =>
    Promise.resolve({
      name,
      run: ({ x, k }) => {
        if (!x || !k) throw new Error('x and k are fed.');
        return Promise.resolve(new Map(Object.entries(answer(x, k))));
      },
      dispose: () => undefined,
    });
}

function product(weights: readonly number[]): (x: HostTensor, k: HostTensor) => Record<string, HostTensor> {
  return (x, k) => {
    const rows = Array.from({ length: x.data.length / 3 }, (_, row) => [...x.data.slice(3 * row, 3 * row + 3)]);
    const sums = rows.flatMap((row) =>
      [0, 1].map((column) => row.reduce((sum, item, index) => sum + item * (weights[2 * index + column] ?? 0), 0)),
    );
    const y = hostTensor(
      'float32',
      [rows.length, 2],
      sums.map((sum) => Math.max(0, sum)),
    );
    return {
      y,
      n: hostTensor(
        'int64',
        [2],
        [...k.data].map((item) => -item),
      ),
    };
  };
}

const right = product([1, 2, 3, 4, 5, 6]);
const wasm = fakePeer('peer on WASM', right);

describe('the benchmark of models', () => {
  test('times both models and both peers, and compares what they give', async () => {
    const { report } = await runBenchModel(
      await open(),
      { ...parameters, quantized: { locations: [] } },
      { inputs: { model: float, [`${quantizedPrefix}model`]: coarse } },
      async () => ({ wasm, webgpu: fakePeer('peer on WebGPU', right) }),
    );
    const names = (list: readonly { readonly name: string }[] = []) => list.map(({ name }) => name);
    expect(names(report.cases)).toEqual(['Cuanta, float', 'Cuanta, quantized']);
    expect(names(report.peers)).toEqual(['peer on WASM, float', 'peer on WebGPU, float', 'peer on WASM, quantized']);
    expect([...report.cases, ...(report.peers ?? [])].map(({ checked }) => checked)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    const [ours, quantized] = report.cases;
    expect(ours).toMatchObject({
      milliseconds: { runs: 3 },
      outputs: [
        { name: 'y', dtype: 'float32', shape: [4, 2], relativeDifference: expect.any(Number) },
        { name: 'n', dtype: 'int64', shape: [2], relativeDifference: 0 },
      ],
    });
    expect(ours?.outputs[0]?.relativeDifference).toBeLessThan(1e-6);
    expect(quantized?.outputs[0]?.relativeDifference).toBeGreaterThan(1e-4);
    expect(ours?.gpuBytes).toBeGreaterThan(0);
    expect(report.inputs).toEqual([
      { name: 'x', dtype: 'float32', shape: [4, 3] },
      { name: 'k', dtype: 'int64', shape: [2] },
    ]);
    expect(report.models).toEqual([
      { model: 'float', nodes: 3, bytes: { file: float.length, weights: 24 } },
      { model: 'quantized', nodes: 3, bytes: { file: coarse.length, weights: 24 } },
    ]);
    expect(report.ratios).toHaveLength(7);
    const [first] = report.ratios;
    expect(first).toMatchObject({ case: 'Cuanta, quantized', peer: 'Cuanta, float' });
    expect(first?.ratio).toBeCloseTo((ours?.milliseconds.median ?? 0) / (quantized?.milliseconds.median ?? 0), 9);
  });

  test.each([
    ['ours', coarse, right, /Cuanta, float: the output "y" differs .* by 0\.00\d+ .*; at most 0\.001/],
    [
      'NaN',
      float,
      () => ({ y: hostTensor('float32', [4, 2], new Array(8).fill(Number.NaN)) }),
      /output "y" .* Infinity/,
    ],
    ['no such output', float, () => ({}), /the output "y" differs/],
  ])('a wrong result is an error, not a time: %s', async (_what, model, answer, message) => {
    const inputs = { model };
    const peers = async () => ({ wasm: fakePeer('peer', answer), webgpu: undefined });
    const failure = runBenchModel(await open(), parameters, { inputs }, peers);
    await expect(failure).rejects.toThrow(InvalidInput);
    await expect(failure).rejects.toThrow(message);
  });

  test('holds nothing afterwards, and ends when it is told to', async () => {
    const engine = await open();
    await engine.idle();
    const { live } = engine.memory;
    const abort = new AbortController();
    const onProgress = (message: string) => message.includes('run 2') && abort.abort();
    const context = { inputs: { model: float }, signal: abort.signal, onProgress };
    await expect(runBenchModel(engine, { ...parameters, peers: false }, context)).rejects.toThrow(Aborted);
    await engine.idle();
    expect(engine.memory.live).toBe(live);
  });

  test.each([
    [{ shapes: {} }, InvalidInput, /open: x\[batch,3\]\. Give the shape of each/],
    [{ shapes: { x: [1, 3], z: [1] } }, InvalidInput, /no input "z"/],
    [{ shapes: { x: [2 ** 25, 3] } }, LimitExceeded, /"x" of shape \[33554432,3\]/],
    [{ peers: true }, InvalidInput, /no peer to compare with/],
  ])('refuses %j', async (wrong, kind, message) => {
    const failure = runBenchModel(
      await open(),
      { ...parameters, peers: false, ...wrong },
      { inputs: { model: float } },
    );
    await expect(failure).rejects.toThrow(kind);
    await expect(failure).rejects.toThrow(message);
  });
});

describe('cuanta bench model', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cuanta-bench-'));
    writeFileSync(at('float.onnx'), float);
    writeFileSync(at('x.npy'), tensorToNpy(hostTensor('float32', [2, 3], [1, 0, 0, 0, 1, 0])));
    // Types that go into onnxruntime-web and come back, each made up over its range.
    const types = [DataType.FLOAT16, DataType.UINT8, DataType.INT8, DataType.BOOL, DataType.INT64];
    const transpose = types.map((type, index) =>
      node('Transpose', [`i${index}`], [`o${type}`], [{ name: 'perm', type: AttributeType.INTS, ints: [1n, 0n] }]),
    );
    const types8 = modelBytes({
      input: types.map((type, index) => value(`i${index}`, [3, 5], type)),
      output: types.map((type) => value(`o${type}`, [5, 3], type)),
      node: transpose,
    });
    writeFileSync(at('types.onnx'), types8);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('compares with onnxruntime-web on WASM in Node, on given inputs', async () => {
    const words = ['bench', 'model', at('float.onnx'), '--input', `x=${at('x.npy')}`, '--quantized', at('float.onnx')];
    const report = await cuantaJson([...words, '--repeats', '2', '--peers', '--runtime', 'dawn']);
    const peer = 'onnxruntime-web 1.30.0 (WASM, threads: 1)';
    expect(report).toMatchObject({
      runtime: 'dawn',
      cases: [
        { name: 'Cuanta, float', checked: true, milliseconds: { runs: 2 } },
        { name: 'Cuanta, quantized', checked: true },
      ],
      peers: [{ name: `${peer}, float`, checked: false }, { name: `${peer}, quantized` }],
      inputs: [{ name: 'x', shape: [2, 3] }, { name: 'k' }],
    });
  });

  test('hands every type over and shows a table', async () => {
    const { stdout, stderr } = await cuanta(['bench', 'model', at('types.onnx'), '--peers', '--runtime', 'dawn']);
    expect(stderr).not.toContain('error');
    expect(stdout).toMatch(/^i0 float16\[3,5\], i1 uint8\[3,5\], i2 int8\[3,5\], i3 bool\[3,5\], i4 int64\[3,5\]$/m);
    expect(stdout).toMatch(/^Cuanta, float .* 0\.0 +0 +[\d,]+$/m);
    expect(stdout).toMatch(/^Cuanta, float is [\d.]+ times as fast as onnxruntime-web/m);
  });

  test.each([
    [[], 2, /leaves lengths of its inputs open: x\[batch,3\].* Use --shape x=/],
    [['--shape', 'x=1,3', '--input', 'x=x.npy'], 2, /both given for x/],
    [['--shape', 'x=1,3', '--repeats', '0'], 2, /--repeats is "0"/],
    [['--shape', 'x=1,3', '--quantized', 'nothing.onnx'], 1, /nothing\.onnx could not be read/],
  ])('%j', async (words, expected, message) => {
    const { exitCode, stderr } = await cuanta(['bench', 'model', at('float.onnx'), ...words]);
    expect([exitCode, stderr]).toEqual([expected, expect.stringMatching(message)]);
  });
});
