import { describe, expect, it } from 'vitest';
import { InvalidQuantization, LimitExceeded, ShapeMismatch } from '../../src/base/errors.ts';
import { assertSumsFit, integerConvolve } from '../../src/conv/integerConvolve.ts';
import { chooseIntegerConvolution } from '../../src/conv/integerSelect.ts';
import { packConvolutionWeights, weightLayout } from '../../src/conv/integerWeights.ts';
import { uploadTable } from '../../src/quant/codeTable.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const window = { kernel: [3, 3], strides: [1, 2], dilations: [1, 1], padsBefore: [1, 1] };
const outputLengths = [9, 20];

describe('integerConvolve', () => {
  it.each([
    ['register', [18, 4, 3, 3]],
    ['depthwise', [8, 1, 3, 3]],
  ] as const)('gives the same in one dispatch and in many: %s', async (_, shape) => {
    const engine = await open();
    const random = createRandom(7);
    const codes = (count: number) => Int8Array.from(random.integerArray(count, -128, 127));
    using x = engine.tensor(codes(2 * 9 * 40 * 8), [2, 9, 40, 8]);
    using tensor = engine.tensor(codes(shape.reduce<number>((a, b) => a * b, 1)), shape);
    const weights = packConvolutionWeights(engine, tensor, { groups: 8 / shape[1] });
    const options = { window, outputLengths, xZeroPoint: 5 };
    using whole = integerConvolve(engine, x, weights, options);
    using parts = integerConvolve(withWorkBudget(engine, 1), x, weights, options);
    expect(await parts.read()).toEqual(await whole.read());
    weights.dispose();
  });

  it('refuses operands and bounds that do not go together', async () => {
    const engine = await open();
    using x = engine.empty([1, 9, 40, 8], 'uint8');
    using tensor = engine.empty([6, 7, 3, 3], 'int8');
    using right = engine.empty([6, 8, 3, 3], 'int8');
    const other = packConvolutionWeights(engine, tensor);
    const weights = packConvolutionWeights(engine, right);
    const options = { window, outputLengths };
    const result = { kind: 'codes', xScale: 1, wScale: 1, scale: 1 } as const;
    const depthwise = { kernel: 'depthwise', channels: 64, edge: 2, whole: false, rolling: false } as const;
    expect(() => integerConvolve(engine, x, other, options)).toThrow(ShapeMismatch);
    expect(() => integerConvolve(engine, x, weights, { ...options, kernel: depthwise })).toThrow(ShapeMismatch);
    expect(() => integerConvolve(engine, x, weights, { ...options, xZeroPoint: -1 })).toThrow(InvalidQuantization);
    expect(() => integerConvolve(engine, x, weights, { ...options, result: { ...result, highest: 200 } })).toThrow(
      InvalidQuantization,
    );
    const table = uploadTable(engine, new Uint8Array(256), 'uint8');
    expect(() => integerConvolve(engine, x, weights, { ...options, result: { ...result, table } })).toThrow(
      InvalidQuantization,
    );
    table.dispose();
    other.dispose();
    weights.dispose();
  });

  it('knows how many products fit 32 bits', () => {
    expect(() => assertSumsFit(131_071, 128, 128)).not.toThrow();
    expect(() => assertSumsFit(33_025, 255, 255)).not.toThrow();
    expect(() => assertSumsFit(33_026, 255, 255)).toThrow(LimitExceeded);
  });
});

describe('the choice of a kernel', () => {
  const size = {
    batchCount: 1,
    groups: 1,
    inputChannels: 32,
    outputChannels: 64,
    pixels: 65_536,
    window,
    transposed: false,
    whole: false,
  };
  const many = weightLayout([64, 32, 3, 3], 1, true);

  it('goes by the adapter, the size and the groups', async () => {
    const engine = await open();
    const on = (software: boolean) =>
      new Proxy(engine, {
        get: (target, name) => (name === 'info' ? { ...target.info, software } : Reflect.get(target, name, target)),
      });
    const [gpu, cpu] = [on(false), on(true)];
    expect(chooseIntegerConvolution(cpu, size, many)).toMatchObject({ kernel: 'register', whole: false });
    expect(chooseIntegerConvolution(gpu, size, many)).toMatchObject({ kernel: 'tiled', channels: 64, edge: 4 });
    expect(chooseIntegerConvolution(gpu, { ...size, pixels: 99 }, many)).toMatchObject({ channels: 64, edge: 2 });
    expect(chooseIntegerConvolution(gpu, size, weightLayout([8, 32, 3, 3], 1, true))).toMatchObject({ channels: 16 });
    for (const adapter of [gpu, cpu]) {
      const depthwise = chooseIntegerConvolution(adapter, size, weightLayout([64, 1, 3, 3], 64, true));
      expect(depthwise).toMatchObject({ kernel: 'depthwise', rolling: false });
    }
  });
});
