import { describe, expect, it } from 'vitest';
import { sourceOfQuantized, sourceOfTensor } from '../../src/gemm/codeSource.ts';
import { makeMultipliers } from '../../src/gemm/multipliers.ts';
import { perChannel } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { integerFactor } from '../reference/gemm.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { dispose } from './products.ts';

describe('multipliers', () => {
  const open = useEngine();

  it.each([
    [1, 1],
    [0.0066, 0.0107],
    [3e-39, 1.5],
    [1e30, 1e-20],
    [Math.fround(1 / 3), Math.fround(0.1)],
  ])('of x scale %f and y scale %f are the rounded quotients', async (xScale, yScale) => {
    const engine = await open();
    const random = createRandom(9);
    const N = 203;
    const scales = Float32Array.from({ length: N }, () => (1 + random.uniform()) * 2 ** random.integer(-100, 100));
    scales.set([1, 0.5, 1.17549435e-38, 1e-45, 3.4028234e38, 1.9999999, 1.0000001]);
    const weights = engine.tensor(new Float32Array(N), [1, N]);
    const w = quantize(engine, weights, { granularity: perChannel(1), scales });
    const x = engine.tensor(new Int8Array(1), [1, 1]);
    const right = sourceOfQuantized(w, 'right');
    if (!right) throw new Error('weights per column are an operand');
    const multipliers = makeMultipliers(engine, sourceOfTensor(x, { scale: xScale, zeroPoint: 0 }), right, yScale);
    const got = new Int32Array(await engine.readBytes(multipliers, N * 8));
    multipliers.release();
    dispose(weights, w, x);
    for (const [index, scale] of scales.entries()) {
      const { multiplier, shift } = integerFactor(xScale, scale, yScale);
      expect([got[index * 2], got[index * 2 + 1]], `scale ${scale}`).toEqual([Number(multiplier), shift]);
    }
  });
});
