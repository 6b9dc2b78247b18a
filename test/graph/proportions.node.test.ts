import { describe, expect, test } from 'vitest';
import { differenceInterval, proportionInterval } from '../../src/graph/proportions.ts';
import { createRandom } from '../reference/random.ts';

describe('the interval of a share', () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I: the score method.
  test.each([
    { count: 81, total: 263, expected: [0.2553, 0.3662] },
    { count: 15, total: 148, expected: [0.0624, 0.1605] },
    { count: 0, total: 20, expected: [0, 0.1611] },
    { count: 1, total: 29, expected: [0.0061, 0.1718] },
  ])('$count of $total', ({ count, total, expected }) => {
    const interval = proportionInterval(count, total);
    interval.forEach((bound, index) => {
      expect(bound).toBeCloseTo(expected[index] ?? Number.NaN, 4);
    });
    const mirrored = proportionInterval(total - count, total);
    expect(mirrored[0]).toBeCloseTo(1 - interval[1], 12);
    expect(mirrored[1]).toBeCloseTo(1 - interval[0], 12);
  });
});

describe('the interval of a difference', () => {
  test('turns round with the two', () => {
    const [least, greatest] = differenceInterval(7, 2, 100);
    const mirrored = differenceInterval(2, 7, 100);
    expect([-mirrored[1], -mirrored[0]]).toEqual([least, greatest]);
    expect(least).toBeLessThan(0.05);
    expect(greatest).toBeGreaterThan(0.05);
  });

  test('stays between −1 and 1, and has a width where no pair differs', () => {
    expect(differenceInterval(3, 0, 3)[1]).toBe(1);
    expect(differenceInterval(0, 3, 3)[0]).toBe(-1);
    const [least, greatest] = differenceInterval(0, 0, 500);
    expect(greatest).toBeGreaterThan(0);
    expect(greatest).toBeLessThan(0.005);
    expect(least).toBeCloseTo(-greatest, 12);
  });

  test('holds the true difference in about 95 % of random experiments', () => {
    const random = createRandom(11);
    const [rounds, total, gain, loss] = [600, 150, 0.03, 0.07];
    let held = 0;
    for (let round = 0; round < rounds; round++) {
      let [won, lost] = [0, 0];
      for (let sample = 0; sample < total; sample++) {
        const draw = random.uniform();
        if (draw < gain) won++;
        else if (draw < gain + loss) lost++;
      }
      const [least, greatest] = differenceInterval(won, lost, total);
      if (least <= gain - loss && gain - loss <= greatest) held++;
    }
    expect(held / rounds).toBeGreaterThan(0.92);
    expect(held / rounds).toBeLessThan(0.985);
  });
});
