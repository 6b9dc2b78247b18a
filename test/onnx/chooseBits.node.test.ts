import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import { Model } from '../../src/graph/model.ts';
import { observeLayers } from '../../src/graph/quantization/layerInputs.ts';
import type { QuantizeModelOptions } from '../../src/graph/quantization/options.ts';
import { beforeSoftmax, chooseBits, layersOf } from '../../src/onnx/chooseBits.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { prepareWeights } from '../../src/onnx/prepareWeights.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { useEngine } from '../support/engine.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';
import { inputs, network } from './quantizedNetwork.ts';

const open = useEngine();
const batches = inputs(6).map((x) => ({ x }));
const samples = batches.slice(0, 2);
const layerNames = ['c2', 'c3', 'l', 'n1'];
/** 512 weights of 29 channels, with a scale and a zero point each: the most at 8 bits, less half of the first layer. */
const budgetBytes = 512 + 5 * 29 - 108;

interface Kind extends Pick<QuantizeModelOptions, 'weights' | 'correctBias'> {
  readonly widths: readonly [number, number];
  readonly budgetBytes: number;
}

const kinds: readonly Kind[] = [
  { weights: { rounding: 'adaround' }, correctBias: true, widths: [8, 3], budgetBytes },
  { weights: { rounding: 'descent' }, widths: [8, 3], budgetBytes },
  { weights: { rounding: 'gptq' }, correctBias: true, widths: [8, 3], budgetBytes },
  // Four tables, and scales without zero points.
  { weights: { quantizer: 'codebook' }, widths: [4, 2], budgetBytes: 512 / 2 + 4 * 29 + 4 * 40 },
];

test.each(kinds)('widths are chosen for weights as they will be quantized: $weights', async (kind) => {
  const { widths, budgetBytes, ...quantizer } = kind;
  const engine = await open();
  using model = new Model(engine, network, operators);
  const layerInputs = await observeLayers(model, batches);
  const quantization = { activations: 'float', ...quantizer, layerInputs } as const;
  const told: number[] = [];
  const preparation = {
    adaRound: { iterations: 30 },
    onProgress: (layers: number, all: number) => told.push(layers / all),
  };
  const choice = await chooseBits(model, samples, {
    budgetBytes,
    quantization,
    preparation,
    widths,
    storage: 'packed',
  });
  expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((count) => count / 8));
  expect(choice.bytes).toBeLessThanOrEqual(budgetBytes);
  const bits = Object.values(choice.bits);
  for (const width of widths) expect(bits).toContain(width);
  // Noises of few layers are nearly independent.
  expect(Math.abs(choice.measuredSqnr - choice.predictedSqnr)).toBeLessThan(8);
  // Nothing is found twice, and the model is the one that was measured.
  const options = { ...quantization, layers: layersOf(choice) };
  const again = await prepareWeights(model, undefined, options, { earlier: [choice.prepared] });
  expect([...again.keys()].sort()).toEqual(layerNames);
  for (const [name, layer] of again) expect(layer).toBe(choice.prepared.get(name));
  const { model: made } = quantizeModel(model, undefined, { ...options, prepared: choice.prepared });
  using _ = made;
  using float = new Model(engine, beforeSoftmax(model.source), operators);
  using quantized = new Model(engine, beforeSoftmax(made.source), operators);
  let [signal, noise] = [0, 0];
  for (const { x } of samples) {
    const [wanted, found] = await Promise.all(
      [float, quantized].map(async (each) => {
        const [scores] = each.run({ x }).values();
        using read = scores;
        return (await read?.read())?.data ?? [];
      }),
    );
    wanted?.forEach((value: number, index: number) => {
      signal += value ** 2;
      noise += (value - (found?.[index] ?? Number.NaN)) ** 2;
    });
  }
  expect(10 * Math.log10(signal / noise)).toBeCloseTo(choice.measuredSqnr, 1);
});

test('scores stand for the chances that a final softmax makes of them', () => {
  const builder = new GraphBuilder(21);
  const x = builder.input('x', 'float32', [2, 3]);
  const [scores, plain] = [builder.node('Relu', [x]), builder.node('Neg', [x])];
  const shape = builder.constant('int64', [2], [1, 6]);
  const chances = builder.node('Reshape', [builder.node('Softmax', [scores]), shape]);
  const graph = builder.graph([chances, plain]);
  expect(beforeSoftmax(graph).outputs.map(({ name }) => name)).toEqual([scores, plain]);
  expect(beforeSoftmax({ ...graph, outputs: graph.outputs.slice(1) }).outputs).toEqual(graph.outputs.slice(1));
});

test('codes found for floats hold for quantized activations', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const layerInputs = await observeLayers(model, batches);
  const quantization = { weights: { rounding: 'gptq' }, layerInputs } as const;
  const choice = await chooseBits(model, samples, { budgetBytes, quantization });
  const values = Object.fromEntries(
    ['x', 'n1', 'a1', 'r2', 's2', 'g', 'c3', 'gate', 'm', 'p', 'f', 'l'].map((name) => [
      name,
      { minimum: [-1], maximum: [1], batches: 1 },
    ]),
  );
  const statistics = { method: 'minmax', values } as const;
  const options = { ...quantization, layers: layersOf(choice) };
  const again = await prepareWeights(model, statistics, options, { earlier: [choice.prepared] });
  for (const [name, layer] of again) expect(layer, name).toBe(choice.prepared.get(name));
  expect(again.size).toBe(4);
});

test('refusals: what rounding needs, and the end while weights are prepared', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const quantization = { weights: { rounding: 'adaround' } } as const;
  await expect(chooseBits(model, samples, { budgetBytes, quantization })).rejects.toThrow(InvalidInput);
  const signal = AbortSignal.abort();
  await expect(chooseBits(model, samples, { budgetBytes, signal })).rejects.toThrow(Aborted);
});
