import { describe, expect, it } from 'vitest';
import { integerMultiplier, requantizationFactor, requantized } from '../../src/quant/requantize.ts';
import { requantizeHalfEven } from '../reference/gemm.ts';
import { createRandom } from '../reference/random.ts';

describe('requantization on the CPU', () => {
  it('rounds the exact product half to even, over all of int32', () => {
    const random = createRandom(20261123);
    for (let count = 0; count < 1500; count++) {
      const factor =
        count % 3 === 0 ? 2 ** -random.integer(0, 31) : Math.fround(random.uniform() * 2 ** -random.integer(0, 30));
      if (factor === 0) continue;
      const sum = random.integer(-(2 ** 31), 2 ** 31 - 1);
      const [multiplier, shift] = integerMultiplier(factor);
      expect(multiplier * 2 ** -shift).toBe(factor);
      expect(multiplier).toBeGreaterThanOrEqual(2 ** 30);
      expect(multiplier).toBeLessThan(2 ** 31);
      const exact = requantizeHalfEven(sum, { multiplier: BigInt(multiplier), shift });
      expect(requantized(sum, factor), `${sum} · ${factor}`).toBe(exact + 0);
    }
  });

  it('rounds to the side of what float64 leaves out of the product', () => {
    // 2²⁹ + 64.5 + 2⁻²⁴, of which float64 holds all but the last.
    const [sum, factor] = [2 ** 30 + 1, (2 ** 23 + 1) * 2 ** -24];
    const [multiplier, shift] = integerMultiplier(factor);
    expect(requantized(sum, factor)).toBe(2 ** 29 + 65);
    expect(requantized(sum, factor)).toBe(requantizeHalfEven(sum, { multiplier: BigInt(multiplier), shift }));
  });

  it('takes the smallest and the largest factors', () => {
    expect(integerMultiplier(2 ** -149)).toEqual([2 ** 30, 179]);
    expect(integerMultiplier(1)).toEqual([2 ** 30, 30]);
    expect(requantizationFactor(0.5, 0.25, 2)).toBe(0.0625);
  });
});
