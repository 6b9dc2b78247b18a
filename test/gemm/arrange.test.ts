import { describe, expect, it } from 'vitest';
import { multiply } from '../../src/gemm/matmul.ts';
import { Engine } from '../../src/gpu/engine.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { perGroup, perTensor } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { integerMatmul } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withLimits } from '../support/limits.ts';
import { dispose, randomCodes, tensorOfCodes } from './products.ts';

describe('operands of every width and layout', () => {
  const open = useEngine();
  const cases = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((bits) =>
    (['flat', 'rows', 'columns'] as const).map((layout) => [bits, layout] as const),
  );

  it.each(cases)('%i bits in layout %s give exact products', async (bits, layout) => {
    const engine = await open();
    const random = createRandom(bits);
    const [M, N, K] = [11, 13, 37];
    for (const signed of [true, false]) {
      const x = randomCodes(random, M * K, { bits, signed });
      const w = randomCodes(random, K * N, { bits, signed, zeroPointCount: N });
      const left = tensorOfCodes(engine, x, [M, K], { layout });
      const right = tensorOfCodes(engine, w, [K, N], { layout, axis: 1 });
      const y = multiply(engine, left, right, { output: 'int32' }, {});
      const exact = integerMatmul(x.values, w.values, {
        M,
        N,
        K,
        zeroPointA: x.zeroPoints[0] ?? 0,
        zeroPointB: w.zeroPoints,
      });
      expect(Array.from(await y.read())).toEqual(Array.from(exact));
      dispose(left, right, y);
    }
  });

  it.each([true, false])('single bits are signs, signed: %s', async (signed) => {
    const engine = await open();
    const random = createRandom(3);
    const [M, N, K] = [4, 6, 50];
    const values = random.normalArray(K * N);
    const weights = engine.tensor(values, [K, N]);
    const w = quantize(engine, weights, { bits: 1, signed });
    const codes = random.integerArray(M * K, -128, 127);
    const x = engine.tensor(Int8Array.from(codes), [M, K]);
    const y = multiply(engine, x, w, { output: 'int32' }, {});
    const signs = Array.from(values, (value) => (value < 0 ? -1 : 1));
    expect(Array.from(await y.read())).toEqual(Array.from(integerMatmul(codes, signs, { M, N, K })));
    dispose(weights, w, x, y);
  });

  it.each([8, 5])('codes of %i bits beyond one storage binding', async (bits) => {
    const whole = await open();
    const device = withLimits(whole.device, { maxStorageBufferBindingSize: 4096 });
    const limited = await Engine.open({ device, poison: true });
    const random = createRandom(bits);
    const [M, N, K] = [70, 60, 104];
    const xs = random.normalArray(M * K);
    const ws = random.normalArray(K * N);
    for (const layout of ['flat', 'rows', 'columns'] as const) {
      for (const granularity of [perTensor(), perGroup(0, 52)]) {
        const results: Float32Array[] = [];
        for (const engine of [whole, limited]) {
          const x = engine.tensor(xs, [M, K]);
          const weights = engine.tensor(ws, [K, N]);
          const left = quantize(engine, x, { bits, layout });
          const right = quantize(engine, weights, { bits, layout, granularity });
          const y = multiply(engine, left, right, {}, {}) as Tensor<'float32'>;
          results.push(await y.read());
          dispose(x, weights, left, right, y);
        }
        expect(results[1]).toEqual(results[0]);
      }
    }
    expect(limited.memory.live).toBe(0);
    limited.close();
  });

  it('keeps the transposed copy of 8-bit weights, and only the sums of narrower ones', async () => {
    const engine = await open();
    const random = createRandom(4);
    const x = engine.tensor(random.normalArray(4 * 512), [4, 512]);
    const weights = engine.tensor(random.normalArray(512 * 64), [512, 64]);
    const growth = async (bits: number): Promise<number> => {
      const w = quantize(engine, weights, { bits });
      const before = engine.memory.live;
      multiply(engine, x, w, {}, {}).dispose();
      const first = engine.memory.live - before;
      multiply(engine, x, w, {}, {}).dispose();
      expect(engine.memory.live - before).toBe(first);
      w.dispose();
      return first;
    };
    const base = engine.memory.live;
    // A term has 12 bytes; buffers come in steps.
    expect(await growth(8)).toBe(512 * 64 + 64 * 12);
    expect(await growth(4)).toBe(64 * 12);
    expect(engine.memory.live).toBe(base);
    dispose(x, weights);
  });
});
