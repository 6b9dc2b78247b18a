import { describe, expect, test } from 'vitest';
import { bfloat16ToNumber, halfToNumber, numberToHalf } from '../../src/base/half.ts';

describe('half', () => {
  test('every one of them survives, NaN as one of its codes', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const number = halfToNumber(bits);
      const expected = Number.isNaN(number) ? 0x7e00 : bits;
      if (numberToHalf(number) !== expected) throw new Error(`${bits} became ${numberToHalf(number)}`);
    }
    expect(halfToNumber(0xfbff)).toBe(-65504);
    expect(halfToNumber(1)).toBe(2 ** -24);
  });

  test('what lies between two goes to the nearer, ties to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfToNumber(bits), halfToNumber(bits + 1)];
      const middle = (low + high) / 2;
      const rounded = [middle - (high - low) / 64, middle, middle + (high - low) / 64].map(numberToHalf);
      const expected = [bits, bits + (bits % 2), bits + 1];
      if (rounded.join() !== expected.join()) throw new Error(`beside ${middle}: ${rounded}, not ${expected}`);
    }
    expect([65519.99, 65520, -1e9].map(numberToHalf)).toEqual([0x7bff, 0x7c00, 0xfc00]);
  });
});

test('bfloat16 is the upper half of float32', () => {
  expect([0x3f80, 0xc049, 0x7f80, 1].map(bfloat16ToNumber)).toEqual([
    1,
    -3.140625,
    Number.POSITIVE_INFINITY,
    2 ** -133,
  ]);
  expect(bfloat16ToNumber(0x7fc0)).toBeNaN();
});
