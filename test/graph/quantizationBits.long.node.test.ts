import { describe, expect, test } from 'vitest';
import { InvalidInput, InvalidQuantization } from '../../src/base/errors.ts';
import { calibrate } from '../../src/graph/calibrate.ts';
import { Model } from '../../src/graph/model.ts';
import type { QuantizeModelOptions } from '../../src/graph/quantization/options.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { type QuantizedModel, quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { inputs, network, ratio, runOrt } from '../onnx/quantizedNetwork.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const samples = inputs(5);
const [x = samples[0]] = inputs(1);

async function made(options: QuantizeModelOptions): Promise<QuantizedModel> {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const statistics =
    options.activations === 'float'
      ? undefined
      : await calibrate(
          model,
          samples.map((each) => ({ x: each })),
        );
  return quantizeModel(model, statistics, options);
}

async function outputs(quantized: QuantizedModel): Promise<{ ours: number[]; theirs: number[] }> {
  if (!x) throw new Error('There is an input.');
  using model = quantized.model;
  const [output] = model.run({ x }).values();
  const ours = Array.from((await output?.read())?.data ?? []);
  output?.dispose();
  return { ours, theirs: await runOrt(quantized.toOnnx(), x) };
}

/** Codes of all weights. */
function weightCodes({ model }: QuantizedModel): { type: string; least: number; greatest: number }[] {
  return model.source.nodes.flatMap(({ operator, inputs: [name = ''] }) => {
    const codes = operator === 'DequantizeLinear' ? model.source.initializers.get(name) : undefined;
    if (!codes || codes.elementType === 'int32') return [];
    return [{ type: codes.elementType, least: Math.min(...codes.data), greatest: Math.max(...codes.data) }];
  });
}

describe('weights of n bits', () => {
  test.each([7, 6, 5, 4, 3, 2, 1])('%i bits are codes of their range, and as in ONNX Runtime', async (bits) => {
    const quantized = await made({ weights: { bits } });
    const highest = bits === 1 ? 1 : 2 ** (bits - 1) - 1;
    for (const { type, least, greatest } of weightCodes(quantized)) {
      expect(type).toBe(bits === 4 ? 'int4' : 'int8');
      expect(least).toBeGreaterThanOrEqual(-highest);
      expect(greatest).toBeLessThanOrEqual(highest);
    }
    const integer = quantized.model.graph.nodes.filter(({ operator }) =>
      /^(QLinearConv|QGemm|.*ToFloat)$/.test(operator),
    );
    expect(integer).toHaveLength(4);
    const { ours, theirs } = await outputs(quantized);
    expect(ratio(theirs, ours)).toBeGreaterThan(60);
  });

  test('fewer bits are farther from float', async () => {
    if (!x) throw new Error('There is an input.');
    const wanted = await runOrt(toOnnx(network), x);
    const ratios = [];
    for (const bits of [8, 6, 4, 2])
      ratios.push(ratio(wanted, (await outputs(await made({ weights: { bits } }))).ours));
    expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
  });

  test.each(['symmetric', 'asymmetric'] as const)('groups, %s, weights alone', async (scheme) => {
    const quantized = await made({ weights: { bits: 4, granularity: { group: 5 }, scheme }, activations: 'float' });
    const blocked = quantized.model.source.nodes.filter(({ attributes }) => attributes.get('block_size') === 5);
    // All but the depthwise convolution, of 9 inputs, have more than one group of ragged ends.
    expect(blocked).toHaveLength(4);
    const { ours, theirs } = await outputs(quantized);
    expect(ratio(theirs, ours)).toBeGreaterThan(80);
  });
});

test.each([false, true])('activations of 4 bits stay within their codes, signed %s', async (signed) => {
  const quantized = await made({ activations: { bits: 4, signed } });
  const { ours, theirs } = await outputs(quantized);
  expect(ratio(theirs, ours)).toBeGreaterThan(60);
  // The input and the mean of few numbers; elsewhere the bounds are those of integer kernels and tables.
  const clipped = quantized.model.graph.nodes.filter(({ operator }) => operator === 'Clip');
  expect(clipped.map(({ inputs: [name] }) => name)).toEqual(['x', 'g']);
});

describe('layers', () => {
  test('have formats of their own, by the names of nodes and constants; later ones win', async () => {
    const quantized = await made({
      weights: { bits: 6 },
      layers: { 'c*': { bits: 3 }, w2: { bits: 2, granularity: 'tensor' }, l: { bits: 'float' } },
    });
    expect(
      weightCodes(quantized)
        .map(({ greatest }) => greatest)
        .sort(),
    ).toEqual([1, 3, 3]);
    expect(quantized.skipped).toEqual([{ node: 'l', reason: 'it is excluded' }]);
    expect(quantized.quantized).not.toContain('l');
  });

  test('formats and names that there are not are refused', async () => {
    await expect(made({ layers: { nothing: { bits: 3 } } })).rejects.toThrow(InvalidInput);
    await expect(made({ weights: { bits: 9 } })).rejects.toThrow(InvalidQuantization);
    await expect(made({ weights: { granularity: { group: 0 } } })).rejects.toThrow(InvalidQuantization);
    await expect(made({ activations: { bits: 1 } })).rejects.toThrow(InvalidQuantization);
    const engine = await open();
    using model = new Model(engine, network, operators);
    expect(() => quantizeModel(model, undefined)).toThrow(InvalidInput);
  });
});
