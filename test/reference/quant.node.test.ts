import { TensorProto_DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { runOperator } from './onnxRuntime.ts';
import {
  chooseAsymmetric,
  chooseSymmetric,
  dequantizeLinear,
  dynamicQuantizeLinear,
  type IntegerFormat,
  integerMatmul,
  integerRange,
  packBits,
  parameterIndices,
  quantizeLinear,
  quantizeSign,
  roundHalfEven,
  unpackBits,
} from './quant.ts';
import { createRandom } from './random.ts';

const { FLOAT, INT8, UINT8, INT16, UINT16, INT32 } = TensorProto_DataType;

const formats = [
  { type: INT8, bits: 8, signed: true },
  { type: UINT8, bits: 8, signed: false },
  { type: INT16, bits: 16, signed: true },
  { type: UINT16, bits: 16, signed: false },
];

describe('against ONNX Runtime', () => {
  const random = createRandom(20261122);

  /** Fresh numbers around the codes of a format: ties, their float32 neighbours, normal values and any bit pattern. */
  function adversarial(count: number, scale: number, format: IntegerFormat): Float32Array {
    const { high } = integerRange(format);
    const values = random.floatBitsArray(count, true);
    for (let index = 0; index < count; index++) {
      const code = random.integer(-high - 2, high + 2);
      const choice = random.integer(0, 3);
      if (choice === 0) values[index] = (code + 0.5) * scale;
      if (choice === 1) values[index] = Math.fround((code + 0.5) * scale) * (1 + random.integer(-2, 2) * 2 ** -23);
      if (choice === 2) values[index] = random.normal() * scale * high * 0.5;
    }
    return values;
  }

  test.each(formats)('QuantizeLinear, $bits bits, signed $signed', async ({ type, ...format }) => {
    const { low, high } = integerRange(format);
    for (const scale of [0.1, 1, 0.019607844, random.uniform() + 1e-3, 2 ** -100, 3e30].map(Math.fround)) {
      const zeroPoint = random.integer(low, high);
      const values = adversarial(4001, scale, format);
      const [expected] = await runOperator(
        'QuantizeLinear',
        [
          { type: FLOAT, data: values, shape: [values.length] },
          { type: FLOAT, data: [scale], shape: [] },
          { type, data: [zeroPoint], shape: [] },
        ],
        [type],
      );
      const actual = quantizeLinear(values, { ...format, scales: [scale], zeroPoints: [zeroPoint] });
      expect([...actual]).toEqual(expected);
    }
  });

  test.each(formats)('DequantizeLinear, $bits bits, signed $signed', async ({ type, ...format }) => {
    const { low, high } = integerRange(format);
    for (const scale of [0.1, random.uniform(), 1e-40, 1e36].map(Math.fround)) {
      const zeroPoint = random.integer(low, high);
      const codes = random.integerArray(1001, low, high);
      const [expected] = await runOperator(
        'DequantizeLinear',
        [
          { type, data: codes, shape: [codes.length] },
          { type: FLOAT, data: [scale], shape: [] },
          { type, data: [zeroPoint], shape: [] },
        ],
        [FLOAT],
      );
      expect([...dequantizeLinear(codes, { scales: [scale], zeroPoints: [zeroPoint] })]).toEqual(expected);
    }
  });

  test.each([
    { name: 'normal', make: () => random.normalArray(1000) },
    { name: 'shifted up', make: () => random.normalArray(1000, 7, 2) },
    { name: 'all negative', make: () => random.uniformArray(77, -3, -1) },
    { name: 'one element', make: () => Float32Array.of(random.normal()) },
    { name: 'denormal range', make: () => random.uniformArray(100, -1e-40, 1e-39) },
    { name: 'all zero', make: () => new Float32Array(5) },
    { name: 'negative zeros', make: () => new Float32Array(5).fill(-0) },
    { name: 'near-tie of the standard', make: () => Float32Array.of(0, 2, -3, -2.5, 1.34, 0.5) },
  ])('DynamicQuantizeLinear: $name', async ({ make }) => {
    for (let run = 0; run < 8; run++) {
      const values = make();
      const [codes, scale, zeroPoint] = await runOperator(
        'DynamicQuantizeLinear',
        [{ type: FLOAT, data: values, shape: [values.length] }],
        [UINT8, FLOAT, UINT8],
      );
      const actual = dynamicQuantizeLinear(values);
      expect([actual.scale]).toEqual(scale);
      expect([actual.zeroPoint]).toEqual(zeroPoint);
      expect([...actual.codes]).toEqual(codes);
    }
  });

  test('an all-zero tensor has scale 1 and zero point 0 in ONNX Runtime itself', async () => {
    const zeros = { type: FLOAT, data: new Float32Array(4), shape: [4] };
    expect(await runOperator('DynamicQuantizeLinear', [zeros], [UINT8, FLOAT, UINT8])).toEqual([
      [0, 0, 0, 0],
      [1],
      [0],
    ]);
  });

  test.each([
    { typeA: UINT8, typeB: INT8, M: 5, N: 7, K: 33 },
    { typeA: UINT8, typeB: UINT8, M: 1, N: 3, K: 130 },
    { typeA: INT8, typeB: INT8, M: 4, N: 4, K: 1 },
  ])('MatMulInteger $M × $K × $N', async ({ typeA, typeB, M, N, K }) => {
    const range = (type: TensorProto_DataType) => integerRange({ bits: 8, signed: type === INT8 });
    const draw = (type: TensorProto_DataType, count: number) =>
      random.integerArray(count, range(type).low, range(type).high);
    const a = draw(typeA, M * K);
    const b = draw(typeB, K * N);
    const zeroPointA = draw(typeA, 1);
    const zeroPointB = draw(typeB, N);
    const [expected] = await runOperator(
      'MatMulInteger',
      [
        { type: typeA, data: a, shape: [M, K] },
        { type: typeB, data: b, shape: [K, N] },
        { type: typeA, data: zeroPointA, shape: [] },
        { type: typeB, data: zeroPointB, shape: [N] },
      ],
      [INT32],
    );
    const actual = integerMatmul(a, b, { M, N, K, zeroPointA: zeroPointA[0] ?? 0, zeroPointB });
    expect([...actual]).toEqual(expected);
  });
});

describe('vectors of the ONNX backend tests', () => {
  test('QuantizeLinear u8', () => {
    const parameters = { bits: 8, signed: false, scales: [2], zeroPoints: [128] };
    expect([...quantizeLinear([0, 2, 3, 1000, -254, -1000], parameters)]).toEqual([128, 129, 130, 255, 1, 0]);
  });

  test('QuantizeLinear int4 along axis 0', () => {
    const { indices } = parameterIndices([3, 4], 0);
    const values = [0, 2.5, 4.8, 8.6, -30, -20, 6, 9, 12, 15, 16, 40];
    const parameters = { bits: 4, signed: true, scales: [2, 3, 4], zeroPoints: [1, 1, 1], indices };
    expect([...quantizeLinear(values, parameters)]).toEqual([1, 2, 3, 5, -8, -6, 3, 4, 4, 5, 5, 7]);
  });

  test('DynamicQuantizeLinear', () => {
    const { codes, scale, zeroPoint } = dynamicQuantizeLinear([0, 2, -3, -2.5, 1.34, 0.5]);
    expect(scale).toBe(Math.fround(0.019607844));
    expect(zeroPoint).toBe(153);
    expect([...codes]).toEqual([153, 255, 0, 26, 221, 179]);
  });

  test('MatMulInteger', () => {
    const a = [11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0];
    const product = integerMatmul(a, [1, 4, 2, 5, 3, 6], { M: 4, N: 2, K: 3, zeroPointA: 12 });
    expect([...product]).toEqual([-38, -83, -44, -98, -50, -113, -56, -128]);
  });

  test('DequantizeLinear in blocks of 4 along axis 0', () => {
    const { indices, parameterCount } = parameterIndices([8], 0, 4);
    expect(parameterCount).toBe(2);
    const codes = [10, 20, 30, 40, 50, 60, 70, 80];
    expect([...dequantizeLinear(codes, { scales: [0.5, 2], zeroPoints: [0, 10], indices })]).toEqual([
      5, 10, 15, 20, 80, 100, 120, 140,
    ]);
  });
});

describe('rounding, granularity and parameters', () => {
  test('half to even, and floor', () => {
    expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, -2.5001].map((x) => roundHalfEven(x) + 0)).toEqual([
      -2, -2, 0, 0, 2, 2, 2, -3,
    ]);
    const parameters = { bits: 3, signed: true, scales: [0.5] };
    expect([...quantizeLinear([-0.1, 0.74, 1.6, -9], parameters, 'floor')]).toEqual([-1, 1, 3, -4]);
  });

  test('parameter indices of channels and groups', () => {
    expect([...parameterIndices([2, 3], 1).indices]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...parameterIndices([2, 3], 1, 2).indices]).toEqual([0, 0, 1, 2, 2, 3]);
    expect([...parameterIndices([3, 2], 0, 2).indices]).toEqual([0, 1, 0, 1, 2, 3]);
    expect(parameterIndices([3, 2], 0, 2).parameterCount).toBe(4);
  });

  test.each([8, 7, 5, 4, 3, 2, 1])(
    'asymmetric %i bits: error at most half a step, signed is unsigned shifted',
    (bits) => {
      const values = createRandom(bits).normalArray(500, 0.7);
      const unsigned = chooseAsymmetric(values, { bits, signed: false });
      const signed = chooseAsymmetric(values, { bits, signed: true });
      const codes = quantizeLinear(values, unsigned);
      expect([...quantizeLinear(values, signed)]).toEqual(Array.from(codes, (code) => code - 2 ** (bits - 1)));
      const step = unsigned.scales[0] ?? 0;
      for (const [index, value] of dequantizeLinear(codes, unsigned).entries()) {
        // One step at the ends of the range, where the rounded zero point has moved it by up to half a step.
        expect(Math.abs(value - (values[index] ?? 0))).toBeLessThanOrEqual(step * 1.0001);
      }
    },
  );

  test.each([8, 6, 3, 2])('symmetric %i bits per channel', (bits) => {
    const values = Float32Array.of(-4, 1, 2, 0, 0, 0, 0.25, -0.5, 0.5);
    const { indices, parameterCount } = parameterIndices([3, 3], 0);
    const parameters = chooseSymmetric(values, { bits, signed: true }, indices, parameterCount);
    const top = 2 ** (bits - 1) - 1;
    expect([...parameters.scales]).toEqual([4 / top, 1, 0.5 / top].map(Math.fround));
    expect(Math.min(...quantizeLinear(values, parameters))).toBe(-top);
    const outside = quantizeLinear([-100, 100], { ...parameters, indices: [0, 0] });
    expect([...outside]).toEqual([-top, top]);
  });

  test('one symmetric bit is the sign times the mean magnitude', () => {
    const { codes, scales } = quantizeSign([-1, 3, 0, -4, 0, 0, 0, 0], parameterIndices([2, 4], 0).indices, 2);
    expect([...codes]).toEqual([-1, 1, 1, -1, 1, 1, 1, 1]);
    expect([...scales]).toEqual([2, 1]);
  });

  test('non-finite elements have no range, and NaN no code', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => chooseAsymmetric([1, bad], { bits: 8, signed: true })).toThrow(/element 1/);
    }
    expect(() => quantizeLinear([Number.NaN], { bits: 8, signed: true, scales: [1] })).toThrow(RangeError);
  });
});

describe('bit stream', () => {
  test('5 bits take 5 bits, the lowest first', () => {
    expect([...packBits([1, 2, 31, 0, 16, 5, 21], 5)]).toEqual([
      (1 | (2 << 5) | (31 << 10) | (16 << 20) | (5 << 25) | (21 << 30)) >>> 0,
      21 >> 2,
    ]);
  });

  test.each(Array.from({ length: 16 }, (_, index) => index + 1))('%i bits come back, signed and not', (bits) => {
    for (const signed of [true, false]) {
      const { low, high } = integerRange({ bits, signed });
      for (const count of [0, 1, 31, 32, 33, 100]) {
        const codes = createRandom(bits * 1000 + count).integerArray(count, low, high);
        const words = packBits(codes, bits);
        expect(words.length).toBe(Math.ceil((count * bits) / 32));
        expect([...unpackBits(words, { bits, signed }, count)]).toEqual([...codes]);
      }
    }
  });
});
