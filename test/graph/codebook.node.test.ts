import { describe, expect, test } from 'vitest';
import { InvalidInput, InvalidQuantization } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { fitCodebook, lookupWeights, normalFloat4 } from '../../src/graph/quantization/codebook.ts';
import { observeLayers } from '../../src/graph/quantization/layerInputs.ts';
import type { LayerFormat, QuantizeModelOptions } from '../../src/graph/quantization/options.ts';
import { weightMatrix } from '../../src/graph/quantization/weightMatrix.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { prepareWeights } from '../../src/onnx/prepareWeights.ts';
import { type QuantizedModel, quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { fromSafetensors } from '../../src/onnx/safetensors.ts';
import { inputs, network, ratio, runOrt } from '../onnx/quantizedNetwork.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { GraphBuilder } from '../support/graphBuilder.ts';

const open = useEngine();
const random = createRandom(8);
const [x] = inputs(1);

const format: LayerFormat = {
  quantizer: 'codebook',
  bits: 3,
  granularity: 'channel',
  scheme: 'symmetric',
  range: 'minmax',
  rounding: 'nearest',
  activationBits: 8,
};

/** The number below which a share of the normal distribution lies. */
function normalQuantile(share: number): number {
  const density = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let [z, sum] = [-9, 0];
  const step = 1e-5;
  for (; sum < share; z += step) sum += step * density(z + step / 2);
  return z;
}

test('the entries of NF4 are quantiles of the normal distribution', () => {
  const offset = 0.9677083;
  const spread = (count: number): number[] => {
    return Array.from({ length: count - 1 }, (_, index) => offset + ((0.5 - offset) * index) / (count - 1));
  };
  const [positive, negative] = [spread(9), spread(8)].map((shares) => shares.map(normalQuantile));
  const wanted = [...(negative ?? []).map((z) => -z), 0, ...(positive ?? [])].sort((a, b) => a - b);
  const greatest = Math.max(...wanted);
  expect(normalFloat4).toHaveLength(16);
  wanted.forEach((value, index) => {
    const scaled = value / (value < 0 ? -Math.min(...wanted) : greatest);
    expect(Math.abs((normalFloat4[index] ?? Number.NaN) - scaled)).toBeLessThan(1e-4);
  });
});

describe('tables', () => {
  const node = { name: 'l', domain: '', operator: 'Gemm', inputs: [], outputs: [], attributes: new Map() };
  const weights = hostTensor(
    'float32',
    [40, 30],
    random.normalArray(1200).map((value) => value ** 3),
  );
  const matrix = weightMatrix(node, weights);

  test.each(['tensor', 'channel', { group: 7 }] as const)('of k-means beat equal steps: %o', async (granularity) => {
    const engine = await open();
    const own = { ...format, granularity };
    const table = await fitCodebook(engine, matrix, own);
    expect(table).toHaveLength(8);
    expect([...table]).toEqual([...table].sort((a, b) => a - b));
    const error = (entries: Float32Array): number =>
      lookupWeights(matrix, own, entries).values.reduce((sum, value, index) => {
        return sum + (value - (matrix.values[index] ?? 0)) ** 2;
      }, 0);
    const extent = Math.max(...table.map(Math.abs));
    const even = Float32Array.from({ length: 8 }, (_, index) => (extent * (2 * index - 7)) / 7);
    expect(error(table)).toBeLessThan(0.8 * error(even));
    // A weight has the entry that is nearest to it.
    const { constant } = lookupWeights(matrix, { ...own, granularity: 'tensor' }, table);
    constant.codes.data.forEach((code, index) => {
      const weight = weights.data[index] ?? 0;
      const distances = Array.from(table, (entry) => Math.abs(entry - weight));
      expect(distances[code]).toBeCloseTo(Math.min(...distances), 6);
    });
  });

  test('hold few distinct weights exactly', async () => {
    const engine = await open();
    const few = hostTensor(
      'float32',
      [8, 5],
      Array.from({ length: 40 }, (_, index) => [-2, 0.5, 3][index % 3] ?? 0),
    );
    const small = weightMatrix(node, few);
    const whole = { ...format, granularity: 'tensor' } as const;
    const table = await fitCodebook(engine, small, whole);
    expect([...table]).toEqual([-2, 0.5, 3]);
    expect(lookupWeights(small, whole, table).values).toEqual(small.values);
  });
});

const settings: Pick<Required<QuantizeModelOptions>, 'weights'>[] = [
  { weights: { quantizer: 'nf4', granularity: { group: 5 } } },
  { weights: { quantizer: 'codebook', bits: 3 } },
  { weights: { quantizer: 'codebook', bits: 4, granularity: 'tensor' } },
  { weights: { quantizer: 'codebook', bits: 5, granularity: { group: 40 } } },
];

async function made(model: Model, options: QuantizeModelOptions): Promise<QuantizedModel> {
  const whole = { activations: 'float', ...options } as const;
  return quantizeModel(model, undefined, { ...whole, prepared: await prepareWeights(model, undefined, whole) });
}

async function outputOf(model: Model): Promise<number[]> {
  if (!x) throw new Error('There is an input.');
  const [output] = model.run({ x }).values();
  const values = Array.from((await output?.read())?.data ?? []);
  output?.dispose();
  return values;
}

describe('models', () => {
  test.each(settings)('give the same here and in ONNX Runtime, near float: $weights', async (options) => {
    if (!x) throw new Error('There is an input.');
    const engine = await open();
    using float = new Model(engine, network, operators);
    const quantized = await made(float, options);
    using model = quantized.model;
    const [wanted, found] = [await outputOf(float), await outputOf(model)];
    const theirs = await runOrt(quantized.toOnnx(), x);
    expect(ratio(theirs, found)).toBeGreaterThan(90);
    expect(ratio(wanted, found)).toBeGreaterThan(15);
    expect(ratio(wanted, found)).toBeLessThan(60);
    // The codes of four layers, packed to their width, each with its table.
    const { tensors, quantization } = fromSafetensors(quantized.toSafetensors());
    expect(tensors).toEqual(model.source.initializers);
    const { bits = 4, granularity, quantizer } = options.weights;
    const stored = [...quantization.values()];
    expect(stored).toHaveLength(4);
    for (const { codebook = '', bits: width, scale, axis, blockSize } of stored) {
      const entries = tensors.get(codebook)?.data.length ?? 0;
      expect(entries).toBeGreaterThan(2 ** (bits - 1));
      expect(entries).toBeLessThanOrEqual(2 ** bits);
      expect(width).toBeLessThanOrEqual(bits);
      expect(tensors.has(scale ?? '')).toBe(granularity !== 'tensor');
      expect(axis === undefined).toBe(granularity === 'tensor');
      expect(blockSize ?? 0).toBeLessThanOrEqual(quantizer === 'nf4' ? 5 : 40);
    }
  });

  test('matrix products, whose weights have inputs before channels, and batches of them', async () => {
    const engine = await open();
    const b = new GraphBuilder();
    const product = b.node('MatMul', [
      b.input('x', 'float32', [2, 3, 30]),
      b.constant('float32', [30, 7], random.normalArray(210)),
    ]);
    const stacked = b.node('MatMul', [product, b.constant('float32', [2, 7, 9], random.normalArray(126))]);
    using float = new Model(engine, b.graph([stacked]), operators);
    const rows = hostTensor('float32', [2, 3, 30], random.normalArray(180));
    const run = async (model: Model): Promise<number[]> => {
      const [output] = model.run({ x: rows }).values();
      const values = Array.from((await output?.read())?.data ?? []);
      output?.dispose();
      return values;
    };
    const wanted = await run(float);
    for (const { weights } of settings) {
      using model = (await made(float, { weights: { ...weights, bits: weights.quantizer === 'nf4' ? 4 : 6 } })).model;
      expect(ratio(wanted, await run(model))).toBeGreaterThan(13);
    }
  });

  test('biases make up for the mean error', async () => {
    const engine = await open();
    using float = new Model(engine, network, operators);
    const layerInputs = await observeLayers(
      float,
      inputs(6).map((each) => ({ x: each })),
    );
    const options = { weights: { quantizer: 'codebook', bits: 3 }, layerInputs } as const;
    using plain = (await made(float, options)).model;
    using corrected = (await made(float, { ...options, correctBias: true })).model;
    const wanted = await outputOf(float);
    expect(ratio(wanted, await outputOf(corrected))).toBeGreaterThan(ratio(wanted, await outputOf(plain)));
  });

  test('what does not go together is refused', async () => {
    const engine = await open();
    using model = new Model(engine, network, operators);
    const refused = (options: QuantizeModelOptions, error: typeof InvalidInput | typeof InvalidQuantization): void => {
      expect(() => quantizeModel(model, undefined, { activations: 'float', ...options })).toThrow(error);
    };
    refused({ weights: { quantizer: 'nf4' }, activations: {} }, InvalidQuantization);
    refused({ weights: { quantizer: 'nf4', bits: 3 } }, InvalidQuantization);
    refused({ weights: { quantizer: 'nf4' }, layers: { l: { bits: 8 } } }, InvalidQuantization);
    refused({ weights: { quantizer: 'nf4', scheme: 'symmetric' } }, InvalidQuantization);
    refused({ weights: { quantizer: 'codebook', rounding: 'gptq' }, layerInputs: new Map() }, InvalidQuantization);
    refused({ weights: { quantizer: 'codebook' } }, InvalidInput);
  });
});
