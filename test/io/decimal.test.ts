import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDecimal } from '../../src/io/decimal.ts';

function parse(text: string): number {
  const bytes = new TextEncoder().encode(`#${text}#`);
  return parseDecimal(bytes, 1, bytes.length - 1);
}

test('every decimal is the nearest float64, as Number gives', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 25 });
  const decimals = fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      digits,
      fc.constantFrom('', '.'),
      digits,
      fc.option(fc.integer({ min: -340, max: 340 })),
    )
    .filter(([, whole, , fraction]) => whole + fraction !== '')
    .map(
      ([sign, whole, point, fraction, exponent]) =>
        `${sign}${whole}${point}${fraction}${exponent === null ? '' : `e${exponent}`}`,
    );
  fc.assert(
    fc.property(decimals, (text) => {
      expect(parse(text)).toBe(Number(text));
    }),
    { numRuns: 5000 },
  );
});

test.each([
  '9007199254740991',
  '9007199254740993',
  '9007199254740993e1',
  '1e22',
  '1e23',
  '5e-324',
  '2e-324',
  '1.7976931348623157e308',
  '-0',
  '0.1',
  `0.${'0'.repeat(400)}1e401`,
  '9'.repeat(400),
])('%s', (text) => {
  expect(parse(text)).toBe(Number(text));
});

test.each(['', ' ', '.', '-', '+-1', '1.2.3', '1e', '1e+', 'e5', '1 2', '0x1', 'NaN', 'Infinity', '1_0', '１'])(
  '%j is no number',
  (text) => {
    expect(parse(text)).toBeNaN();
  },
);
