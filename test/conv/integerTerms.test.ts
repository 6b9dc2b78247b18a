import { describe, expect, it } from 'vitest';
import { InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { integerTerms } from '../../src/conv/integerTerms.ts';
import { packConvolutionWeights } from '../../src/conv/integerWeights.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const smallest = 2 ** -126;
const largest = 2 ** 40;

describe('terms of an integer convolution', () => {
  it('combine scales with the roundings of float32', async () => {
    const engine = await open();
    const count = 200;
    const random = createRandom(3);
    using codes = engine.tensor(new Int8Array(count * 2), [count, 2, 1]);
    const weights = packConvolutionWeights(engine, codes);
    const scales = random.floatBitsArray(count, true).map((scale) => Math.abs(scale) || 1);
    using wScale = engine.tensor(scales, [count]);
    const [xScale, scale] = [Math.fround(0.0123), Math.fround(0.77)];
    using terms = integerTerms(engine, weights, { dtype: 'int8' }, { kind: 'codes', xScale, wScale, scale });
    const floats = new Float32Array((await terms.read()).buffer);
    for (const [channel, w] of scales.entries()) {
      const factor = Math.fround(Math.fround(xScale * w) / scale);
      expect(floats[channel * 4 + 2]).toBe(Math.min(Math.max(factor, smallest), largest));
    }
    weights.dispose();
  });

  it('fold zero points and bias into an offset', async () => {
    const engine = await open();
    using codes = engine.tensor(Uint8Array.of(1, 2, 3, 250, 251, 252), [2, 3, 1]);
    using bias = engine.tensor(Int32Array.of(100, -100), [2]);
    const weights = packConvolutionWeights(engine, codes, { zeroPoint: 5 });
    const x = { dtype: 'uint8', zeroPoint: 130 } as const;
    using terms = integerTerms(engine, weights, x, { kind: 'sums', bias });
    // x' = x − 128 has zero point 2, w' = w − 128 has −123: −2 · (Σ w' + 3 · 123) + bias.
    expect(Array.from(await terms.read())).toEqual([
      ...[-2 * (6 - 384 + 369) + 100, -123, 0, 0],
      ...[-2 * (753 - 384 + 369) - 100, -123, 0, 0],
      ...[0x02020202, 0, 2, 0],
    ]);
    weights.dispose();
  });

  it('refuse what does not fit', async () => {
    const engine = await open();
    using codes = engine.tensor(new Int8Array(6), [2, 3, 1]);
    using three = engine.tensor(new Float32Array(3), [3]);
    using bias = engine.tensor(new Int32Array(3), [3]);
    const weights = packConvolutionWeights(engine, codes);
    const good = { kind: 'codes', xScale: 1, wScale: 1, scale: 1 } as const;
    const x = { dtype: 'int8' } as const;
    expect(() => integerTerms(engine, weights, x, { ...good, scale: 0 })).toThrow(InvalidQuantization);
    expect(() => integerTerms(engine, weights, x, { ...good, xScale: 1e60 })).toThrow(InvalidQuantization);
    expect(() => integerTerms(engine, weights, x, { ...good, zeroPoint: 200 })).toThrow(InvalidQuantization);
    expect(() => integerTerms(engine, weights, x, { ...good, wScale: three })).toThrow(ShapeMismatch);
    expect(() => integerTerms(engine, weights, x, { kind: 'sums', bias })).toThrow(ShapeMismatch);
    weights.dispose();
  });
});
