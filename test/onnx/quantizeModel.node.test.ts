import * as ort from 'onnxruntime-web';
import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import { elementCount } from '../../src/base/shape.ts';
import { mergeStatistics } from '../../src/calib/statistics.ts';
import { calibrate } from '../../src/graph/calibrate.ts';
import type { Attribute, Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(11);
const tensor = (...shape: number[]): HostTensor => {
  return hostTensor('float32', shape, random.uniformArray(elementCount(shape), -0.5, 0.5));
};

function node(operator: string, inputs: string, output: string, attributes: Record<string, Attribute> = {}): GraphNode {
  const named = { name: output, domain: '', operator, inputs: inputs.split(' '), outputs: [output] };
  return { ...named, attributes: new Map(Object.entries(attributes)) };
}

/** A small network of operator set 11, with what quantization has to do with: all kinds of layers in their usual places. */
const network: Graph = {
  name: 'network',
  inputs: [{ name: 'x', elementType: 'float32', dimensions: ['n', 3, 9, 8] }],
  outputs: [{ name: 'y', elementType: 'float32', dimensions: ['n', 5] }],
  nodes: [
    node('Conv', 'x w1', 'c1', { pads: [1, 1, 1, 1], strides: [2, 2] }),
    node('BatchNormalization', 'c1 b8 b8 b8 v8', 'n1'),
    node('HardSigmoid', 'n1', 'h1'),
    node('Mul', 'n1 h1', 'a1'),
    node('Conv', 'a1 w2 b8', 'c2', { group: 8, pads: [1, 1, 1, 1] }),
    node('Relu', 'c2', 'r2'),
    node('Add', 'r2 a1', 's2'),
    node('GlobalAveragePool', 's2', 'g'),
    node('Conv', 'g w3 b8', 'c3'),
    node('Sigmoid', 'c3', 'gate'),
    node('Mul', 's2 gate', 'm'),
    node('MaxPool', 'm', 'p', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Flatten', 'p', 'f'),
    node('Gemm', 'f w4 b5', 'l', { transB: 1 }),
    node('Softmax', 'l', 'y', { axis: -1 }),
  ],
  initializers: new Map(
    Object.entries({
      w1: tensor(8, 3, 3, 3),
      w2: tensor(8, 1, 3, 3),
      w3: tensor(8, 8, 1, 1),
      w4: tensor(5, 32),
      b5: tensor(5),
      b8: tensor(8),
      v8: hostTensor('float32', [8], [1, 0.5, 2, 1, 1, 0.25, 1, 3]),
    }),
  ),
  opsets: new Map([['', 11]]),
};

const inputs = (count: number): HostTensor[] => Array.from({ length: count }, () => tensor(2, 3, 9, 8));

async function runOrt(bytes: Uint8Array, { data, shape }: HostTensor): Promise<number[]> {
  const session = await ort.InferenceSession.create(bytes);
  const { y } = await session.run({ x: new ort.Tensor('float32', data as Float32Array, shape) });
  await session.release();
  return Array.from(y?.data as Float32Array);
}

/** Signal to noise, in decibels. */
function ratio(wanted: readonly number[], found: ArrayLike<number>): number {
  const power = wanted.reduce((sum, value) => sum + value ** 2, 0);
  const noise = wanted.reduce((sum, value, index) => sum + (value - (found[index] ?? Number.NaN)) ** 2, 0);
  return 10 * Math.log10(power / noise);
}

test.each([{ signed: false }, { signed: true }])('a network in 8 bits, signed $signed', async (activations) => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const batches = inputs(4).map((x) => ({ x }));
  const counts: number[] = [];
  const statistics = await calibrate(model, batches, { onProgress: (count) => counts.push(count) });
  expect(counts).toEqual([1, 2, 3, 4]);
  const made = quantizeModel(model, statistics, { activations });
  using quantized = made.model;
  expect(made.skipped).toEqual([]);
  const [x] = inputs(1);
  if (!x) throw new Error('There is an input.');
  const float = await runOrt(toOnnx(network), x);
  const integer = await runOrt(made.toOnnx(), x);
  expect(ratio(float, integer)).toBeGreaterThan(30);
  // Ours is the same but for a rounding of float32 in the sigmoid and softmax.
  const [output] = quantized.run({ x }).values();
  const found = (await output?.read())?.data ?? [];
  output?.dispose();
  expect(ratio(integer, found)).toBeGreaterThan(80);
  const products = quantized.graph.nodes.filter(({ operator }) =>
    /^(QLinearConv|QGemm|.*IntegerToFloat)$/.test(operator),
  );
  expect(products).toHaveLength(4);
});

test('every value that the GPU computes is calibrated, in the range that it has', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const batches = inputs(3).map((x) => ({ x }));
  const statistics = await calibrate(model, batches);
  expect(Object.keys(statistics.values).sort()).toEqual(['x', ...network.nodes.map(({ name }) => name)].sort());
  const all = batches.flatMap(({ x }) => Array.from(x.data));
  expect(statistics.values.x).toMatchObject({ minimum: [Math.min(...all)], maximum: [Math.max(...all)], batches: 3 });
  expect(statistics.values.r2?.minimum).toEqual([0]);
  const parts = [await calibrate(model, batches.slice(0, 1)), await calibrate(model, batches.slice(1))] as const;
  expect(mergeStatistics(...parts)).toEqual(statistics);
});

test('calibration ends when it is told to, and needs inputs', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  await expect(calibrate(model, [])).rejects.toThrow(InvalidInput);
  const [x] = inputs(1);
  const batches = x ? [{ x }] : [];
  await expect(calibrate(model, batches, { signal: AbortSignal.abort() })).rejects.toThrow(Aborted);
});
