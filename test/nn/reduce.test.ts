import { describe, expect, it } from 'vitest';
import { LimitExceeded, ShapeMismatch } from '../../src/base/errors.ts';
import { type Reduction, reduce } from '../../src/nn/reduce.ts';
import { createRandom } from '../reference/random.ts';
import { reducedElements } from '../reference/reduction.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

/** The reduction of elements in float64, and how far f32 sums of sums of 256 may be off. */
const reductions: Readonly<Record<Reduction, (elements: readonly number[]) => { value: number; bound: number }>> =
  (() => {
    const epsilon = 2 ** -24;
    const total = (elements: readonly number[]): number => elements.reduce((sum, element) => sum + element, 0);
    const magnitude = (elements: readonly number[]): number => total(elements.map(Math.abs));
    const steps = (elements: readonly number[]): number => Math.min(elements.length, 600) + 8;
    const sum = (elements: readonly number[]) => ({
      value: total(elements),
      bound: steps(elements) * epsilon * magnitude(elements),
    });
    const greatest = (elements: readonly number[]): number =>
      elements.reduce((high, element) => Math.max(high, element), Number.NEGATIVE_INFINITY);
    const squares = (elements: readonly number[]): readonly number[] => elements.map((element) => element * element);
    return {
      sum,
      mean: (elements) => {
        const { value, bound } = sum(elements);
        return { value: value / elements.length, bound: bound / elements.length + 4 * epsilon * Math.abs(value) };
      },
      maximum: (elements) => ({ value: greatest(elements), bound: 0 }),
      minimum: (elements) => ({ value: -greatest(elements.map((element) => -element)), bound: 0 }),
      product: (elements) => {
        const value = elements.reduce((product, element) => product * element, 1);
        return { value, bound: (elements.length + 2) * epsilon * Math.abs(value) + 2 ** -126 };
      },
      absoluteSum: (elements) => sum(elements.map(Math.abs)),
      squareSum: (elements) => sum(squares(elements)),
      norm: (elements) => {
        const value = Math.sqrt(total(squares(elements)));
        return { value, bound: (steps(elements) + 8) * epsilon * value };
      },
      logarithmOfSum: (elements) => {
        const { value, bound } = sum(elements.map(Math.abs));
        return { value: Math.log(value), bound: bound / value + 4 * epsilon * Math.abs(Math.log(value)) + 2 ** -20 };
      },
      logSumExp: (elements) => {
        const high = greatest(elements);
        const value = high + Math.log(total(elements.map((element) => Math.exp(element - high))));
        return { value, bound: 2 ** -18 + 4 * epsilon * Math.abs(value) };
      },
    };
  })();
const names = Object.keys(reductions) as Reduction[];

const shapes: readonly {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly lanes: 1 | 64;
}[] = [
  { shape: [3, 1000], axes: [1], lanes: 1 },
  { shape: [3, 1000], axes: [-1], lanes: 64 },
  { shape: [65, 7], axes: [0], lanes: 1 },
  { shape: [2, 3, 5, 4], axes: [1, 3], lanes: 1 },
];

describe('reduce', () => {
  it.each(shapes.flatMap((at) => names.map((reduction) => ({ ...at, reduction }))))(
    '$reduction of [$shape] along [$axes], $lanes lane(s), is within rounding of float64',
    async ({ shape, axes, lanes, reduction }) => {
      const engine = await open();
      const random = createRandom(20261123 + shape.length);
      const count = shape.reduce((product, length) => product * length, 1);
      const values = random.normalArray(count, 0.3, 1);
      // Others than sums of positive numbers have no logarithm.
      if (reduction === 'logarithmOfSum') values.set(values.map(Math.abs));
      using x = engine.tensor(values, shape);
      using y = reduce(engine, x, { reduction, axes }, { lanes });
      const got = await y.read();
      const groups = reducedElements(values, shape, axes);
      expect(got).toHaveLength(groups.length);
      groups.forEach((elements, index) => {
        const { value, bound } = reductions[reduction](elements);
        expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(bound);
      });
    },
  );

  it('takes the sum of a long tensor in several passes', async () => {
    const engine = await open();
    const values = createRandom(3).normalArray(70_001, 1, 1);
    using x = engine.tensor(values, [70_001]);
    using y = reduce(engine, x, { reduction: 'sum', axes: [0], keepAxes: true });
    expect(y.shape).toEqual([1]);
    const { value, bound } = reductions.sum([...values]);
    expect(Math.abs(((await y.read())[0] ?? Number.NaN) - value)).toBeLessThanOrEqual(bound);
  });

  it.each([false, true])('is exact for integers (unsigned: %s), which wrap around', async (unsigned) => {
    const engine = await open();
    const shape = [5, 70, 3];
    const values = createRandom(11).integerArray(5 * 70 * 3, -(2 ** 31), 2 ** 31 - 1);
    const typed = (value: bigint): number => Number(unsigned ? BigInt.asUintN(32, value) : BigInt.asIntN(32, value));
    using x = engine.tensor(values, shape);
    const expected: Partial<Record<Reduction, (elements: readonly bigint[]) => bigint>> = {
      sum: (elements) => elements.reduce((sum, element) => sum + element, 0n),
      product: (elements) => elements.reduce((product, element) => product * element, 1n),
      squareSum: (elements) => elements.reduce((sum, element) => sum + element * element, 0n),
      maximum: (elements) => BigInt(Math.max(...elements.map(Number))),
      minimum: (elements) => BigInt(Math.min(...elements.map(Number))),
    };
    const groups = reducedElements(values, shape, [1]);
    for (const [name, define] of Object.entries(expected)) {
      using y = reduce(engine, x, { reduction: name as Reduction, axes: [1], unsigned });
      const bits = groups.map((elements) => define(elements.map((element) => BigInt(typed(BigInt(element))))));
      expect([...(await y.read())], name).toEqual(bits.map((value) => Number(BigInt.asIntN(32, value))));
    }
  });

  it('reports sums and products beyond 32 bits where they are checked', async () => {
    const engine = await open();
    const fits = {
      sum: [2 ** 31 - 2, 1],
      product: [-(2 ** 16), 2 ** 15],
      squareSum: [46340, 100],
      absoluteSum: [1 - 2 ** 31],
    };
    const leaves = {
      sum: [2 ** 31 - 1, 1],
      product: [2 ** 16, 2 ** 15],
      squareSum: [46341],
      absoluteSum: [-(2 ** 31)],
      mean: [-(2 ** 31), -1],
    };
    for (const [name, values] of [...Object.entries(fits), ...Object.entries(leaves)]) {
      using x = engine.tensor(Int32Array.from(values), [values.length]);
      using y = reduce(engine, x, { reduction: name as Reduction, axes: [0], checked: true });
      if (Object.values(leaves).includes(values)) await expect(y.read(), name).rejects.toThrow(LimitExceeded);
      else expect((await y.read()).length, name).toBe(1);
    }
    using x = engine.tensor(Int32Array.of(-1, -(2 ** 31)), [2]);
    using y = reduce(engine, x, { reduction: 'product', axes: [0], checked: true });
    await expect(y.read()).rejects.toThrow('element 0');
  });

  it('finds extrema among infinities, and NaN where there is one', async () => {
    const engine = await open();
    const { NaN: nan, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
    using x = engine.tensor(new Float32Array([1, nan, 3, low, low, low, -1e-40, -2, high, -1, -2, -3]), [4, 3]);
    using maximum = reduce(engine, x, { reduction: 'maximum', axes: [1] });
    using minimum = reduce(engine, x, { reduction: 'minimum', axes: [1] });
    using logSumExp = reduce(engine, x, { reduction: 'logSumExp', axes: [1] });
    expect([...(await maximum.read())]).toEqual([nan, low, high, -1]);
    expect([...(await minimum.read())]).toEqual([nan, low, -2, -3]);
    const [, allLow, anyHigh, finite] = await logSumExp.read();
    expect([allLow, anyHigh]).toEqual([low, high]);
    expect(finite).toBeCloseTo(-0.5923940355556204, 5);
  });

  it('gives the identity for nothing, and nothing for no outputs', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(0), [2, 0]);
    const results = {
      sum: 0,
      product: 1,
      norm: 0,
      maximum: Number.NEGATIVE_INFINITY,
      minimum: Number.POSITIVE_INFINITY,
    };
    for (const [name, value] of Object.entries(results)) {
      using y = reduce(engine, x, { reduction: name as Reduction, axes: [1] });
      expect([...(await y.read())], name).toEqual([value, value]);
    }
    using none = reduce(engine, x, { reduction: 'sum', axes: [0] });
    expect([none.shape, await none.read()]).toEqual([[0], new Float32Array(0)]);
    using scalar = engine.tensor(new Float32Array([-3]), []);
    using same = reduce(engine, scalar, { reduction: 'absoluteSum', axes: [] });
    expect([same.shape, ...(await same.read())]).toEqual([[], 3]);
  });

  it('refuses axes that there are not, and too many groups of axes', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(4), [2, 2]);
    expect(() => reduce(engine, x, { reduction: 'sum', axes: [2] })).toThrow(ShapeMismatch);
    using deep = engine.tensor(new Float32Array(1024), Array<number>(10).fill(2));
    expect(() => reduce(engine, deep, { reduction: 'sum', axes: [0, 2, 4, 6, 8] })).toThrow(LimitExceeded);
  });
});
