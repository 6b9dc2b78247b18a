import { beforeAll, describe, expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../../src/base/errors.ts';
import { calibrate } from '../../../src/graph/calibrate.ts';
import { explainQuantization, type QuantizationReport } from '../../../src/graph/explain/explain.ts';
import { QuantizedLayers } from '../../../src/graph/explain/layers.ts';
import { operatorShares, picojoules, plannedModel } from '../../../src/graph/explain/operations.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../../src/graph/hostTensor.ts';
import { Model } from '../../../src/graph/model.ts';
import { quantizeGraph } from '../../../src/graph/quantization/quantizeGraph.ts';
import { chooseBits, layersOf } from '../../../src/onnx/chooseBits.ts';
import { operators } from '../../../src/onnx/operators/index.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { evaluateGraph } from '../../support/evaluateGraph.ts';
import { GraphBuilder } from '../../support/graphBuilder.ts';

const engineOf = useEngine();
const random = createRandom(77);
const [rows, width] = [6, 16];

/** Three products; in the weights of the second, one of each channel is 16 times as large as the others. */
function network(): Graph {
  const builder = new GraphBuilder(21);
  let value = builder.input('x', 'float32', [rows, width]);
  for (const layer of [0, 1, 2]) {
    const weights = random.uniformArray(width * width, -1, 1);
    // It reads what is always zero, so that only rounding suffers.
    if (layer === 1) weights.fill(16, 0, width);
    const shift = Float32Array.from({ length: width }, (_, index) => (layer === 0 && index === 0 ? -17 : 1));
    value = builder.node('MatMul', [value, builder.constant('float32', [width, width], weights)]);
    value = builder.node('Add', [value, builder.constant('float32', [width], shift)]);
    if (layer < 2) value = builder.node('Relu', [value]);
  }
  return builder.graph([value]);
}

const sample = (): { readonly x: HostTensor } => ({
  x: hostTensor('float32', [rows, width], random.uniformArray(rows * width, -1, 1)),
});

const source = network();
const samples = [sample(), sample()];
const bad = 'MatMul3';

function sqnrOf(wanted: Graph, found: Graph): number {
  let [signal, noise] = [0, 0];
  for (const inputs of samples) {
    const [x, y] = [wanted, found].map((graph) => evaluateGraph(graph, operators, inputs)[0]?.data ?? []);
    x?.forEach((value: number, index: number) => {
      signal += value * value;
      noise += (value - (y?.[index] ?? 0)) ** 2;
    });
  }
  return 10 * Math.log10(signal / noise);
}

describe('a network with a bad layer', () => {
  let report: QuantizationReport;
  let quantized: Graph;
  let progress: readonly number[] = [];

  beforeAll(async () => {
    const engine = await engineOf();
    using float = new Model(engine, source, operators);
    quantized = quantizeGraph(source, operators, await calibrate(float, samples)).graph;
    using model = new Model(engine, quantized, operators);
    report = await explainQuantization(float, model, samples, {
      onProgress: (runs, total) => {
        progress = [runs, total];
      },
    });
  });

  test('that layer hurts most', () => {
    const [first, ...others] = report.layers;
    expect(first?.node).toBe(bad);
    expect(first?.sensitivity?.noiseShare).toBeGreaterThan(0.8);
    const worst = first?.sensitivity?.onlyThis ?? 0;
    for (const { sensitivity } of others) expect(sensitivity?.onlyThis).toBeGreaterThan(worst + 3);
    for (const { sensitivity } of others) {
      expect(first?.sensitivity?.allButThis).toBeGreaterThan(sensitivity?.allButThis ?? 0);
    }
    expect(first?.weights?.maxError).toBeGreaterThan(0.05);
    const shares = report.layers.map(({ sensitivity }) => sensitivity?.noiseShare ?? 0);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 9);
  });

  test('ratios are those of the definitions in float64', () => {
    expect(report.sqnr).toBeCloseTo(sqnrOf(source, quantized), 1);
    expect(report.outputs).toHaveLength(1);
    expect(report.outputs[0]?.sqnr).toBeCloseTo(report.sqnr, 9);
    const found = new QuantizedLayers(source, quantized, operators);
    for (const { node, sensitivity } of report.layers) {
      const only = found.only((layer) => layer.node.name === node);
      const without = found.only((layer) => layer.node.name !== node);
      expect(sensitivity?.onlyThis).toBeCloseTo(sqnrOf(source, only), 0);
      expect(sensitivity?.allButThis).toBeCloseTo(sqnrOf(source, without), 0);
    }
    expect(
      sqnrOf(
        source,
        found.only(() => false),
      ),
    ).toBeGreaterThan(120);
  });

  test('bytes, kernels, operations and energy', () => {
    const layer = report.layers.find(({ node }) => node === bad);
    // Codes, a scale and a zero point for each channel.
    expect(layer?.bytes).toEqual({ float: 4 * width * width, quantized: width * width + 5 * width });
    expect(layer?.kernel).toMatch(/\w/);
    expect(layer?.multiplyAdds).toBe(rows * width * width);
    const { float, quantized: integers } = report.operations;
    const products = 3 * rows * width * width;
    expect([float.integerMultiplyAdds, float.floatMultiplyAdds]).toEqual([0, products]);
    expect([integers.integerMultiplyAdds, integers.floatMultiplyAdds]).toEqual([products, 0]);
    expect(integers.bytesMoved).toBeLessThan(float.bytesMoved);
    const joules = products * picojoules.integerMultiplyAdd + integers.bytesMoved * picojoules.byteMoved;
    expect(integers.estimatedJoules).toBeCloseTo(joules * 1e-12, 15);
    const { integer, float: floats, floatShare, inFloat } = report.operators;
    expect(integer).toBeGreaterThan(0);
    expect(inFloat).toHaveLength(floats);
    expect(floatShare).toBe(floats / (floats + integer));
    expect(report.bytes.quantized).toBeLessThan(report.bytes.float / 2);
  });

  test('what layers read, with clip lines around it', () => {
    const first = report.layers.find(({ place }) => place === 0);
    const [x] = first?.inputs ?? [];
    const all = samples.flatMap((each) => Array.from(each.x.data));
    expect(x).toMatchObject({
      name: 'x',
      observed: { least: Math.min(...all), greatest: Math.max(...all) },
      clipped: 0,
    });
    expect(x?.clip.least).toBeCloseTo(Math.min(...all), 2);
    expect(x?.histogram.counts.reduce((sum, count) => sum + count)).toBe(all.length);
    expect(x?.saturation).toBeGreaterThan(0);
  });

  test('is plain data, and says how far it is', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(progress[0]).toBe(progress[1]);
  });
});

test('a bias that is dequantized once leaves an integer convolution what it is', async () => {
  const engine = await engineOf();
  const builder = new GraphBuilder(21);
  const image = builder.input('image', 'float32', [1, 4, 5, 5]);
  const weights = builder.constant('float32', [8, 4, 3, 3], random.uniformArray(288, -1, 1));
  const bias = builder.constant('float32', [8], random.uniformArray(8, -1, 1));
  const graph = builder.graph([builder.node('Conv', [image, weights, bias])]);
  const inputs = { image: hostTensor('float32', [1, 4, 5, 5], random.uniformArray(100, -1, 1)) };
  using float = new Model(engine, graph, operators);
  using model = new Model(engine, quantizeGraph(graph, operators, await calibrate(float, [inputs])).graph, operators);
  const shares = operatorShares(plannedModel(model, inputs));
  // The input becomes codes, and the convolution makes floats of its sums.
  expect(shares).toEqual({ integer: 0, float: 0, conversions: 2, floatShare: 0, inFloat: [] });
});

describe('refusals', () => {
  test('of no samples, other models, and when it is stopped', async () => {
    const engine = await engineOf();
    using float = new Model(engine, source, operators);
    const quantized = quantizeGraph(source, operators, await calibrate(float, samples)).graph;
    using model = new Model(engine, quantized, operators);
    await expect(explainQuantization(float, model, [])).rejects.toThrow(InvalidInput);
    const changed = new Map(source.initializers);
    const [name = ''] = changed.keys();
    changed.set(name, hostTensor('float32', [width, width], random.uniformArray(width * width, -1, 1)));
    // Not a rounding of these weights: the first layer's in the float model are others.
    using other = new Model(engine, { ...source, initializers: changed }, operators);
    const report = await explainQuantization(other, model, samples, { sensitivity: false });
    expect(report.layers.find(({ place }) => place === 0)?.weights?.sqnr).toBeLessThan(10);
    expect(report.layers.every(({ sensitivity }) => sensitivity === null)).toBe(true);
    const signal = AbortSignal.abort();
    await expect(explainQuantization(float, model, samples, { signal })).rejects.toThrow(Aborted);
  });
});

describe('bits under a budget', () => {
  test('the fragile layer keeps its bits, and the model keeps to the budget', async () => {
    const engine = await engineOf();
    using float = new Model(engine, source, operators);
    const perLayer = { 8: width * width + 5 * width, 4: width * width * 0.5 + 4.5 * width };
    const budgetBytes = perLayer[8] + 2 * perLayer[4];
    const choice = await chooseBits(float, samples, { budgetBytes });
    expect(choice.bits).toEqual({ MatMul0: 4, [bad]: 8, MatMul6: 4 });
    expect(choice.bytes).toBe(budgetBytes);
    expect(choice.measuredSqnr).toBeGreaterThan(choice.predictedSqnr - 6);
    expect(Math.abs(choice.measuredSqnr - choice.predictedSqnr)).toBeLessThan(6);
    const made = quantizeGraph(source, operators, await calibrate(float, samples), { layers: layersOf(choice) });
    const codes = [...made.graph.initializers.values()].filter(({ shape }) => shape.join() === `${width},${width}`);
    expect(codes.map(({ elementType }) => elementType).sort()).toEqual(['int4', 'int4', 'int8']);
    await expect(chooseBits(float, samples, { budgetBytes: 3 * perLayer[4] - 1 })).rejects.toThrow(InvalidInput);
  });

  test('packed widths, and layers whose bits are given', async () => {
    const engine = await engineOf();
    using float = new Model(engine, source, operators);
    const quantization = { layers: { MatMul6: { bits: 5 } }, exclude: ['MatMul0'] };
    const options = { storage: 'packed', widths: [3, 6], quantization, budgetBytes: 1e6 } as const;
    const choice = await chooseBits(float, samples.slice(0, 1), options);
    expect(choice.bits).toEqual({ [bad]: 6, MatMul6: 5 });
    const bytes = (bits: number) => (width * width * bits) / 8 + 5 * width;
    expect(choice.layers).toMatchObject([
      {
        node: bad,
        widths: [
          { bits: 3, bytes: bytes(3) },
          { bits: 6, bytes: bytes(6) },
        ],
      },
      { node: 'MatMul6', widths: [{ bits: 5, bytes: bytes(5) }] },
    ]);
  });
});
