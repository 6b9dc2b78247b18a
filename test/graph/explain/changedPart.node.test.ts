import { describe, expect, test } from 'vitest';
import { calibrate } from '../../../src/graph/calibrate.ts';
import { changedPart, groupParts } from '../../../src/graph/explain/changedPart.ts';
import { QuantizedLayers } from '../../../src/graph/explain/layers.ts';
import { Comparison, runsOf } from '../../../src/graph/explain/runs.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { hostTensor } from '../../../src/graph/hostTensor.ts';
import { Model } from '../../../src/graph/model.ts';
import { observeLayers } from '../../../src/graph/quantization/layerInputs.ts';
import { quantizeGraph } from '../../../src/graph/quantization/quantizeGraph.ts';
import { operators } from '../../../src/onnx/operators/index.ts';
import { upgradeGraph } from '../../../src/onnx/upgrade.ts';
import { inputs, network } from '../../onnx/quantizedNetwork.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { GraphBuilder } from '../../support/graphBuilder.ts';

const engineOf = useEngine();
const random = createRandom(9);

describe('what has to be run', () => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', [4, 8]);
  const weights = () => builder.constant('float32', [8, 8], random.uniformArray(64, -1, 1));
  const before = builder.node('MatMul', [x, weights()]);
  const beside = builder.node('Relu', [before]);
  const changed = builder.node('MatMul', [before, weights()]);
  const shape = builder.node('Shape', [beside]);
  const sum = builder.node('Add', [changed, beside]);
  const shaped = builder.node('Reshape', [sum, shape]);
  const graph = builder.graph([shaped, beside]);
  const known = new Set([before, beside, changed, sum]);

  test('is what depends on the change, from what is at hand', () => {
    const part = changedPart(graph, changed, (name) => known.has(name));
    expect(part.inputs.map(({ name }) => name).sort()).toEqual([before, beside].sort());
    // Shapes are known before anything runs, so their makers come along.
    expect(part.nodes.map(({ operator }) => operator)).toEqual(['MatMul', 'Shape', 'Add', 'Reshape']);
    expect(part.outputs).toBe(graph.outputs);
  });

  test('is everything before as well where nothing is at hand', () => {
    const part = changedPart(graph, changed, () => false);
    expect(part.inputs).toEqual(graph.inputs);
    expect(part.nodes).toHaveLength(graph.nodes.length);
  });
});

/** Products with a constant added to each, one of them read twice. */
function products(): Graph {
  const builder = new GraphBuilder(21);
  let value = builder.input('x', 'float32', [6, 16]);
  for (let layer = 0; layer < 3; layer++) {
    const before = value;
    value = builder.node('MatMul', [value, builder.constant('float32', [16, 16], random.uniformArray(256, -1, 1))]);
    value = builder.node('Add', [value, builder.constant('float32', [16], random.uniformArray(16, -1, 1))]);
    value = builder.node('Relu', [value]);
    if (layer === 1) value = builder.node('Add', [value, before]);
  }
  return builder.graph([value]);
}

const convolutions = upgradeGraph(network, 13);
const [images, rows] = [
  inputs(3).map((x) => ({ x })),
  [1, 2, 3].map(() => ({ x: hostTensor('float32', [6, 16], random.uniformArray(96, -1, 1)) })),
];
const weightsAlone = { activations: 'float', weights: { bits: 3 } } as const;

describe.each([
  { title: 'weights alone', source: convolutions, batches: images, quantization: weightsAlone },
  {
    title: 'weights, biases corrected',
    source: convolutions,
    batches: images,
    quantization: { ...weightsAlone, correctBias: true },
  },
  { title: 'codes, sums corrected', source: products(), batches: rows, quantization: { correctBias: true } },
  { title: 'codes of 4 bits', source: products(), batches: rows, quantization: { activations: { bits: 4 } } },
] as const)('$title', ({ source, batches, quantization }) => {
  test('parts give the outputs of whole graphs', async () => {
    const engine = await engineOf();
    using model = new Model(engine, source, operators);
    const [statistics, layerInputs] = [await calibrate(model, batches), await observeLayers(model, batches)];
    const options = { ...quantization, layerInputs };
    const { graph } = quantizeGraph(source, operators, statistics, options);
    const found = new QuantizedLayers(source, graph, operators);
    const float = found.only(() => false);
    const samples = batches.slice(0, 2);
    const runs: number[] = [];
    const comparison = new Comparison(model, samples, 1, { onProgress: (done) => runs.push(done) });
    // Nothing quantized and nothing corrected.
    expect(await comparison.noise(float)).toBeLessThan(1e-10);
    for (const [base, changed] of [
      [float, found.layers.map((layer) => found.alone(layer))],
      [found.graph, found.layers.map((layer) => found.without(layer))],
    ] as const) {
      const whole: number[] = [];
      for (const { graph } of changed) whole.push(await comparison.noise(graph));
      expect(Math.min(...whole)).toBeGreaterThan(0);
      const [one, ...others] = groupParts(model, base, changed, samples);
      expect(others).toEqual([]);
      expect(one?.parts.at(-1)?.nodes.length).toBeLessThan(base.nodes.length);
      // A group each, where values may take nothing.
      const many = groupParts(model, base, changed, samples, 0);
      expect(many.length).toBeGreaterThan(1);
      for (const groups of [one ? [one] : [], many]) {
        const before = runs.length;
        const noises = await comparison.noises(base, groups);
        expect(runs.length - before).toBe(samples.length * runsOf(groups));
        for (const [index, noise] of noises.entries()) {
          expect(Math.abs(noise / (whole[index] ?? 0) - 1), found.layers[index]?.node.name).toBeLessThan(0.01);
        }
      }
    }
  });
});
