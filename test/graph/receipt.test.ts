import { expect, test } from 'vitest';
import { InvalidQuantization } from '../../src/base/errors.ts';
import { labelsHash } from '../../src/cluster/labelsHash.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { compareReceipts, type Receipt } from '../../src/graph/receipt.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateGraph } from '../support/evaluateGraph.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';

const open = useEngine();

/** Convolution, activation, sum, mean and dense layer; the last is followed by Softmax, which is float. */
function network(between = false): Graph {
  const random = createRandom(17);
  const b = new GraphBuilder();
  const step = (scale: number) => ({ type: 'uint8' as const, scale: Math.fround(scale), zeroPoint: 101 });
  const weights = (shape: number[], axis: number): string => {
    const count = shape.reduce((product, length) => product * length, 1);
    const codes = Array.from({ length: count }, () => random.integer(-127, 127));
    const scales = Array.from({ length: shape[axis] ?? 1 }, () => Math.fround(0.002 + random.uniform() / 300));
    return b.weights(hostTensor('int8', shape, codes), scales, axis);
  };
  const x = b.rounded(b.input('x', 'float32', [1, 3, 9, 7]), step(0.0173));
  const convolved = b.rounded(b.node('Conv', [x, weights([3, 3, 3, 3], 0)], { pads: [1, 1, 1, 1] }), step(0.0291));
  const active = b.rounded(b.node(between ? 'Softmax' : 'Sigmoid', [convolved]), step(0.0083));
  const sum = b.rounded(b.node('Add', [active, x]), step(0.0307));
  const mean = b.rounded(b.node('GlobalAveragePool', [sum]), step(0.0119));
  const dense = b.rounded(b.node('Gemm', [b.node('Flatten', [mean]), weights([3, 4], 1)]), step(0.0211));
  return b.graph([b.node('Softmax', [dense])]);
}

const x = hostTensor('float32', [1, 3, 9, 7], createRandom(18).uniformArray(189, -2, 2));

test('the same codes on Dawn and in Chrome, those of the definitions', async () => {
  using model = new Model(await open(), network(), operators, { integerOnly: true });
  const receipt = await model.receipt({ x });
  const names = ['QuantizeLinear', 'QLinearConv', 'QLinearAdd', 'QLinearGlobalAveragePool', 'Flatten', 'QGemm'];
  expect(receipt.layers.map(({ operator }) => operator)).toEqual(names);
  const layer = receipt.layers.at(-1);
  expect([layer?.elementType, layer?.shape]).toEqual(['uint8', [1, 4]]);
  // The hash of this network's codes on every machine; it changes only where the network above, or what is fused of it, does.
  expect(receipt.sha256).toBe('8440413ac7e3c2a8b4362e454f054bbf81371d491201f7f8ec3c3060fd4febca');
  expect(await model.receipt({ x })).toEqual(receipt);
  expect(model.integerOnly).toMatchObject({
    holds: true,
    integerCount: 5,
    between: [],
    behind: [{ operator: 'Softmax' }],
  });
  const outputs = receipt.layers.map(({ name }) => ({ name, elementType: undefined, dimensions: undefined }));
  const codes = evaluateGraph({ ...model.graph, outputs }, operators, { x });
  const hashes = codes.map(async (value) => {
    const bytes = Uint8Array.from(value?.data ?? []);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  });
  expect(receipt.layers.map(({ sha256 }) => sha256)).toEqual(await Promise.all(hashes));
  expect(receipt.inputs[0]?.sha256).toBe(await labelsHash(new Int32Array((x.data as Float32Array).buffer)));
});

test('floats between quantized layers are refused by name', async () => {
  const engine = await open();
  const load = () => new Model(engine, network(true), operators, { integerOnly: true });
  expect(load).toThrow(InvalidQuantization);
  expect(load).toThrow(/- Softmax "Softmax\d+"/);
  using model = new Model(engine, network(true), operators);
  expect(model.integerOnly.between.map(({ operator }) => operator)).toEqual(['DequantizeLinear', 'Softmax']);
  const b = new GraphBuilder();
  const plain = b.graph([b.node('Relu', [b.input('x', 'float32', [2])])]);
  expect(() => new Model(engine, plain, operators, { integerOnly: true })).toThrow(/not quantized/);
});

test('floats before the first codes are no part of an integer-only model', async () => {
  const b = new GraphBuilder();
  const quantization = { type: 'uint8', scale: 0.1, zeroPoint: 3 } as const;
  const moved = b.node('Transpose', [b.input('x', 'float32', [2, 2])], { perm: [1, 0] });
  const w = () => b.weights(hostTensor('int8', [2, 2], [1, 2, 3, 4]), [0.5]);
  const made = (value: string) => b.rounded(b.node('MatMul', [b.rounded(value, quantization), w()]), quantization);
  const good = b.graph([made(moved)]);
  const bad = b.graph([made(b.node('Exp', [moved]))]);
  const engine = await open();
  using model = new Model(engine, good, operators, { integerOnly: true });
  expect(model.integerOnly.between).toEqual([]);
  using other = new Model(engine, bad, operators);
  expect(other.integerOnly.between.map(({ operator }) => operator)).toEqual(['Exp']);
});

test('receipts are compared layer by layer', () => {
  const value = (name: string, sha256: string) => ({ name, elementType: 'uint8' as const, shape: [2], sha256 });
  const layer = (name: string, hash: string) => ({
    node: `node ${name}`,
    operator: 'QLinearConv',
    ...value(name, hash),
  });
  const receipt = (...layers: Receipt['layers'][number][]): Receipt => {
    return { version: 1, sha256: '', inputs: [value('x', '0')], layers };
  };
  const whole = receipt(layer('a', '1'), layer('b', '2'));
  expect(compareReceipts(whole, receipt(layer('a', '1'), layer('b', '2')))).toBeUndefined();
  const difference = compareReceipts(whole, receipt(layer('a', '1'), layer('b', '3')));
  expect(difference).toEqual({ name: 'b', node: 'node b', found: 'b uint8 [2] 2', expected: 'b uint8 [2] 3' });
  expect(compareReceipts(receipt(layer('a', '1')), whole)).toMatchObject({ name: 'b', found: undefined });
  expect(compareReceipts({ ...whole, inputs: [value('x', '9')] }, whole)).toMatchObject({ name: 'x', node: undefined });
});
