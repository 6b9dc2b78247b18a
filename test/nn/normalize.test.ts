import { describe, expect, it } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { normalize } from '../../src/nn/normalize.ts';
import { createRandom } from '../reference/random.ts';
import { mapRows } from '../reference/rows.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('normalize', () => {
  it.each([
    { shape: [3, 1], axis: -1, lanes: 1, centred: true, measure: 'deviation' },
    { shape: [5, 700], axis: -1, lanes: 1, centred: true, measure: 'deviation' },
    { shape: [5, 700], axis: -1, lanes: 64, centred: true, measure: 'deviation' },
    { shape: [2, 33], axis: 1, lanes: 64, centred: false, measure: 'deviation' },
    { shape: [2, 5, 3], axis: 1, lanes: 1, centred: false, measure: 'length' },
    { shape: [2, 5, 3], axis: 0, lanes: 1, centred: false, measure: 'magnitude' },
  ] as const)(
    '[$shape] along $axis by $measure, $lanes lane(s), is within rounding of float64',
    async ({ shape, axis, lanes, centred, measure }) => {
      const engine = await open();
      const random = createRandom(shape.length + lanes);
      const count = shape.reduce<number>((product, length) => product * length, 1);
      // Far from 0: sums of squares would lose the deviation.
      const values = random.normalArray(count, 100, 2);
      using x = engine.tensor(values, shape);
      const { y, mean, inverse } = normalize(engine, x, { measure, centred, axis, epsilon: 1e-3 }, { lanes });
      const [got, means, inverses] = await Promise.all([y.read(), mean.read(), inverse.read()]);
      const expected = mapRows(values, shape, axis, (row, index) => {
        const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
        const centre = centred ? sum(row) / row.length : 0;
        const squares = sum(row.map((value) => (value - centre) ** 2));
        const divisor = {
          deviation: Math.sqrt(squares / row.length + Math.fround(1e-3)),
          length: Math.sqrt(squares),
          magnitude: sum(row.map(Math.abs)),
        }[measure];
        expect(means[index]).toBeCloseTo(centre, 4);
        expect(Math.abs((inverses[index] ?? Number.NaN) * divisor - 1)).toBeLessThan(1e-4);
        return row.map((value) => (value - centre) / divisor);
      });
      // The mean is within 20 · 2^-24 of itself, and that much of a deviation counts here.
      expected.forEach((value, index) => {
        expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(centred ? 4e-4 : 1e-5);
      });
      for (const tensor of [y, mean, inverse]) tensor.dispose();
    },
  );

  it('finds the parameter of each element', async () => {
    const engine = await open();
    // Two samples of two groups of three channels of two places.
    using x = engine.tensor(
      Float32Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? -1 : 1)),
      [4, 6],
    );
    using scale = engine.tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [6]);
    using bias = engine.tensor(new Float32Array([10, 20, 30, 40, 50, 60]), [6]);
    const parameters = { rowPeriod: 2, rowParameters: 3, elementsPerParameter: 2 };
    const results = normalize(engine, x, { measure: 'deviation', centred: true, scale, bias, parameters });
    const sample = [9, 11, 18, 22, 27, 33, 36, 44, 45, 55, 54, 66];
    expect([...(await results.y.read())].map((value) => Math.round(value * 1e4) / 1e4)).toEqual([...sample, ...sample]);
    for (const tensor of Object.values(results)) tensor.dispose();
  });

  it('keeps rows of zeros, and nothing', async () => {
    const engine = await open();
    for (const measure of ['length', 'magnitude'] as const) {
      using x = engine.tensor(new Float32Array([0, 0, 3, -4]), [2, 2]);
      const results = normalize(engine, x, { measure });
      const divisor = measure === 'length' ? 5 : 7;
      const got = await results.y.read();
      [0, 0, 3 / divisor, -4 / divisor].forEach((value, index) => {
        expect(got[index]).toBeCloseTo(value, 6);
      });
      for (const tensor of Object.values(results)) tensor.dispose();
    }
    using x = engine.tensor(new Float32Array(0), [0, 2]);
    const results = normalize(engine, x, { measure: 'deviation' });
    expect(await results.y.read()).toEqual(new Float32Array(0));
    for (const tensor of Object.values(results)) tensor.dispose();
  });

  it('refuses scales and biases that differ in number, and an axis that there is not', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(4), [2, 2]);
    using scale = engine.tensor(new Float32Array(2), [2]);
    using bias = engine.tensor(new Float32Array(1), [1]);
    expect(() => normalize(engine, x, { measure: 'deviation', scale, bias })).toThrow(ShapeMismatch);
    expect(() => normalize(engine, x, { measure: 'deviation', axis: 2 })).toThrow(ShapeMismatch);
  });
});
