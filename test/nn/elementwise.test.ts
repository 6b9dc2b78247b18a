import { describe, expect, it } from 'vitest';
import { LimitExceeded, ShapeMismatch } from '../../src/base/errors.ts';
import { elementCount, type Shape } from '../../src/base/shape.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { broadcastShapes } from '../../src/nn/broadcast.ts';
import { affine, type BinaryOperation, binary, unary, walkOf, where } from '../../src/nn/elementwise.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const infinity = Number.POSITIVE_INFINITY;

const floatPairs: readonly (readonly [BinaryOperation, (a: number, b: number) => number])[] = [
  ['add', (a, b) => a + b],
  ['sub', (a, b) => a - b],
  ['mul', (a, b) => a * b],
  ['div', (a, b) => a / b],
  ['truncatedMod', (a, b) => a % b],
  ['min', Math.min],
  ['max', Math.max],
  ['prelu', (a, b) => (a < 0 ? a * b : a)],
  ['equal', (a, b) => Number(a === b)],
  ['less', (a, b) => Number(a < b)],
  ['lessOrEqual', (a, b) => Number(a <= b)],
];
const awkward = [0, -0, 1, -1, 0.5, -2.5, 3, 7, -7, 1e30, -1e-30, 1e-10, infinity, -infinity, Number.NaN];
const allPairs = awkward.flatMap((a) => awkward.map((b) => [a, b] as const));

describe('functions of two operands', () => {
  it.each(floatPairs)('%s of floats, also of those that are not finite', async (operation, reference) => {
    const engine = await open();
    using a = engine.tensor(
      Float32Array.from(allPairs, ([first]) => first),
      [allPairs.length],
    );
    using b = engine.tensor(
      Float32Array.from(allPairs, ([, second]) => second),
      [allPairs.length],
    );
    using y = binary(engine, operation, a, b);
    const found = await y.read();
    for (const [index, [first, second]] of allPairs.entries()) {
      const wanted = Math.fround(reference(Math.fround(first), Math.fround(second)));
      const got = found[index] ?? 0;
      const title = `${operation}(${first}, ${second})`;
      if (Number.isNaN(wanted)) expect(got, title).toBeNaN();
      else if (!Number.isFinite(wanted)) expect(got, title).toBe(wanted);
      else expect(Math.abs(got - wanted), title).toBeLessThanOrEqual(Math.abs(wanted) * 1e-6 + 1e-37);
    }
  });

  it('pow', async () => {
    const engine = await open();
    const random = createRandom(20261202);
    const exact = [-15, -3, -1, 0, 1, 2, 3, 7, 15].flatMap((b) =>
      [0, 1, -1, 2, -2, 3, -3, 1.5].map((a) => [a, b] as const),
    );
    const smooth = Array.from({ length: 100 }, () => [random.uniform() * 5, random.normal() * 10] as const);
    const nearOne = Array.from({ length: 20 }, () => [1 + random.normal() * 1e-3, random.normal() * 1e4] as const);
    const special: (readonly [number, number, number])[] = [
      ...([
        [-8, 1 / 3, Number.NaN],
        [-2, 16777215, -infinity],
        [-1, 16777215, -1],
        [-1, 16777216, 1],
      ] as const),
      ...([
        [0, -1, infinity],
        [-0, -3, -infinity],
        [0, 0.5, 0],
        [0, -0.5, infinity],
        [0, 0, 1],
      ] as const),
      ...([
        [Number.NaN, 0, 1],
        [1, Number.NaN, 1],
        [Number.NaN, 1, Number.NaN],
        [2, Number.NaN, Number.NaN],
      ] as const),
      ...([
        [2, infinity, infinity],
        [2, -infinity, 0],
        [0.5, infinity, 0],
        [1, infinity, 1],
        [-1, infinity, 1],
      ] as const),
      ...([
        [infinity, -2, 0],
        [-infinity, 3, -infinity],
        [-infinity, 2, infinity],
        [10, 40, infinity],
        [-4, 31, -(2 ** 62)],
      ] as const),
    ];
    const pairs = [...exact, ...smooth, ...nearOne].map(([a, b]) => {
      const [base, exponent] = [Math.fround(a), Math.fround(b)];
      return [base, exponent, base ** exponent] as const;
    });
    const all = [...pairs, ...special];
    using a = engine.tensor(
      Float32Array.from(all, ([base]) => base),
      [all.length],
    );
    using b = engine.tensor(
      Float32Array.from(all, ([, exponent]) => exponent),
      [all.length],
    );
    using y = binary(engine, 'pow', a, b);
    const found = await y.read();
    for (const [index, [base, exponent, power]] of all.entries()) {
      const wanted = Math.fround(power);
      const got = found[index] ?? 0;
      const title = `${base} ** ${exponent}`;
      if (Number.isNaN(wanted)) expect(got, title).toBeNaN();
      else if (!Number.isFinite(wanted)) expect(got, title).toBe(wanted);
      else if (index < exact.length && exponent >= 0 && Number.isSafeInteger(wanted)) expect(got, title).toBe(wanted);
      else expect(Math.abs(got - wanted), title).toBeLessThanOrEqual(Math.abs(wanted) * 2e-4 + 1e-37);
    }
  });

  it('the remainder of floats is exact', async () => {
    const engine = await open();
    const random = createRandom(20261203);
    const dividends = random.floatBitsArray(300, true).map((value) => (Math.abs(value) < 1e-30 ? 1e10 : value));
    const divisors = random.uniformArray(300, 0.1, 10);
    using a = engine.tensor(dividends, [300]);
    using b = engine.tensor(divisors, [300]);
    using y = binary(engine, 'truncatedMod', a, b);
    expect([...(await y.read())]).toEqual([...dividends].map((value, index) => value % (divisors[index] ?? 1)));
  });

  const integers = [0, 1, -1, 2, 5, -5, 7, -7, 40000, 2 ** 31 - 1, -(2 ** 31)];
  const integerPairs = integers.flatMap((a) => integers.map((b) => [a, b] as const));
  const floorMod = (a: number, b: number): number => (b === 0 ? 0 : a - b * Math.floor(a / b));
  const integerPower = (a: number, b: number): number => {
    if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
    return Number(BigInt.asIntN(32, b < 50 ? BigInt(a) ** BigInt(b) : modularPower(BigInt(a), BigInt(b))));
  };
  function modularPower(base: bigint, exponent: bigint): bigint {
    let [result, factor, rest] = [1n, base, exponent];
    for (; rest > 0n; rest >>= 1n) {
      if (rest & 1n) result = BigInt.asIntN(32, result * factor);
      factor = BigInt.asIntN(32, factor * factor);
    }
    return result;
  }
  const integerCases: readonly (readonly [BinaryOperation, (a: number, b: number) => number])[] = [
    ['add', (a, b) => a + b],
    ['sub', (a, b) => a - b],
    ['mul', Math.imul],
    ['div', (a, b) => (b === 0 ? a : Math.trunc(a / b))],
    ['truncatedMod', (a, b) => (b === 0 ? 0 : a % b)],
    ['floorMod', floorMod],
    ['pow', integerPower],
    ['min', Math.min],
    ['max', Math.max],
    ['prelu', (a, b) => (a < 0 ? Math.imul(a, b) : a)],
    ['equal', (a, b) => Number(a === b)],
    ['less', (a, b) => Number(a < b)],
    ['lessOrEqual', (a, b) => Number(a <= b)],
    ['and', (a, b) => Number(a !== 0 && b !== 0)],
    ['or', (a, b) => Number(a !== 0 || b !== 0)],
    ['xor', (a, b) => Number((a !== 0) !== (b !== 0))],
  ];

  it.each(integerCases)('%s of integers', async (operation, reference) => {
    const engine = await open();
    using a = engine.tensor(
      Int32Array.from(integerPairs, ([first]) => first),
      [integerPairs.length],
    );
    using b = engine.tensor(
      Int32Array.from(integerPairs, ([, second]) => second),
      [integerPairs.length],
    );
    using y = binary(engine, operation, a, b);
    expect([...(await y.read())]).toEqual(integerPairs.map(([first, second]) => reference(first, second) | 0));
  });

  it.each(integerCases.filter(([operation]) => !['and', 'or', 'xor', 'pow', 'prelu'].includes(operation)))(
    '%s of unsigned integers',
    async (operation, reference) => {
      const engine = await open();
      using a = engine.tensor(
        Int32Array.from(integerPairs, ([first]) => first),
        [integerPairs.length],
      );
      using b = engine.tensor(
        Int32Array.from(integerPairs, ([, second]) => second),
        [integerPairs.length],
      );
      using y = binary(engine, operation, a, b, { unsigned: true });
      const wanted = integerPairs.map(([first, second]) => reference(first >>> 0, second >>> 0) | 0);
      expect([...(await y.read())]).toEqual(wanted);
    },
  );

  it('wraps around at the bits of the type', async () => {
    const engine = await open();
    using a = engine.tensor(Int32Array.of(32767, -32768, 200), [3]);
    using b = engine.tensor(Int32Array.of(1, -1, 300), [3]);
    const of = async (operation: BinaryOperation, format: { bits: number; unsigned: boolean }) => {
      using y = binary(engine, operation, a, b, format);
      return [...(await y.read())];
    };
    expect(await of('add', { bits: 16, unsigned: false })).toEqual([-32768, 32767, 500]);
    expect(await of('sub', { bits: 16, unsigned: true })).toEqual([32766, 32769, 65436]);
    expect(await of('mul', { bits: 16, unsigned: false })).toEqual([32767, -32768, 60000 - 65536]);
  });
});

describe('integers that stand for 64-bit ones', () => {
  const least = -(2 ** 31);
  const wrong: readonly (readonly [BinaryOperation, number, number, number])[] = [
    ['add', 2 ** 31 - 1, 1, least],
    ['sub', least, 1, least],
    ['mul', 65536, 32768, least],
    ['mul', -1, least, least],
    ['div', least, -1, least],
    ['pow', 2, 31, least],
    ['pow', 10, 10, least],
    ['sub', 1, 2, 0],
  ];
  it.each(wrong)('%s(%i, %i) is beyond them', async (operation, first, second, checkedFrom) => {
    const engine = await open();
    // The wrong element is the last of a group that is not full.
    for (const shape of [[1], [2, 3]]) {
      const count = elementCount(shape);
      using a = engine.tensor(new Int32Array(count).fill(1).fill(first, count - 1), shape);
      using b = engine.tensor(new Int32Array(1).fill(second), [1]);
      using spread = engine.tensor(
        new Int32Array(shape.length > 1 ? 2 : 1).fill(1).fill(second, -1),
        shape.length > 1 ? [2, 1] : [1],
      );
      using y = binary(engine, operation, a, shape.length > 1 ? spread : b, { checkedFrom });
      await expect(y.read()).rejects.toThrow(LimitExceeded);
    }
  });

  it('are computed where they fit', async () => {
    const engine = await open();
    using a = engine.tensor(Int32Array.of(46340, -65536, 1, least, 0), [5]);
    using b = engine.tensor(Int32Array.of(46340, 32768, least, 1, -1), [5]);
    using product = binary(engine, 'mul', a, b, { checkedFrom: least });
    expect([...(await product.read())]).toEqual([2147395600, least, least, least, 0]);
    using exponent = engine.tensor(Int32Array.of(2, 1, 0, 1, 5), [5]);
    using power = binary(engine, 'pow', a, exponent, { checkedFrom: least });
    expect([...(await power.read())]).toEqual([2147395600, -65536, 1, least, 0]);
  });

  it('functions of one operand', async () => {
    const engine = await open();
    using x = engine.tensor(Int32Array.of(1, least), [2]);
    using negated = unary(engine, 'neg', x, {}, { checkedFrom: least });
    await expect(negated.read()).rejects.toThrow('Element 1');
    using natural = unary(engine, 'wrap', x, {}, { checkedFrom: 0 });
    await expect(natural.read()).rejects.toThrow(LimitExceeded);
    using large = engine.tensor(Float32Array.of(1e6, 1, 2 ** 31), [3]);
    using converted = unary(engine, 'toInteger', large, {}, { checkedFrom: least });
    await expect(converted.read()).rejects.toThrow('Element 2');
    using fitting = engine.tensor(Float32Array.of(1e6, least, -0.5), [3]);
    using kept = unary(engine, 'toInteger', fitting, {}, { checkedFrom: least });
    expect([...(await kept.read())]).toEqual([1e6, least, 0]);
  });
});

/** The element of an operand that meets the element at `coordinates` of the result. */
function broadcastElement(values: ArrayLike<number>, shape: Shape, coordinates: readonly number[]): number {
  let place = 0;
  shape.forEach((length, axis) => {
    const coordinate = coordinates[axis + coordinates.length - shape.length] ?? 0;
    place = place * length + (length === 1 ? 0 : coordinate);
  });
  return values[place] ?? Number.NaN;
}

function expectedBroadcast(
  operands: readonly (readonly [ArrayLike<number>, Shape])[],
  combine: (...values: number[]) => number,
) {
  const shape = broadcastShapes(...operands.map(([, own]) => own));
  return Array.from({ length: elementCount(shape) }, (_, index) => {
    let rest = index;
    const coordinates = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      coordinates[axis] = rest % (shape[axis] ?? 1);
      rest = Math.floor(rest / (shape[axis] ?? 1));
    }
    return combine(...operands.map(([values, own]) => broadcastElement(values, own, coordinates)));
  });
}

describe('broadcasting', () => {
  const shapes: readonly (readonly [Shape, Shape, string])[] = [
    [[5], [5], 'vectors of 4'],
    [[2, 3, 3], [2, 3, 3], 'vectors of 4'],
    [[1], [7], 'vectors of 4'],
    [[], [2, 3], 'vectors of 4'],
    [[3, 3], [1, 1, 1], 'vectors of 4'],
    [[], [], 'vectors of 4'],
    [[4, 7], [7], 'rows'],
    [[4, 1], [1, 5], 'rows'],
    [[2, 3, 2, 5], [1, 3, 1, 1], 'rows'],
    [[3, 1, 5], [2, 3, 4, 5], 'rows of many axes'],
    [[65, 2], [65, 1], 'rows'],
    [[2, 1, 3, 1, 2], [1, 3, 1, 2, 1], 'rows of many axes'],
    [[2, 1, 2, 1, 2, 1, 3, 1], [1, 3, 1, 2, 1, 2, 1, 2], 'rows of many axes'],
    [[2, 3, 1, 2, 1, 2, 1, 5], [1, 2, 3, 1, 2, 1], 'rows of many axes'],
  ];
  it.each(shapes)('[%s] and [%s]: %s', async (aShape, bShape, walk) => {
    const engine = await open();
    const random = createRandom(elementCount(aShape) * 31 + elementCount(bShape));
    const a = random.integerArray(elementCount(aShape), -1000, 1000);
    const b = random.integerArray(elementCount(bShape), -1000, 1000);
    const condition = random.integerArray(aShape.at(-1) ?? 1, 0, 1);
    const conditionShape = aShape.length > 0 ? [condition.length] : [];
    using aTensor = engine.tensor(a, aShape);
    using bTensor = engine.tensor(b, bShape);
    using conditionTensor = engine.tensor(condition, conditionShape);
    using difference = binary(engine, 'sub', aTensor, bTensor);
    expect(difference.shape).toEqual(broadcastShapes(aShape, bShape));
    expect([...(await difference.read())]).toEqual(
      expectedBroadcast(
        [
          [a, aShape],
          [b, bShape],
        ],
        (x, y) => x - y,
      ),
    );
    using chosen = where(engine, conditionTensor, aTensor, bTensor);
    expect([...(await chosen.read())]).toEqual(
      expectedBroadcast(
        [
          [condition, conditionShape],
          [a, aShape],
          [b, bShape],
        ],
        (flag, x, y) => (flag ? x : y),
      ),
    );
    expect(walkOf([aShape, bShape])).toBe(walk);
  });

  it('x·scale + shift', async () => {
    const engine = await open();
    using x = engine.tensor(
      Float32Array.from({ length: 12 }, (_, index) => index),
      [2, 2, 3],
    );
    using scale = engine.tensor(Float32Array.of(2, -1), [2, 1]);
    using shift = engine.tensor(Float32Array.of(0.5, 100), [2, 1]);
    using y = affine(engine, x, scale, shift);
    expect([...(await y.read())]).toEqual([0.5, 2.5, 4.5, 97, 96, 95, 12.5, 14.5, 16.5, 91, 90, 89]);
  });

  it('keeps the bits of what it chooses', async () => {
    const engine = await open();
    const values = Float32Array.of(Number.NaN, infinity, -0, 1e-42, -infinity);
    using condition = engine.tensor(Int32Array.of(1), [1]);
    using a = engine.tensor(values, [5]);
    using zero = engine.tensor(Float32Array.of(0), []);
    using y = where(engine, condition, a, zero);
    expect(await y.read()).toEqual(values);
  });

  it('nothing from nothing', async () => {
    const engine = await open();
    using a = engine.tensor(new Float32Array(0), [0, 3]);
    using b = engine.tensor(Float32Array.of(1, 2, 3), [3]);
    using y = binary(engine, 'add', a, b);
    expect([y.shape, (await y.read()).length]).toEqual([[0, 3], 0]);
    using single: Tensor = unary(engine, 'exp', a);
    expect((await single.read()).length).toBe(0);
  });

  it('refuses shapes that do not fit', async () => {
    const engine = await open();
    using a = engine.tensor(new Float32Array(6), [2, 3]);
    using b = engine.tensor(new Float32Array(4), [2, 2]);
    expect(() => binary(engine, 'add', a, b)).toThrow(ShapeMismatch);
  });
});
