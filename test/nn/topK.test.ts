import { describe, expect, it } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { topK } from '../../src/nn/topK.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine({});

/** Numbers in ascending order with NaN last; −0 equals 0. */
const ascending = (x: number, y: number): number =>
  Number.isNaN(x) || Number.isNaN(y) ? Number(Number.isNaN(x)) - Number(Number.isNaN(y)) : Math.sign(x - y);

const cases = [
  { name: 'the largest floats', shape: [3, 70, 2], axis: 1, count: 5 },
  { name: 'all, sorted', shape: [2, 65], axis: 1, count: 65 },
  { name: 'the smallest', shape: [5, 7], axis: 0, count: 3, largest: false },
  { name: 'the last of the largest', shape: [66, 9], axis: 1, count: 2, lastFirst: true },
  { name: 'one of one', shape: [1], axis: 0, count: 1 },
  { name: 'none', shape: [3, 4], axis: 1, count: 0 },
] as const;

describe('topK', () => {
  it.each(cases.flatMap((row) => [true, false].map((cooperative) => ({ ...row, cooperative }))))(
    '$name, cooperative $cooperative',
    async ({ shape, axis, count, cooperative, ...options }) => {
      const engine = await open();
      const random = createRandom(20261201);
      const size = shape.reduce<number>((product, length) => product * length, 1);
      // Few different values, so that many are equal, and every special one.
      const special = [Number.NaN, Infinity, -Infinity, -0, 0, 1e-40, -1e-40, 1, 2, -3];
      const floats = Float32Array.from({ length: size }, () => special[random.integer(0, 9)] ?? 0);
      const integers = random.integerArray(size, -2, 2).map((value) => value * 2 ** 30);
      const length: number = shape[axis as 0] ?? 1;
      const inner = (shape as readonly number[]).slice(axis + 1).reduce((product, other) => product * other, 1);
      const sign = 'largest' in options ? 1 : -1;
      const lastFirst = 'lastFirst' in options;
      for (const data of [floats, integers]) {
        using source = engine.tensor<Float32Array | Int32Array>(data, shape);
        const { values, places } = topK(engine, source, { axis, count, cooperative, ...options });
        const [found, at] = [await values.read(), await places.read()];
        expect(values.shape).toEqual((shape as readonly number[]).with(axis, count));
        for (let row = 0; row < size / length; row++) {
          const [o, n] = [Math.floor(row / inner), row % inner];
          const elements = Array.from({ length }, (_, place) => data[(o * length + place) * inner + n] ?? 0);
          const order = elements
            .map((_, place) => place)
            .sort((x, y) => sign * ascending(elements[x] ?? 0, elements[y] ?? 0) || (lastFirst ? y - x : x - y))
            .slice(0, count);
          const goal = order.map((_, rank) => (o * count + rank) * inner + n);
          expect(goal.map((index) => at[index])).toEqual(order);
          expect(goal.map((index) => found[index])).toEqual(order.map((place) => elements[place]));
        }
        values.dispose();
        places.dispose();
      }
    },
  );

  it('selects in several dispatches what one should not take', async () => {
    const engine = await open();
    const length = 30_000;
    const data = createRandom(4).normalArray(length * 20);
    using source = engine.tensor(data, [20, length]);
    expect(20 * length * 16 * 30).toBeGreaterThan(engine.workBudget);
    const { values, places } = topK(engine, source, { axis: 1, count: 30 });
    const sorted = [...data.subarray(0, length)].sort((x, y) => y - x).slice(0, 30);
    expect([...(await values.read())].slice(0, 30)).toEqual(sorted);
    values.dispose();
    places.dispose();
  });

  it('refuses to select more than there are', async () => {
    const engine = await open();
    using source = engine.tensor(new Float32Array(3), [3]);
    expect(() => topK(engine, source, { axis: 0, count: 4 })).toThrow(ShapeMismatch);
  });
});
