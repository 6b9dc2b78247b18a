import { describe, expect, it } from 'vitest';
import { type MatmulInternals, multiply } from '../../src/gemm/matmul.ts';
import { perGroup } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { dequantizeLinear, integerMatmul, parameterIndices } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { boundaryShapes, dispose, expectExactProduct } from './products.ts';

/** What every kernel of the integer product must do. */
export function integerKernelSuite(name: string, internals: MatmulInternals, dotPath: 'packed' | 'unpacked'): void {
  describe(`${name}, ${dotPath}`, () => {
    const open = useEngine({ dotPath });

    it.each(boundaryShapes)('is exact for %i × %i × %i', async (M, N, K) => {
      await expectExactProduct(await open(), createRandom(M + N * 100 + K * 10_000), [M, N, K], internals);
    });

    it.each([
      [true, false],
      [false, true],
      [false, false],
    ])('is exact for codes of which x is signed: %s, w is signed: %s', async (x, w) => {
      await expectExactProduct(await open(), createRandom(5), [10, 18, 37], internals, { x, w });
    });

    it('is exact for the largest sums over several chunks of K', async () => {
      const engine = await open();
      const [M, N, K] = [3, 5, 2500];
      const x = engine.tensor(new Int8Array(M * K).fill(-128), [M, K]);
      const ones = engine.tensor(new Float32Array(K * N).fill(-127), [K, N]);
      const w = quantize(engine, ones, { scales: [1] });
      const y = multiply(engine, x, w, { output: 'int32' }, internals);
      expect(Array.from(await y.read())).toEqual(new Array(M * N).fill(128 * 127 * K));
      dispose(x, ones, w, y);
    });

    it.each([
      [32, 100, 4],
      [16, 64, 8],
      [5, 23, 3],
      [48, 49, 8],
    ])('adds up groups of %i along K of %i, %i bits', async (size, K, bits) => {
      const engine = await open();
      const random = createRandom(size);
      const [M, N] = [5, 19];
      const x = engine.tensor(random.normalArray(M * K), [M, K]);
      const weights = engine.tensor(random.normalArray(K * N), [K, N]);
      const w = quantize(engine, weights, { bits, granularity: perGroup(0, size), scheme: 'asymmetric' });
      const left = quantize(engine, x, { scheme: 'asymmetric', layout: 'rows' });
      const y = multiply(engine, left, w, {}, internals);
      const [xCodes, wCodes, xScale, xZero, wScales, wZeros, got] = await Promise.all([
        left.read(),
        w.read(),
        left.scales.read(),
        left.zeroPoints.read(),
        w.scales.read(),
        w.zeroPoints.read(),
        y.read(),
      ]);
      const { indices } = parameterIndices([K, N], 0, size);
      const xs = dequantizeLinear(xCodes, { scales: xScale, zeroPoints: xZero });
      const ws = dequantizeLinear(wCodes, { scales: wScales, zeroPoints: wZeros, indices });
      // Reference in float64 of the numbers that the codes stand for; f32 sums of 3 to 7 exact groups differ by little.
      const exact = integerMatmul(xs, ws, { M, N, K });
      const magnitude = integerMatmul(xs.map(Math.abs), ws.map(Math.abs), { M, N, K });
      for (const [index, value] of exact.entries()) {
        expect(Math.abs((got[index] as number) - value)).toBeLessThanOrEqual(2e-6 * (magnitude[index] as number));
      }
      dispose(x, weights, w, left, y);
      await engine.check();
      expect(engine.memory.live).toBe(0);
    });
  });
}
