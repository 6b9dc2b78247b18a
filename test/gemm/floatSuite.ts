import { describe, expect, it } from 'vitest';
import { type MatmulInternals, multiply } from '../../src/gemm/matmul.ts';
import { floatMatmul } from '../reference/gemm.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { boundaryShapes, dispose } from './products.ts';

/** What every kernel of the f32 product must do. */
export function floatKernelSuite(name: string, internals: MatmulInternals): void {
  describe(name, () => {
    const open = useEngine();

    it.each(boundaryShapes)('is within rounding of float64 for %i × %i × %i', async (M, N, K) => {
      const engine = await open();
      const random = createRandom(M + N + K);
      const xs = random.normalArray(M * K);
      const ws = random.normalArray(K * N);
      const biases = random.normalArray(N);
      const x = engine.tensor(xs, [M, K]);
      const w = engine.tensor(ws, [K, N]);
      const bias = engine.tensor(biases, [N]);
      const y = multiply(engine, x, w, { bias, activation: { lower: -4, upper: 4 } }, internals);
      const exact = floatMatmul(xs, ws, { M, N, K });
      const magnitude = floatMatmul(xs.map(Math.abs), ws.map(Math.abs), { M, N, K });
      const got = await y.read();
      for (const [index, sum] of exact.entries()) {
        const expected = Math.min(Math.max(sum + (biases[index % N] as number), -4), 4);
        // K additions and products, each within 2^-24 of the sum of magnitudes.
        const bound = (K + 2) * 2 ** -24 * ((magnitude[index] as number) + 4);
        expect(Math.abs((got[index] as number) - expected)).toBeLessThanOrEqual(bound);
      }
      dispose(x, w, bias, y);
    });
  });
}
