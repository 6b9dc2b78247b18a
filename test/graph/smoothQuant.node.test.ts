import { expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { calibrate } from '../../src/graph/calibrate.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { observeChannels, smoothGraph, smoothLayers } from '../../src/graph/quantization/smoothQuant.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { ratio } from '../onnx/quantizedNetwork.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';

const open = useEngine();
const random = createRandom(12);
const channels = 24;

/** One block of a transformer whose normalizations give a few channels much more than the others, as large models have them. */
function block(): Graph {
  const b = new GraphBuilder(21);
  const weights = (...shape: number[]): string => {
    const size = shape.reduce((a, c) => a * c, 1);
    const spread = 1 / Math.sqrt(shape[0] ?? 1);
    return b.constant(
      'float32',
      shape,
      random.normalArray(size).map((value) => value * spread),
    );
  };
  const scale = (): string => {
    const values = Float32Array.from({ length: channels }, (_, channel) => (channel % 9 === 4 ? 60 : 1));
    return b.constant('float32', [channels], values);
  };
  const x = b.input('x', 'float32', [2, 10, channels]);
  const normal = b.node('LayerNormalization', [x, scale(), weights(channels)], { axis: -1 });
  const [q = '', k = '', v = ''] = [0, 1, 2].map(() => {
    return b.node('Add', [weights(channels), b.node('MatMul', [normal, weights(channels, channels)])]);
  });
  const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: [0, 2, 1] })]);
  const small = b.constant('float32', [], [0.02]);
  const context = b.node('MatMul', [b.node('Softmax', [b.node('Mul', [scores, small])], { axis: -1 }), v]);
  const residual = b.node('Add', [x, b.node('MatMul', [context, weights(channels, channels)])]);
  // The second normalization as older models have it, in parts.
  const two = b.constant('float32', [], [2]);
  const last = b.constant('int64', [1], [-1]);
  const centred = b.node('Sub', [residual, b.node('ReduceMean', [residual, last])]);
  const variance = b.node('ReduceMean', [b.node('Pow', [centred, two]), last]);
  const parted = b.node('Div', [centred, b.node('Sqrt', [variance])]);
  const shifted = b.node('Add', [b.node('Mul', [parted, scale()]), weights(channels)]);
  const rows = b.node('Reshape', [shifted, b.constant('int64', [2], [20, channels])]);
  const hidden = b.node('Relu', [b.node('Gemm', [rows, weights(40, channels), weights(40)], { transB: 1 })]);
  return b.graph([b.node('Gemm', [hidden, weights(40, channels), weights(channels)])]);
}

const graph = block();
const sample = (): HostTensor => hostTensor('float32', [2, 10, channels], random.normalArray(20 * channels));
const batches = Array.from({ length: 6 }, () => ({ x: sample() }));
const held = sample();

async function outputOf(model: Model): Promise<number[]> {
  const [output] = model.run({ x: held }).values();
  const values = Array.from((await output?.read())?.data ?? []);
  output?.dispose();
  return values;
}

test('a smoothed model computes the same, and loses less in 8 bits', async () => {
  const engine = await open();
  using model = new Model(engine, graph, operators);
  const statistics = await observeChannels(model, batches);
  using smoothed = smoothLayers(model, JSON.parse(JSON.stringify(statistics)));
  const [wanted, same] = [await outputOf(model), await outputOf(smoothed)];
  const most = Math.max(...wanted.map(Math.abs));
  same.forEach((value, index) => {
    expect(Math.abs(value - (wanted[index] ?? Number.NaN))).toBeLessThan(1e-5 * most);
  });
  const decibels = async (from: Model): Promise<number> => {
    using quantized = quantizeModel(from, await calibrate(from, batches)).model;
    return ratio(wanted, await outputOf(quantized));
  };
  expect(await decibels(smoothed)).toBeGreaterThan((await decibels(model)) + 5);
  // What the products read, and their weights, have channels of the same magnitude then.
  const again = await observeChannels(smoothed, batches);
  const [name = ''] = smoothed.source.nodes.find(({ operator }) => operator === 'LayerNormalization')?.outputs ?? [];
  const { minimum = [], maximum = [] } = again.values[name] ?? {};
  const readers = smoothed.source.nodes.filter(({ inputs }) => inputs[0] === name);
  expect(readers).toHaveLength(3);
  maximum.forEach((greatest, channel) => {
    const input = Math.max(greatest, -(minimum[channel] ?? 0));
    const rows = readers.map(({ inputs }) => smoothed.source.initializers.get(inputs[1] ?? '')?.data ?? []);
    const weights = rows.flatMap((row) => Array.from(row.slice(channel * channels, (channel + 1) * channels)));
    expect(input / Math.max(...weights.map(Math.abs))).toBeCloseTo(1, 4);
  });
});

test('factors go into normalizations and products where these can take them, else a division is put in', async () => {
  const engine = await open();
  using model = new Model(engine, graph, operators);
  const statistics = await observeChannels(model, batches);
  const operatorsOf = (made: Graph): string[] => made.nodes.map(({ operator }) => operator);
  const divisions = (made: Graph): number => operatorsOf(made).filter((operator) => operator === 'Div').length;
  const made = smoothGraph(graph, operators, statistics);
  // The result of attention, and what was reshaped: nothing can take their factors. The rest is folded.
  expect(divisions(made)).toBe(divisions(graph) + 2);
  expect(made.nodes).toHaveLength(graph.nodes.length + 2);
  const only = smoothGraph(graph, operators, statistics, { layers: [/^Gemm/] });
  expect(divisions(only)).toBe(divisions(graph) + 1);
  // A normalization that something else reads as well stays as it is.
  const some = graph.nodes.filter(({ operator }) => operator === 'MatMul').slice(0, 2);
  const shared = smoothGraph(graph, operators, statistics, { layers: some.map(({ name }) => name) });
  expect(divisions(shared)).toBe(divisions(graph) + 1);
  const scales = (from: Graph): readonly string[] | undefined => {
    return from.nodes.find(({ operator }) => operator === 'LayerNormalization')?.inputs;
  };
  expect(scales(shared)).toEqual(scales(graph));
});

test('at 1 all goes to the weights, at 0 all to the inputs', async () => {
  const engine = await open();
  using model = new Model(engine, graph, operators);
  const statistics = await observeChannels(model, batches);
  for (const alpha of [0, 1]) {
    using smoothed = smoothLayers(model, statistics, { alpha });
    const { values } = await observeChannels(smoothed, batches);
    const [name = ''] = smoothed.source.nodes.find(({ operator }) => operator === 'LayerNormalization')?.outputs ?? [];
    const { minimum = [], maximum = [] } = values[name] ?? {};
    const magnitudes = maximum.map((greatest, channel) => Math.max(greatest, -(minimum[channel] ?? 0)));
    const spread = Math.max(...magnitudes) / Math.min(...magnitudes);
    if (alpha === 1) expect(spread).toBeCloseTo(1, 4);
    else expect(spread).toBeGreaterThan(20);
  }
});

test('options and statistics that do not fit are refused', async () => {
  const engine = await open();
  using model = new Model(engine, graph, operators);
  const statistics = await observeChannels(model, batches);
  expect(() => smoothLayers(model, statistics, { alpha: 1.5 })).toThrow(InvalidInput);
  expect(() => smoothLayers(model, statistics, { layers: ['nothing'] })).toThrow(InvalidInput);
  expect(() => smoothLayers(model, { ...statistics, values: {} })).toThrow(InvalidInput);
  const plain = await calibrate(model, batches);
  expect(() => smoothLayers(model, plain)).toThrow(InvalidInput);
});
