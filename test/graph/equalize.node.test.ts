import { expect, test } from 'vitest';
import type { Attribute, Graph, GraphNode } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { equalizeGraph, equalizeLayers } from '../../src/graph/quantization/equalize.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(17);

function node(operator: string, inputs: string, output: string, attributes: Record<string, Attribute> = {}): GraphNode {
  const named = { name: output, domain: '', operator, inputs: inputs.split(' '), outputs: [output] };
  return { ...named, attributes: new Map(Object.entries(attributes)) };
}

/** Weights whose channels differ by factors of up to a thousand, as those of depthwise networks with folded normalization. */
function uneven(channels: number, ...rest: number[]) {
  const size = rest.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: channels }, () => {
    const factor = 10 ** (3 * random.uniform() - 2);
    return Array.from(random.normalArray(size), (value) => value * factor);
  });
  return hostTensor('float32', [channels, ...rest], data.flat());
}

const bias = (length: number) => hostTensor('float32', [length], random.uniformArray(length, -0.1, 0.1));

const graph: Graph = {
  name: 'graph',
  inputs: [{ name: 'x', elementType: 'float32', dimensions: [1, 4, 8, 8] }],
  outputs: [{ name: 'y', elementType: 'float32', dimensions: undefined }],
  nodes: [
    node('Conv', 'x w1 b1', 'c1'),
    node('Relu', 'c1', 'r1'),
    node('Conv', 'r1 w2', 'c2', { group: 6, pads: [1, 1, 1, 1] }),
    node('LeakyRelu', 'c2', 'r2'),
    node('Conv', 'r2 w3 b3', 'c3', { group: 2 }),
    node('Sigmoid', 'c3', 's'),
    node('Conv', 's w4', 'y'),
  ],
  initializers: new Map([
    ['w1', uneven(6, 4, 1, 1)],
    ['b1', bias(6)],
    ['w2', uneven(6, 1, 3, 3)],
    ['w3', uneven(4, 3, 1, 1)],
    ['b3', bias(4)],
    ['w4', uneven(2, 4, 1, 1)],
  ]),
  opsets: new Map([['', 13]]),
};

async function run(model: Model, data: Float32Array): Promise<number[]> {
  const [output] = model.run({ x: hostTensor('float32', [1, 4, 8, 8], data) }).values();
  const values = Array.from((await output?.read())?.data ?? []);
  output?.dispose();
  return values;
}

test('an equalized model computes the same, and loses less with one scale for a layer', async () => {
  const engine = await open();
  using model = new Model(engine, graph, operators);
  using equalized = equalizeLayers(model);
  const data = random.uniformArray(256, -1, 1);
  const [wanted, same] = [await run(model, data), await run(equalized, data)];
  const most = Math.max(...wanted.map(Math.abs));
  same.forEach((value, index) => {
    expect(Math.abs(value - (wanted[index] ?? Number.NaN))).toBeLessThan(1e-5 * most);
  });
  const error = async (from: Model): Promise<number> => {
    const options = { activations: 'float', weights: { bits: 6, granularity: 'tensor' }, exclude: ['y'] } as const;
    using quantized = quantizeModel(from, undefined, options).model;
    return (await run(quantized, data)).reduce((sum, value, index) => sum + (value - (wanted[index] ?? 0)) ** 2, 0);
  };
  expect(await error(equalized)).toBeLessThan(0.5 * (await error(model)));
});

test('channels and what reads them end with the same greatest weight; functions that let no factors through end a chain', () => {
  const { nodes, initializers } = equalizeGraph(graph, operators);
  const weightsOf = (name: string) => {
    const found = initializers.get(nodes.find(({ outputs }) => outputs[0] === name)?.inputs[1] ?? '');
    if (!found) throw new Error(`${name} has weights.`);
    return found;
  };
  const [w1, w2, w3, w4] = ['c1', 'c2', 'c3', 'y'].map(weightsOf);
  for (let channel = 0; channel < 6; channel++) {
    const greatest = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));
    const first = greatest(w1?.data.slice(4 * channel, 4 * channel + 4) ?? []);
    const middle = greatest(w2?.data.slice(9 * channel, 9 * channel + 9) ?? []);
    const rows = channel < 3 ? [0, 1] : [2, 3];
    const last = greatest(rows.map((row) => w3?.data[3 * row + (channel % 3)] ?? 0));
    expect(Math.abs(first / middle - 1)).toBeLessThan(0.02);
    expect(Math.abs(middle / last - 1)).toBeLessThan(0.02);
  }
  expect(w4).toBe(graph.initializers.get('w4'));
});
