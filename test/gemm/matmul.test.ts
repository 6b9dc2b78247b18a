import { describe, expect, it } from 'vitest';
import { DisposedTensor, InvalidInput, InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { type MatmulOptions, matmul } from '../../src/gemm/matmul.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { perChannel, perGroup } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { floatMatmul } from '../reference/gemm.ts';
import { dequantizeLinear, dynamicQuantizeLinear, integerMatmul } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { dispose, randomCodes, tensorOfCodes } from './products.ts';

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(expected.length);
  for (let index = 0; index < got.length; index++) {
    expect(Math.abs((got[index] as number) - (expected[index] as number)), `element ${index}`).toBeLessThan(tolerance);
  }
}

describe('matmul', () => {
  const open = useEngine();

  it('quantizes x by its own range as ONNX DynamicQuantizeLinear', async () => {
    const engine = await open();
    const random = createRandom(1);
    const [M, N, K] = [10, 12, 50];
    const xs = random.normalArray(M * K, 0.5);
    const ws = random.normalArray(K * N);
    const x = engine.tensor(xs, [M, K]);
    const weights = engine.tensor(ws, [K, N]);
    const w = quantize(engine, weights, { granularity: perChannel(1), layout: 'columns' });
    const y = matmul(engine, x, w);
    const { codes, scale, zeroPoint } = dynamicQuantizeLinear(xs);
    const [wCodes, wScales] = [await w.read(), await w.scales.read()];
    const sums = integerMatmul(codes, wCodes, { M, N, K, zeroPointA: zeroPoint });
    // Exact sums below 2^24, then two roundings.
    const expected = sums.map((sum, index) => sum * scale * (wScales[index % N] as number));
    expectClose(await y.read(), expected, 2e-6 * Math.max(...expected.map(Math.abs)));
    dispose(x, weights, w, y);
  });

  it.each([
    ['per row', { granularity: 'row' }, 0.5],
    ['symmetric', { scheme: 'symmetric' }, 0.6],
    ['per row, symmetric', { granularity: 'row', scheme: 'symmetric' }, 0.5],
    ['given', { scale: 0.05, zeroPoint: 120 }, 0.8],
    ['given, symmetric', { scale: 0.05, scheme: 'symmetric' }, 0.8],
  ] as const)('x quantized %s comes near the float product', async (_, activations, tolerance) => {
    const engine = await open();
    const random = createRandom(2);
    const [M, N, K] = [9, 7, 40];
    const xs = random.normalArray(2 * M * K);
    const ws = random.normalArray(K * N);
    const x = engine.tensor(xs, [2, M, K]);
    const weights = engine.tensor(ws, [K, N]);
    const w = quantize(engine, weights, { granularity: perChannel(1), scheme: 'asymmetric' });
    const y = matmul(engine, x, w, { activations });
    expect(y.shape).toEqual([2, M, N]);
    expectClose(await y.read(), floatMatmul(xs, ws, { M: 2 * M, N, K }), tolerance);
    dispose(x, weights, w, y);
  });

  it.each([
    [
      [2, 3],
      [2, 3],
    ],
    [[3], [2, 3]],
    [[2, 1], [3]],
    [
      [2, 1, 3],
      [1, 4, 3],
    ],
    [[2, 2], [1]],
  ])('broadcasts batches %s and %s', async (a, b) => {
    const engine = await open();
    const random = createRandom(3);
    const [M, N, K] = [3, 5, 6];
    const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
    const x = randomCodes(random, count(a) * M * K, {});
    const w = randomCodes(random, count(b) * K * N, {});
    const left = tensorOfCodes(engine, x, [...a, M, K]);
    const right = tensorOfCodes(engine, w, [...b, K, N]);
    const y = matmul(engine, left, right, { output: 'int32' });
    const floats = [
      engine.tensor(Float32Array.from(x.values), [...a, M, K]),
      engine.tensor(Float32Array.from(w.values), [...b, K, N]),
    ] as const;
    const f = matmul(engine, ...floats);
    const rank = Math.max(a.length, b.length);
    const at = (shape: readonly number[], axis: number): number => shape[axis - rank + shape.length] ?? 1;
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    const batches = axes.map((axis) => Math.max(at(a, axis), at(b, axis)));
    expect(y.shape).toEqual([...batches, M, N]);
    const [got, gotFloat] = [await y.read(), await f.read()];
    for (let batch = 0; batch < count(batches); batch++) {
      let rest = batch;
      const coordinates = [...axes].reverse().map((axis) => {
        const coordinate = rest % (batches[axis] as number);
        rest = Math.floor(rest / (batches[axis] as number));
        return coordinate;
      });
      coordinates.reverse();
      const indexIn = (shape: readonly number[]): number =>
        axes.reduce((index, axis) => index * at(shape, axis) + ((coordinates[axis] as number) % at(shape, axis)), 0);
      const xs = x.values.subarray(indexIn(a) * M * K).subarray(0, M * K);
      const ws = w.values.subarray(indexIn(b) * K * N).subarray(0, K * N);
      const zeros = { zeroPointA: x.zeroPoints[0] ?? 0, zeroPointB: w.zeroPoints[0] ?? 0 };
      const own = [batch * M * N, (batch + 1) * M * N] as const;
      expect(Array.from(got.subarray(...own))).toEqual(Array.from(integerMatmul(xs, ws, { M, N, K, ...zeros })));
      expect(Array.from(gotFloat.subarray(...own))).toEqual(Array.from(integerMatmul(xs, ws, { M, N, K })));
    }
    dispose(left, right, y, ...floats, f);
  });

  it('gives empty results for empty M and N, and the bias for an empty K', async () => {
    const engine = await open();
    const bias = engine.tensor(new Float32Array([1, -2, 3]), [3]);
    for (const [M, N, K] of [
      [0, 3, 4],
      [2, 0, 4],
      [2, 3, 0],
      [9, 3, 0],
      [0, 0, 0],
    ] as const) {
      const x = engine.tensor(new Float32Array(M * K).fill(1), [M, K]);
      const weights = engine.tensor(new Float32Array(K * N).fill(1), [K, N]);
      const w = quantize(engine, weights);
      const grouped = quantize(engine, weights, { granularity: perGroup(0, 2) });
      for (const right of [weights, w, grouped]) {
        const y = matmul(engine, x, right, N === 3 ? { bias } : {});
        expect(y.shape).toEqual([M, N]);
        expect(Array.from(await y.read())).toEqual(K === 0 && N === 3 ? Array(M).fill([1, -2, 3]).flat() : []);
        y.dispose();
      }
      dispose(x, weights, w, grouped);
    }
    bias.dispose();
  });

  it('multiplies in f32 what has scales along K, or only a quantized x', async () => {
    const engine = await open();
    const random = createRandom(5);
    const [M, N, K] = [4, 6, 20];
    const xs = random.normalArray(M * K);
    const ws = random.normalArray(K * N);
    const x = engine.tensor(xs, [M, K]);
    const weights = engine.tensor(ws, [K, N]);
    const left = quantize(engine, x);
    const xValues = dequantizeLinear(await left.read(), { scales: await left.scales.read() });
    const perRow = quantize(engine, weights, { granularity: perChannel(0) });
    const alongN = quantize(engine, weights, { granularity: perGroup(1, 4) });
    const [y, z] = [matmul(engine, left, perRow), matmul(engine, left, alongN)];
    const v = matmul(engine, left, weights);
    // A float x stays what it is.
    const u = matmul(engine, x, perRow);
    const rowScales = await perRow.scales.read();
    const wValues = Float32Array.from(
      await perRow.read(),
      (code, index) => code * (rowScales[Math.floor(index / N)] as number),
    );
    expectClose(await u.read(), floatMatmul(xs, wValues, { M, N, K }), 1e-5);
    const expected = floatMatmul(xValues, ws, { M, N, K });
    expectClose(await y.read(), expected, 0.15);
    expectClose(await z.read(), expected, 0.15);
    expectClose(await v.read(), expected, 1e-5);
    dispose(x, weights, left, perRow, alongN, y, z, v, u);
  });

  it('leaves no memory behind in a loop of 1,000', async () => {
    const engine = await open();
    const held = engine.memory.live;
    const x = engine.tensor(new Float32Array(6).fill(1), [2, 3]);
    const weights = engine.tensor(new Float32Array(12).fill(1), [3, 4]);
    const w = quantize(engine, weights, { granularity: perChannel(1) });
    matmul(engine, x, w).dispose();
    const before = engine.memory.live;
    for (let round = 0; round < 1000; round++) matmul(engine, x, w).dispose();
    expect(engine.memory.live).toBe(before);
    const y = matmul(engine, x, w);
    expectClose(await y.read(), new Array(8).fill(3), 0.05);
    dispose(x, weights, w, y);
    await engine.check();
    expect(engine.memory.live).toBe(held);
  });

  it('rejects the reading of a result of non-finite input', async () => {
    const engine = await open();
    const x = engine.tensor(new Float32Array([1, 2, Number.NaN, 4]), [2, 2]);
    const ones = engine.tensor(new Float32Array(4).fill(1), [2, 2]);
    const w = quantize(engine, ones);
    const y = matmul(engine, x, w);
    await expect(y.read()).rejects.toThrow(InvalidInput);
    dispose(x, ones, w, y);
    await engine.check().catch(() => undefined);
  });

  it('refuses what does not fit', async () => {
    const engine = await open();
    const x = engine.tensor(new Float32Array(6), [2, 3]);
    const weights = engine.tensor(new Float32Array(12), [3, 4]);
    const w = quantize(engine, weights);
    const grouped = quantize(engine, weights, { granularity: perGroup(0, 2) });
    const batched = x.reshape([1, 2, 3]);
    const vector = engine.tensor(new Float32Array(3), [3]);
    const codes = engine.tensor(new Int8Array(6), [2, 3]);
    const integers = engine.tensor(new Int32Array(4), [4]);
    const fourth = engine.tensor(new Float32Array(4), [4]);
    const before = engine.memory.live;
    expect(() => matmul(engine, x, x)).toThrow('[2,3] and [2,3]');
    expect(() => matmul(engine, vector, weights)).toThrow(ShapeMismatch);
    expect(() => matmul(engine, batched, weights, { bias: vector })).toThrow('[4]');
    expect(() => matmul(engine, codes, weights)).toThrow(InvalidQuantization);
    expect(() => matmul(engine, codes, grouped, { output: 'int32' })).toThrow(InvalidQuantization);
    const wrong: MatmulOptions[] = [
      { bias: integers },
      { bias: fourth, output: 'int32' },
      { output: 'int32', activation: 'relu' },
      { activations: { scale: 0 } },
      { activations: { zeroPoint: 3 } },
      { activations: { scale: 1, granularity: 'row' } },
      { activations: { granularity: 'column' as 'row' } },
      { output: { scale: 0 } },
      { output: { scale: 1, zeroPoint: 128 } },
      { output: { scale: 1, rounding: 'up' as 'gemmlowp' } },
    ];
    expect(() => matmul(engine, codes, grouped, { activations: { scale: 1, zeroPoint: 128 } })).toThrow(
      InvalidQuantization,
    );
    for (const options of wrong) expect(() => matmul(engine, x, w, options)).toThrow(InvalidQuantization);
    const codesOfW = engine.tensor(new Int8Array(12), [3, 4]) as unknown as Tensor<'float32'>;
    expect(() => matmul(engine, x, codesOfW)).toThrow('matmul: a tensor of int8');
    codesOfW.dispose();
    w.dispose();
    expect(() => matmul(engine, x, w)).toThrow(DisposedTensor);
    expect(engine.memory.live).toBeLessThanOrEqual(before);
    dispose(weights);
    expect(() => matmul(engine, x, weights)).toThrow(DisposedTensor);
    dispose(x, batched, grouped, vector, codes, integers, fourth);
  });
});
