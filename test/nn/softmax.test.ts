import { describe, expect, it } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { softmax } from '../../src/nn/softmax.ts';
import { createRandom } from '../reference/random.ts';
import { softmaxOfRow } from '../reference/rows.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('softmax', () => {
  it.each([
    { shape: [3, 1], axis: -1, lanes: 1 },
    { shape: [3, 257], axis: 1, lanes: 1 },
    { shape: [5, 1001], axis: -1, lanes: 64 },
    { shape: [2, 31], axis: 1, lanes: 64 },
    { shape: [3, 9, 5], axis: 1, lanes: 1 },
  ] as const)(
    'of [$shape] along $axis, $lanes lane(s), is within rounding of float64',
    async ({ shape, axis, lanes }) => {
      const engine = await open();
      const random = createRandom(shape.length * 7 + lanes);
      const count = shape.reduce<number>((product, length) => product * length, 1);
      const values = random.normalArray(count, 500, 6);
      using x = engine.tensor(values, shape);
      for (const logarithm of [false, true]) {
        using y = softmax(engine, x, { axis, logarithm }, { lanes });
        const got = await y.read();
        const expected = softmaxOfRow(values, shape, axis, logarithm);
        expected.forEach((value, index) => {
          // exp() is off by 3 + 2 |x| units in the last place, and its argument by one of the element.
          const bound = logarithm ? 2e-4 : 2e-4 * value + 1e-12;
          expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(bound);
        });
      }
    },
  );

  it('neither overflows nor loses small elements', async () => {
    const engine = await open();
    const low = Number.NEGATIVE_INFINITY;
    using x = engine.tensor(new Float32Array([1e30, 1e30, -1e30, -3e38, 0, low, low, 5]), [2, 4]);
    using y = softmax(engine, x);
    const got = await y.read();
    [0.5, 0.5, 0, 0, 0.0066928509, 0, 0, 0.9933071491].forEach((value, index) => {
      expect(got[index]).toBeCloseTo(value, 6);
    });
  });

  it('of nothing is nothing', async () => {
    const engine = await open();
    for (const shape of [
      [0, 3],
      [3, 0],
    ]) {
      using x = engine.tensor(new Float32Array(0), shape);
      using y = softmax(engine, x);
      expect([y.shape, await y.read()]).toEqual([shape, new Float32Array(0)]);
    }
  });

  it('refuses an axis that there is not', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(3), [3]);
    expect(() => softmax(engine, x, { axis: 1 })).toThrow(ShapeMismatch);
  });
});
