import { expect, test } from 'vitest';
import { InvalidInput, InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { type WeightRangeOptions, weightRange } from '../../src/calib/weightRange.ts';
import {
  type Granularity,
  mapParameters,
  parameterOf,
  perChannel,
  perGroup,
  perTensor,
} from '../../src/quant/granularity.ts';
import { meanSquare, referenceQuantized } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';

const random = createRandom(31);
const shape = [6, 5, 7];
/** Channels of very different size, one of them zeros. */
const weights = random.normalArray(210).map((value, index) => value * (Math.floor(index / 35) % 5) ** 2);

/** The weights of each parameter, with their range. */
function partsOf(granularity: Granularity, options: WeightRangeOptions) {
  const ranges = weightRange(weights, shape, { ...options, granularity });
  const map = mapParameters(granularity, shape);
  expect(ranges.shape).toEqual(map.shape);
  const parts = Array.from({ length: map.count }, (_, parameter) => ({
    data: Array.from(weights).filter((_, element) => parameterOf(map, element) === parameter),
    minimum: ranges.minimum[parameter] ?? Number.NaN,
    maximum: ranges.maximum[parameter] ?? Number.NaN,
  }));
  expect(ranges.minimum).toHaveLength(map.count);
  return parts;
}

const granularities = [perTensor(), perChannel(0), perChannel(-1), perGroup(1, 2)];

test.each(granularities)('absolute maximum, $kind $axis', (granularity) => {
  for (const { data, minimum, maximum } of partsOf(granularity, {})) {
    const greatest = Math.max(...data.map(Math.abs));
    expect([minimum + 0, maximum]).toEqual([-greatest + 0, greatest]);
  }
  for (const { data, minimum, maximum } of partsOf(granularity, { scheme: 'asymmetric' })) {
    expect([minimum, maximum]).toEqual([Math.min(...data), Math.max(...data)]);
  }
});

test.each(granularities)('mse: never more error than by the absolute maximum, $kind $axis', (granularity) => {
  for (const scheme of ['symmetric', 'asymmetric'] as const) {
    for (let bits = 2; bits <= 8; bits += 2) {
      const plain = partsOf(granularity, { bits, scheme });
      partsOf(granularity, { bits, scheme, method: 'mse' }).forEach(({ data, ...range }, index) => {
        const errors = [range, plain[index] ?? range].map((each) =>
          meanSquare(data, referenceQuantized(data, each, bits, scheme === 'symmetric')),
        );
        // The reference's scale is not rounded to a float.
        expect.soft(errors[0]).toBeLessThanOrEqual((errors[1] ?? 0) * (1 + 1e-5));
      });
    }
  }
});

test('l2 norm: the limits that are best for normal weights', () => {
  const normal = random.normalArray(20_000, 0, 0.3);
  const root = Math.sqrt(normal.reduce((sum, value) => sum + value * value, 0) / normal.length);
  for (let bits = 2; bits <= 8; bits++) {
    const options = { bits, method: 'l2-norm' } as const;
    const [limit = 0] = weightRange(normal, [20_000], options).maximum;
    const errorAt = (share: number): number => {
      const range = { minimum: -limit * share, maximum: limit * share };
      return meanSquare(Array.from(normal), referenceQuantized(Array.from(normal), range, bits, true));
    };
    expect(errorAt(1)).toBeLessThan(Math.min(errorAt(0.88), errorAt(1.12)));
    // Twice the weights have twice the norm; never beyond the greatest.
    expect(
      weightRange(
        normal.map((value) => 2 * value),
        [20_000],
        options,
      ).maximum[0],
    ).toBeCloseTo(2 * limit, 5);
    if (bits === 2) expect(limit / root).toBeCloseTo(1.224, 3);
  }
  expect(weightRange([1, 1], [2], { bits: 8, method: 'l2-norm' }).maximum).toEqual(new Float32Array([1]));
});

test('what has no range is refused', () => {
  expect(() => weightRange([1, 2, 3], [2, 2])).toThrow(ShapeMismatch);
  expect(() => weightRange([1, Number.NaN], [2])).toThrow(/Weight 1 .* is NaN/);
  expect(() => weightRange([1e39], [1])).toThrow(InvalidInput);
  expect(() => weightRange([1], [1], { bits: 1 })).toThrow(InvalidQuantization);
  expect(() => weightRange([1], [1], { bits: 1, scheme: 'asymmetric', method: 'l2-norm' })).toThrow(
    InvalidQuantization,
  );
  expect(weightRange([], [0, 3], { granularity: perChannel(1) }).maximum).toEqual(new Float32Array(3));
});
