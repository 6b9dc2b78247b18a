import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import type { Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { observeLayers } from '../../src/graph/quantization/layerInputs.ts';
import type { QuantizeModelOptions } from '../../src/graph/quantization/options.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(31);

interface Layer {
  readonly name: string;
  readonly operator: string;
  readonly shape: number[];
  readonly weights: number[];
  readonly attributes: Record<string, number | number[]>;
  /** Length of a bias; 0 for none. */
  readonly bias: number;
}

const layers: Layer[] = [
  {
    name: 'Conv',
    operator: 'Conv',
    shape: [2, 4, 6, 5],
    weights: [6, 4, 3, 2],
    attributes: { pads: [1, 0, 1, 0], strides: [1, 2] },
    bias: 6,
  },
  {
    name: 'depthwise',
    operator: 'Conv',
    shape: [1, 6, 9, 9],
    weights: [6, 1, 3, 3],
    attributes: { group: 6 },
    bias: 0,
  },
  { name: 'MatMul', operator: 'MatMul', shape: [2, 30, 24], weights: [24, 7], attributes: {}, bias: 0 },
  { name: 'MatMul and a sum', operator: 'MatMul', shape: [2, 30, 24], weights: [24, 7], attributes: {}, bias: 7 },
  { name: 'Gemm', operator: 'Gemm', shape: [70, 18], weights: [5, 18], attributes: { transB: 1 }, bias: 5 },
];

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function graphOf({ operator, shape, weights, attributes, bias }: Layer): Graph {
  const constants = new Map([['w', hostTensor('float32', weights, random.normalArray(size(weights)))]]);
  if (bias > 0) constants.set('b', hostTensor('float32', [bias], random.uniformArray(bias, -1, 1)));
  const isSum = operator === 'MatMul' && bias > 0;
  const hasInput = bias > 0 && !isSum;
  const node: GraphNode = {
    name: 'layer',
    domain: '',
    operator,
    inputs: hasInput ? ['x', 'w', 'b'] : ['x', 'w'],
    outputs: [isSum ? 'product' : 'y'],
    attributes: new Map(Object.entries(attributes)),
  };
  return {
    name: 'graph',
    inputs: [{ name: 'x', elementType: 'float32', dimensions: shape }],
    outputs: [{ name: 'y', elementType: 'float32', dimensions: undefined }],
    nodes: isSum ? [node, { ...sum, inputs: ['b', 'product'] }] : [node],
    initializers: constants,
    opsets: new Map([['', 13]]),
  };
}

const sum = { name: 'sum', domain: '', operator: 'Add', outputs: ['y'], attributes: new Map() };

/** Inputs whose elements go together and are not about 0, as those of real layers. */
function sample(shape: readonly number[]): HostTensor {
  const values = random.normalArray(size(shape));
  const smooth = values.map((value, index) =>
    Math.max(value + 1.5 * (values[index - 1] ?? 0) + 0.8 * (values[index - 2] ?? 0), -0.2),
  );
  return hostTensor('float32', shape, smooth);
}

async function outputsOf(model: Model, batches: readonly HostTensor[]): Promise<number[]> {
  const all: number[] = [];
  for (const x of batches) {
    const [output] = model.run({ x }).values();
    all.push(...((await output?.read())?.data ?? []));
    output?.dispose();
  }
  return all;
}

test('what needs the inputs of layers asks for them, and stops when told to', async () => {
  const engine = await open();
  const [layer] = layers;
  if (!layer) throw new Error('There is a layer.');
  using model = new Model(engine, graphOf(layer), operators);
  const options = { activations: 'float' } as const;
  expect(() => quantizeModel(model, undefined, { ...options, weights: { rounding: 'gptq' } })).toThrow(InvalidInput);
  expect(() => quantizeModel(model, undefined, { ...options, correctBias: true })).toThrow(InvalidInput);
  await expect(observeLayers(model, [])).rejects.toThrow(InvalidInput);
  const batches = [{ x: sample(layer.shape) }];
  await expect(observeLayers(model, batches, { signal: AbortSignal.abort() })).rejects.toThrow(Aborted);
});

test('moments of a layer are sums over its batches, in the order of its weights', async () => {
  const engine = await open();
  const gemm = layers.find(({ operator }) => operator === 'Gemm');
  if (!gemm) throw new Error('There is a Gemm.');
  using model = new Model(engine, graphOf(gemm), operators);
  const batches = [sample(gemm.shape), sample(gemm.shape)];
  const found = await observeLayers(
    model,
    batches.map((x) => ({ x })),
  );
  const [{ columns, sums } = { columns: 0, sums: [] }] = found.values();
  expect([found.size, columns]).toEqual([1, 18]);
  const rows = batches.flatMap(({ data }) =>
    Array.from({ length: 70 }, (_, row) => [...data.subarray(18 * row, 18 * row + 18), 1]),
  );
  for (const [i, j] of [
    [0, 0],
    [3, 17],
    [17, 3],
    [18, 5],
    [18, 18],
  ] as const) {
    const wanted = rows.reduce((total, row) => total + (row[i] ?? 0) * (row[j] ?? 0), 0);
    expect(Math.abs((sums[i * 19 + j] ?? Number.NaN) - wanted)).toBeLessThan(1e-5 * 140 * 4);
  }
});

test.each(layers)(
  '$name: outputs on new inputs are nearer by GPTQ, by descent and with corrected biases',
  async (layer) => {
    const engine = await open();
    using model = new Model(engine, graphOf(layer), operators);
    const batches = Array.from({ length: 12 }, () => ({ x: sample(layer.shape) }));
    const layerInputs = await observeLayers(model, batches);
    const held = Array.from({ length: 2 }, () => sample(layer.shape));
    const wanted = await outputsOf(model, held);
    const error = async (options: QuantizeModelOptions): Promise<number> => {
      const made = quantizeModel(model, undefined, { activations: 'float', layerInputs, ...options });
      using quantized = made.model;
      const found = await outputsOf(quantized, held);
      return found.reduce((sum, value, index) => sum + (value - (wanted[index] ?? 0)) ** 2, 0) / found.length;
    };
    const nearest = await error({ weights: { bits: 3 } });
    const gptq = await error({ weights: { bits: 3, rounding: 'gptq' } });
    const descent = await error({ weights: { bits: 3, rounding: 'descent' } });
    const corrected = await error({ weights: { bits: 3 }, correctBias: true });
    const both = await error({ weights: { bits: 3, rounding: 'descent' }, correctBias: true });
    expect(gptq).toBeLessThan(0.85 * nearest);
    expect(descent).toBeLessThan(0.85 * nearest);
    if (layer.operator !== 'MatMul' || layer.bias > 0) {
      expect(corrected).toBeLessThan(nearest);
      expect(both).toBeLessThan(0.85 * nearest);
    } else {
      // Nothing there takes the correction, so that all errors count.
      expect([corrected, both]).toEqual([nearest, descent]);
    }
  },
);
