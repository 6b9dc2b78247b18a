import { describe, expect, it } from 'vitest';
import { InvalidQuantization } from '../../src/base/errors.ts';
import { sourceOfQuantized, sourceOfTensor } from '../../src/gemm/codeSource.ts';
import { matmul } from '../../src/gemm/matmul.ts';
import { recordRequantization, requantizationOf, requantizeSums } from '../../src/gemm/requantize.ts';
import { perChannel } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { integerFactor, requantizeFloat, requantizeGemmlowp, requantizeHalfEven } from '../reference/gemm.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { dispose } from './products.ts';

const unbounded = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };

describe('requantize', () => {
  const open = useEngine();

  it.each([
    ['nearest-even', true],
    ['nearest-even', false],
    ['gemmlowp', true],
  ] as const)('%s, signed: %s, is the reference over all of i32', async (rounding, signed) => {
    const engine = await open();
    const random = createRandom(11);
    const [rowCount, N] = [60, 61];
    // From sums of a few to sums of billions that give 8 bits, and halves that tie.
    const scales = Float32Array.from({ length: N }, (_, n) =>
      n % 3 === 0 ? 2 ** -(n % 24) : random.uniform() * 2 ** -random.integer(0, 30),
    );
    const factors = Array.from(scales, (scale) => integerFactor(0.5, scale, 1));
    const values = Int32Array.from({ length: rowCount * N }, (_, index) => {
      const reach = Math.min(2 ** 31 - 1, 200 / (0.5 * (scales[index % N] as number)));
      return index % 7 === 0
        ? random.integer(-(2 ** 31) + 1, 2 ** 31 - 1)
        : Math.round((random.uniform() - 0.5) * 2 * reach);
    });
    const sums = engine.tensor(values, [rowCount, N]);
    const weights = engine.tensor(new Float32Array(N), [1, N]);
    const w = quantize(engine, weights, { granularity: perChannel(1), scales });
    const x = engine.tensor(new Int8Array(1), [1, 1]);
    const right = sourceOfQuantized(w, 'right');
    if (!right) throw new Error('weights per column are an operand');
    const zeroPoint = signed ? -5 : 100;
    const y = recordRequantization(engine, sums, {
      left: sourceOfTensor(x, { scale: 0.5, zeroPoint: 0 }),
      right,
      output: requantizationOf({ scale: 1, zeroPoint, signed, rounding }),
      ...unbounded,
    });
    const got = await y.read();
    const low = signed ? -128 : 0;
    const reference = rounding === 'gemmlowp' ? requantizeGemmlowp : requantizeHalfEven;
    const expected = Array.from(values, (sum, index) => {
      const factor = factors[index % N];
      if (!factor) throw new Error('a factor for each column');
      return Math.min(Math.max(reference(sum, factor) + zeroPoint, low), low + 255);
    });
    expect(Array.from(got)).toEqual(expected);
    // Rows are padded with zeros, for the next product to read them as they are.
    const bytes = new Uint8Array(await engine.readBytes(y.allocation, rowCount * 64));
    for (let row = 0; row < rowCount; row++)
      expect([...bytes.subarray(row * 64 + N, row * 64 + 64)]).toEqual([0, 0, 0]);
    dispose(sums, weights, w, x, y);
  });

  it('multiplies in float32 where that is asked for, as ONNX Runtime', async () => {
    const engine = await open();
    const random = createRandom(12);
    const [rowCount, N] = [400, 30];
    // Among them products that float32 makes a tie, as 5 · 0.1 is.
    const factors = Float32Array.from({ length: N }, (_, n) =>
      n % 2 ? (n / 10) * 2 ** -n : random.uniform() * 2 ** -n,
    );
    const values = Int32Array.from({ length: rowCount * N }, (_, index) => {
      const reach = 130 / (factors[index % N] ?? 1);
      if (index % 7 === 0) return random.integer(-(2 ** 31) + 1, 2 ** 31 - 1);
      const near = (random.integer(-130, 130) + 0.5) / (factors[index % N] ?? 1);
      return Math.max(
        Math.min(Math.round(index % 2 ? near : (random.uniform() - 0.5) * 2 * reach), 2 ** 31 - 1),
        -(2 ** 31) + 1,
      );
    });
    const bits = new Int32Array(factors.buffer);
    using sums = engine.tensor(values, [rowCount, N]);
    using multipliers = engine.tensor(
      Int32Array.from({ length: 2 * N }, (_, index) => (index % 2 ? 0 : (bits[index / 2] ?? 0))),
      [N, 2],
    );
    const bounds = { zeroPoint: 3, low: -128, high: 127 };
    using y = requantizeSums(engine, sums, {
      multipliers: multipliers.allocation,
      signed: true,
      rounding: 'float32',
      ...bounds,
    });
    const expected = Array.from(values, (sum, index) =>
      Math.min(Math.max(requantizeFloat(sum, factors[index % N] ?? 0) + 3, -128), 127),
    );
    expect(Array.from(await y.read())).toEqual(expected);
    const exact = Array.from(values, (sum, index) => sum * (factors[index % N] ?? 0));
    expect(
      exact.filter((value, index) => Math.round(value) !== requantizeFloat(values[index] ?? 0, factors[index % N] ?? 0))
        .length,
    ).toBeGreaterThan(10);
  });

  it('is the QLinearMatMul of the ONNX tests', async () => {
    const engine = await open();
    const x = engine.tensor(new Uint8Array([208, 236, 0, 238, 3, 214, 255, 29]), [2, 4]);
    const codes = [152, 51, 244, 60, 26, 255, 0, 127, 246, 127, 254, 247];
    const floats = engine.tensor(
      Float32Array.from(codes, (code) => (code - 114) * Math.fround(0.00705)),
      [4, 3],
    );
    const w = quantize(engine, floats, { scheme: 'asymmetric', signed: false, scales: [0.00705], zeroPoints: [114] });
    const y = matmul(engine, x, w, {
      output: { scale: 0.0107, zeroPoint: 118, signed: false },
      activations: { scale: 0.0066, zeroPoint: 113 },
    });
    expect(Array.from(await y.read())).toEqual([168, 115, 255, 1, 66, 151]);
    dispose(x, floats, w, y);
  });

  it('bounds by the activation and chains to the next product', async () => {
    const engine = await open();
    const x = engine.tensor(new Int8Array([1, -2, 3, 4]), [2, 2]);
    const identity = engine.tensor(new Float32Array([1, 0, 0, 1]), [2, 2]);
    const w = quantize(engine, identity, { scales: [1] });
    const hidden = matmul(engine, x, w, { output: { scale: 0.5, zeroPoint: -10 }, activation: 'relu' });
    expect(Array.from(await hidden.read())).toEqual([-8, -10, -4, -2]);
    const y = matmul(engine, hidden, w, { activations: { scale: 0.5, zeroPoint: -10 } });
    expect(Array.from(await y.read())).toEqual([1, 0, 3, 4]);
    dispose(x, identity, w, hidden, y);
  });

  it('refuses parameters out of range and operands with more than one scale of x', async () => {
    const engine = await open();
    for (const output of [
      { scale: 0 },
      { scale: Number.NaN },
      { scale: 1e60 },
      { scale: 1, zeroPoint: 128 },
      { scale: 1, zeroPoint: 0.5 },
      { scale: 1, zeroPoint: -1, signed: false },
    ]) {
      expect(() => requantizationOf(output)).toThrow(InvalidQuantization);
    }
    const x = engine.tensor(new Float32Array(4).fill(1), [2, 2]);
    const w = quantize(engine, x);
    expect(() => matmul(engine, x, w, { output: { scale: 1 }, activations: { granularity: 'row' } })).toThrow(
      'one scale',
    );
    expect(() => matmul(engine, x, w, { output: { scale: 1 }, activation: 'gelu' })).toThrow(InvalidQuantization);
    dispose(x, w);
  });
});
