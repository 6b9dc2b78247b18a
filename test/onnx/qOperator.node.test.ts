import { expect, test } from 'vitest';
import { InvalidQuantization } from '../../src/base/errors.ts';
import { calibrate } from '../../src/graph/calibrate.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { toQOperator } from '../../src/onnx/qOperator.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { runFused } from '../reference/qdqModel.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';
import { inputs, network, runOrt } from './quantizedNetwork.ts';

const open = useEngine();

/** How often each operator is in a graph. */
function counts({ nodes }: Graph): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { operator } of nodes) found[operator] = (found[operator] ?? 0) + 1;
  return found;
}

type CodeType = 'uint8' | 'int8';

/** Codes of many operators, among them bounds, a table and operators that move codes. */
function codesGraph(type: CodeType, random = createRandom(3)): Graph {
  const b = new GraphBuilder();
  // No round numbers, of which many products are ties.
  const step = (scale: number) => {
    return { type, scale: Math.fround(scale * (1 + random.uniform() / 8)), zeroPoint: type === 'int8' ? -5 : 120 };
  };
  const weights = (shape: number[], axis?: number): string => {
    const count = shape.reduce((product, length) => product * length, 1);
    const codes = Array.from({ length: count }, () => random.integer(-127, 127));
    const scales = Array.from({ length: axis === undefined ? 1 : (shape[axis] ?? 1) }, () => random.uniform() / 100);
    return b.weights(hostTensor('int8', shape, codes), scales.map(Math.fround), axis);
  };
  const bounds = [-1, 2].map((bound) => b.constant('float32', [], [bound]));
  const x = b.rounded(b.input('x', 'float32', [1, 4, 6, 6]), step(0.02));
  const convolved = b.node('Conv', [x, weights([8, 4, 3, 3], 0)], { pads: [1, 1, 1, 1] });
  const clipped = b.rounded(b.node('Clip', [convolved, ...bounds]), step(0.03));
  const gate = b.rounded(b.node('Sigmoid', [clipped]), step(0.009));
  const product = b.rounded(b.node('Relu', [b.node('Mul', [clipped, gate])]), step(0.02));
  const spread = b.node('DepthToSpace', [product], { blocksize: 2 });
  const deep = b.node('SpaceToDepth', [spread], { blocksize: 6 });
  const dense = b.node('Gemm', [b.node('Flatten', [deep]), weights([288, 5], 1)]);
  const gemm = b.quantize(b.node('Relu', [dense]), step(0.02));
  const matrix = b.quantize(b.node('MatMul', [spread, weights([12, 3], 1)]), step(0.05));
  const sum = b.quantize(b.node('Add', [clipped, product]), step(0.04));
  return b.graph([gemm, matrix, sum]);
}

test.each(['uint8', 'int8'] as const)('%s codes are those of ONNX Runtime, one by one', async (type) => {
  const graph = codesGraph(type);
  const made = toQOperator(graph, operators);
  expect(counts(made)).toMatchObject({ QuantizeLinear: 1, QLinearConv: 1, QLinearMatMul: 1, QGemm: 1, Gather: 1 });
  expect(made.nodes.filter(({ domain }) => domain === 'cuanta')).toEqual([]);
  expect(counts(made).DequantizeLinear).toBeUndefined();
  const random = createRandom(4);
  const x = hostTensor('float32', [1, 4, 6, 6], random.uniformArray(144, -2.5, 2.5));
  const expected = await runFused(made, { x });
  using model = new Model(await open(), graph, operators);
  for (const [name, output] of model.run({ x })) {
    const { data, elementType } = await output.read();
    output.dispose();
    expect([elementType, Array.from(data)]).toEqual([type, Array.from(expected.get(name)?.data ?? [])]);
    expect(new Set(data).size).toBeGreaterThan(1);
  }
});

test.each([{ signed: false }, { signed: true }])('a network in both forms, signed $signed', async (activations) => {
  using model = new Model(await open(), network, operators);
  const statistics = await calibrate(
    model,
    inputs(3).map((x) => ({ x })),
  );
  const made = quantizeModel(model, statistics, { activations });
  made.model.dispose();
  const [x] = inputs(1) as [HostTensor];
  expect(await runOrt(made.toOnnx('qoperator'), x)).toEqual(await runOrt(made.toOnnx('qdq'), x));
});

test('layers whose results are read as floats stay in QDQ form', () => {
  const b = new GraphBuilder();
  const x = b.rounded(b.input('x', 'float32', [1, 2, 4, 4]), { type: 'uint8', scale: 0.1, zeroPoint: 3 });
  const y = b.node('Conv', [x, b.weights(hostTensor('int8', [2, 2, 1, 1], [1, 2, 3, 4]), [0.5, 0.25], 0)]);
  expect(counts(toQOperator(b.graph([y]), operators))).toEqual({ QuantizeLinear: 1, DequantizeLinear: 2, Conv: 1 });
});

test('two types of activations, none, and old operator sets are refused', () => {
  const b = new GraphBuilder();
  const x = b.rounded(b.input('x', 'float32', [2, 2]), { type: 'uint8', scale: 0.1, zeroPoint: 3 });
  const y = b.node('MatMul', [x, b.weights(hostTensor('int8', [2, 2], [1, 2, 3, 4]), [0.5])]);
  const graph = b.graph([b.quantize(y, { type: 'int8', scale: 0.1, zeroPoint: 3 })]);
  expect(() => toQOperator(graph, operators)).toThrow(/"MatMul\d+" reads and makes uint8, int8 codes/);
  expect(() => toQOperator({ ...graph, opsets: new Map([['', 12]]) }, operators)).toThrow(InvalidQuantization);
  const weightsOnly = new GraphBuilder();
  const weights = weightsOnly.weights(hostTensor('int8', [2, 2], [1, 2, 3, 4]), [0.5]);
  const product = weightsOnly.node('MatMul', [weightsOnly.input('x', 'float32', [2, 2]), weights]);
  expect(() => toQOperator(weightsOnly.graph([product]), operators)).toThrow(/Only weights of the graph are quantized/);
});
