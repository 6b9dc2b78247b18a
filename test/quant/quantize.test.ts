import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DisposedTensor, InvalidInput, InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { dequantize } from '../../src/quant/dequantize.ts';
import { type Granularity, perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { type QuantizeOptions, quantize } from '../../src/quant/quantize.ts';
import type { CodeLayout } from '../../src/quant/quantizedTensor.ts';
import { minMax } from '../../src/quant/range.ts';
import {
  type ChosenParameters,
  chooseAsymmetric,
  chooseSymmetric,
  dequantizeLinear,
  integerRange,
  parameterIndices,
  quantizeLinear,
  quantizeSign,
} from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { leavesNoMemoryBehind, useEngine } from '../support/engine.ts';

const open = useEngine();

interface Case {
  readonly shape: readonly number[];
  readonly bits: number;
  readonly signed: boolean;
  readonly scheme: 'symmetric' | 'asymmetric';
  readonly granularity: Granularity;
  readonly rounding: 'nearest-even' | 'floor';
  readonly layout: CodeLayout;
}

const plain: Case = {
  shape: [],
  bits: 8,
  signed: true,
  scheme: 'symmetric',
  granularity: perTensor(),
  rounding: 'nearest-even',
  layout: 'flat',
};

/** The parameter index of each element, by the reference's own definition. */
function indicesOf(granularity: Granularity, shape: readonly number[]) {
  if (granularity.kind === 'tensor') return parameterIndices(shape);
  const axis = granularity.axis < 0 ? granularity.axis + shape.length : granularity.axis;
  return parameterIndices(shape, axis, granularity.kind === 'group' ? granularity.size : undefined);
}

interface Expected {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly codes: Int32Array;
  readonly floats: Float32Array;
}

function expectedOf(values: Float32Array, options: Case): Expected {
  const { indices, parameterCount } = indicesOf(options.granularity, options.shape);
  const { bits, signed, scheme, rounding } = options;
  if (bits === 1 && scheme === 'symmetric') {
    const { codes, scales } = quantizeSign(values, indices, parameterCount);
    const floats = dequantizeLinear(codes, { scales, indices });
    const stored = signed ? codes : codes.map((code) => (code + 1) / 2);
    return { scales, zeroPoints: new Int32Array(parameterCount), codes: stored, floats };
  }
  const choose = scheme === 'symmetric' ? chooseSymmetric : chooseAsymmetric;
  const parameters: ChosenParameters = choose(values, { bits, signed }, indices, parameterCount);
  const codes = quantizeLinear(values, parameters, rounding);
  return { ...parameters, codes, floats: dequantizeLinear(codes, parameters) };
}

async function check(options: Case, values: Float32Array): Promise<void> {
  const engine = await open();
  const expected = expectedOf(values, options);
  using x = engine.tensor(values, options.shape);
  using quantized = quantize(engine, x, options);
  using floats = dequantize(engine, quantized);
  // Asked for together, they are one submission.
  const [scales, zeroPoints, codes, dequantized] = await Promise.all([
    quantized.scales.read(),
    quantized.zeroPoints.read(),
    quantized.read(),
    floats.read(),
  ]);
  expect(scales).toEqual(expected.scales);
  expect(zeroPoints).toEqual(expected.zeroPoints);
  expect(Int32Array.from(codes)).toEqual(expected.codes);
  expect(dequantized).toEqual(expected.floats);
}

const layouts: CodeLayout[] = ['flat', 'rows', 'columns'];
const bitWidths = [8, 7, 6, 5, 4, 3, 2, 1];

describe('quantize', () => {
  describe.each(bitWidths)('%i bits', (bits) => {
    it.each(layouts)('layout %s, small shapes', async (layout) => {
      const checks: Promise<void>[] = [];
      for (const rows of [1, 2, 3, 5, 8, 33]) {
        for (const columns of [1, 4, 7]) {
          const scheme = (rows + columns) % 2 === 0 ? 'symmetric' : 'asymmetric';
          const signed = (rows * columns) % 3 !== 0;
          const values = createRandom(rows * 100 + columns + bits).normalArray(rows * columns, 0.3);
          checks.push(check({ ...plain, shape: [rows, columns], bits, layout, scheme, signed }, values));
        }
      }
      await Promise.all(checks);
    });
  });

  it('any shape, bits, scheme, granularity, rounding and layout', async () => {
    const cases = fc.array(fc.integer({ min: 1, max: 11 }), { minLength: 2, maxLength: 4 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        bits: fc.integer({ min: 1, max: 8 }),
        signed: fc.boolean(),
        scheme: fc.constantFrom('symmetric' as const, 'asymmetric' as const),
        granularity: fc
          .tuple(fc.integer({ min: -shape.length, max: shape.length - 1 }), fc.integer({ min: 1, max: 12 }))
          .chain(([axis, size]) => fc.constantFrom(perTensor(), perChannel(axis), perGroup(axis, size))),
        rounding: fc.constantFrom('nearest-even' as const, 'floor' as const),
        layout: fc.constantFrom(...layouts),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, fc.integer(), fc.boolean(), async (options, seed, wild) => {
        const random = createRandom(seed);
        const count = options.shape.reduce((product, length) => product * length, 1);
        await check(options, wild ? random.floatBitsArray(count, true) : random.normalArray(count));
      }),
      { numRuns: 60 },
    );
  });
});

/** Fresh numbers around the codes of a format: ties and whole steps, their float32 neighbours, and any bit pattern. */
function adversarial(seed: number, count: number, scale: number, high: number): Float32Array {
  const random = createRandom(seed);
  const values = random.floatBitsArray(count, true);
  const bits = new Uint32Array(values.buffer);
  for (let index = 0; index < count; index++) {
    const choice = random.integer(0, 3);
    if (choice === 3) continue;
    values[index] = (random.integer(-high - 2, high + 2) + choice * 0.5) * scale;
    const neighbour = (bits[index] ?? 0) + random.integer(-2, 2);
    if ((neighbour & 0x7f800000) !== 0x7f800000) bits[index] = neighbour;
    if (!Number.isFinite(values[index] ?? 0)) values[index] = 0;
  }
  return values;
}

describe('exactness with given parameters', () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  const scales = [0.1, 1, 1 / 3, 0.019607844, 2 ** -100, 3e30, largest, 2 ** -126, 2 ** -149, 3 * 2 ** -149, 1e-40];

  it.each([
    { bits: 8, signed: true },
    { bits: 8, signed: false },
    { bits: 5, signed: true },
    { bits: 2, signed: false },
    { bits: 1, signed: true },
  ])('$bits bits, signed $signed: ties, neighbours, denormals, huge numbers', async ({ bits, signed }) => {
    const engine = await open();
    const { low, high } = integerRange({ bits, signed });
    const rounded = Float32Array.from(scales);
    const columns = 1000;
    const values = new Float32Array(scales.length * columns);
    rounded.forEach((scale, row) => {
      values.set(adversarial(bits * 100 + row, columns, scale, high - low), row * columns);
    });
    const { indices } = parameterIndices([scales.length, columns], 0);
    using x = engine.tensor(values, [scales.length, columns]);
    for (const zeroPoint of [low, high, 0]) {
      const zeroPoints = new Int32Array(scales.length).fill(zeroPoint);
      const parameters = { bits, signed, scales: rounded, zeroPoints, indices };
      for (const rounding of ['nearest-even', 'floor'] as const) {
        const options: QuantizeOptions = { bits, signed, rounding, scheme: 'asymmetric', granularity: perChannel(0) };
        using quantized = quantize(engine, x, { ...options, scales: rounded, zeroPoints });
        using floats = dequantize(engine, quantized);
        const codes = quantizeLinear(values, parameters, rounding);
        const [found, foundFloats] = await Promise.all([quantized.read(), floats.read()]);
        expect(Int32Array.from(found), `zero point ${zeroPoint}, ${rounding}`).toEqual(codes);
        expect(foundFloats).toEqual(dequantizeLinear(codes, parameters));
      }
    }
  });

  it('quotients that underflow to zero are not rounded down', async () => {
    const engine = await open();
    const values = Float32Array.of(-(2 ** -149), -(2 ** -148), -(2 ** -147), -0, 2 ** -149);
    for (const scale of [1, 2, 3, 4, 7, 8, 2 ** 30].map(Math.fround)) {
      using x = engine.tensor(values, [5]);
      using quantized = quantize(engine, x, { rounding: 'floor', scales: [scale] });
      const expected = quantizeLinear(values, { bits: 8, signed: true, narrow: true, scales: [scale] }, 'floor');
      expect(Int32Array.from(await quantized.read())).toEqual(expected);
    }
  });

  it('the int4 vector of the ONNX backend tests', async () => {
    const engine = await open();
    const values = [0, 2.5, 4.8, 8.6, -30, -20, 6, 9, 12, 15, 16, 40];
    using x = engine.tensor(Float32Array.from(values), [3, 4]);
    const options: QuantizeOptions = { bits: 4, scheme: 'asymmetric', signed: true, granularity: perChannel(0) };
    using quantized = quantize(engine, x, { ...options, scales: [2, 3, 4], zeroPoints: [1, 1, 1] });
    expect(await quantized.read()).toEqual(Int8Array.of(1, 2, 3, 5, -8, -6, 3, 4, 4, 5, 5, 7));
  });

  it('takes parameters from tensors, and leaves those to their owner', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
    using scales = engine.tensor(Float32Array.of(1, 0.5), [2]);
    using zeroPoints = engine.tensor(Int32Array.of(3, 5), [2]);
    const options: QuantizeOptions = { scheme: 'asymmetric', granularity: perChannel(0), scales, zeroPoints };
    const quantized = quantize(engine, x, options);
    expect(await quantized.read()).toEqual(Uint8Array.of(4, 5, 11, 13));
    quantized.dispose();
    expect(await scales.read()).toEqual(Float32Array.of(1, 0.5));
  });
});

describe('boundaries and errors', () => {
  it.each([
    { shape: [0], layout: 'flat' as const },
    { shape: [0, 5], layout: 'rows' as const },
    { shape: [5, 0], layout: 'rows' as const },
    { shape: [5, 0], layout: 'columns' as const },
    { shape: [0, 5], layout: 'columns' as const },
    { shape: [2, 0, 3], layout: 'columns' as const },
  ])('empty shape [$shape], layout $layout: no codes, scales of 1', async ({ shape, layout }) => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(0), shape);
    for (const granularity of [perTensor(), perChannel(-1), perGroup(0, 2)]) {
      using quantized = quantize(engine, x, { layout, granularity });
      using floats = dequantize(engine, quantized);
      expect(await quantized.read()).toEqual(new Int8Array(0));
      expect(await floats.read()).toEqual(new Float32Array(0));
      expect(floats.shape).toEqual(shape);
      expect((await quantized.scales.read()).every((scale) => scale === 1)).toBe(true);
    }
  });

  it('a scalar', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(-2), []);
    using quantized = quantize(engine, x);
    expect(await quantized.read()).toEqual(Int8Array.of(-127));
  });

  it('8-bit rows are those of an int8 tensor', async () => {
    const engine = await open();
    using x = engine.tensor(createRandom(5).normalArray(3 * 21), [3, 21]);
    using quantized = quantize(engine, x, { layout: 'rows' });
    using tensor = engine.tensor((await quantized.read()) as Int8Array, [3, 21]);
    const [actual, expected] = [quantized.data, tensor.allocation].map((codes) => engine.readBytes(codes, 96));
    expect(new Uint8Array((await actual) ?? new ArrayBuffer())).toEqual(new Uint8Array((await expected) ?? []));
  });

  it('codes and parameters count in bytes', async () => {
    const engine = await open();
    using x = engine.tensor(createRandom(6).normalArray(600), [20, 30]);
    using grouped = quantize(engine, x, { bits: 5, scheme: 'asymmetric', granularity: perGroup(1, 8) });
    expect(grouped.bytes).toBe(375 + 80 * 4 + 50);
    using symmetric = quantize(engine, x, { bits: 3, granularity: perChannel(1), layout: 'columns' });
    expect(symmetric.bytes).toBe(225 + 30 * 4);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('reports the first %d', async (bad) => {
    const engine = await open();
    const values = new Float32Array(300).fill(1);
    values[250] = bad;
    values[123] = bad;
    using x = engine.tensor(values, [3, 100]);
    for (const given of [{}, { scales: [1] }]) {
      for (const layout of layouts) {
        for (const bits of [8, 1]) {
          using quantized = quantize(engine, x, { layout, bits, ...given });
          using floats = dequantize(engine, quantized);
          await expect(quantized.read()).rejects.toThrow(InvalidInput);
          await expect(floats.read()).rejects.toThrow(/Element 123 /);
        }
      }
    }
  });

  it.each([
    { name: 'no bits', options: { bits: 0 } },
    { name: 'nine bits', options: { bits: 9 } },
    { name: 'half a bit', options: { bits: 1.5 } },
    { name: 'an empty group', options: { granularity: perGroup(0, 0) } },
    { name: 'part of a group', options: { granularity: perGroup(0, 2.5) } },
    { name: 'a scale of zero', options: { scales: [0] } },
    { name: 'a negative scale', options: { scales: [-1] } },
    { name: 'a scale that is no number', options: { scales: [Number.NaN] } },
    { name: 'a scale beyond float32', options: { scales: [1e39] } },
    { name: 'a scale below float32', options: { scales: [1e-46] } },
    { name: 'a zero point too high', options: { scheme: 'asymmetric' as const, scales: [1], zeroPoints: [256] } },
    { name: 'a zero point too low', options: { scheme: 'asymmetric' as const, scales: [1], zeroPoints: [-1] } },
    { name: 'part of a zero point', options: { scheme: 'asymmetric' as const, scales: [1], zeroPoints: [0.5] } },
    { name: 'a symmetric zero point', options: { scales: [1], zeroPoints: [0] } },
    { name: 'a zero point without a scale', options: { scheme: 'asymmetric' as const, zeroPoints: [0] } },
  ])('refuses $name', async ({ options }) => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(1, 2), [2]);
    const before = engine.memory.live;
    expect(() => quantize(engine, x, options)).toThrow(InvalidQuantization);
    expect(engine.memory.live).toBe(before);
  });

  it.each([
    { name: 'an axis that is not there', options: { granularity: perChannel(1) } },
    { name: 'too few scales', options: { granularity: perChannel(0), scales: [1] } },
    { name: 'too many zero points', options: { scheme: 'asymmetric' as const, scales: [1], zeroPoints: [1, 1] } },
    { name: 'columns of a vector', options: { layout: 'columns' as const } },
  ])('refuses $name', async ({ options }) => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(1, 2), [2]);
    expect(() => quantize(engine, x, options)).toThrow(ShapeMismatch);
  });

  it('refuses what only plain JavaScript can ask for: integers, a layout that there is not', async () => {
    const engine = await open();
    using integers = engine.tensor(Int32Array.of(1, 2), [2]) as unknown as Tensor<'float32'>;
    expect(() => quantize(engine, integers)).toThrow('quantize: a tensor of int32');
    expect(() => minMax(engine, integers)).toThrow('minMax: a tensor of int32');
    using x = engine.tensor(Float32Array.of(1, 2), [2]);
    expect(() => quantize(engine, x, { layout: 'diagonal' as 'rows' })).toThrow('layout "diagonal"');
  });

  it('finds bad parameters in tensors', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(1, 2), [2]);
    const good = { scheme: 'asymmetric' as const, granularity: perChannel(0) };
    for (const bad of [0, -0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      using scales = engine.tensor(Float32Array.of(1, bad), [2]);
      using quantized = quantize(engine, x, { ...good, scales });
      await expect(quantized.read()).rejects.toThrow(InvalidQuantization);
      await expect(quantized.read()).rejects.toThrow(/Scale 1 /);
    }
    for (const bad of [-1, 256]) {
      using zeroPoints = engine.tensor(Int32Array.of(bad, 0), [2]);
      using quantized = quantize(engine, x, { ...good, scales: [1, 1], zeroPoints });
      await expect(quantized.read()).rejects.toThrow(/zero point 0 /);
    }
  });

  it('is not used after dispose', async () => {
    const engine = await open();
    const x = engine.tensor(Float32Array.of(1, 2), [2]);
    const quantized = quantize(engine, x);
    x.dispose();
    expect(() => quantize(engine, x)).toThrow(DisposedTensor);
    const events: string[] = [];
    const key = Symbol('form');
    quantized.attach(key, { dispose: () => events.push('first') });
    quantized.attach(key, { dispose: () => events.push('second') });
    expect(events).toEqual(['first']);
    quantized.dispose();
    quantized.dispose();
    expect(events).toEqual(['first', 'second']);
    expect(quantized.disposed).toBe(true);
    expect(quantized.attachment(key)).toBeUndefined();
    expect(() => dequantize(engine, quantized)).toThrow(DisposedTensor);
    await expect(quantized.read()).rejects.toThrow(DisposedTensor);
    expect(() => quantized.attach(key, { dispose: () => events.push('third') })).toThrow(DisposedTensor);
    expect(events).toEqual(['first', 'second', 'third']);
  });

  leavesNoMemoryBehind(open);
});
