import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { type Granularity, mapParameters, perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { minMax, nonFiniteElement, recordRanges } from '../../src/quant/range.ts';
import { parameterIndices } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { leavesNoMemoryBehind, useEngine } from '../support/engine.ts';

const open = useEngine();

/** The parameter index of each element, by the reference's own definition. */
function indicesOf(granularity: Granularity, shape: readonly number[]) {
  if (granularity.kind === 'tensor') return parameterIndices(shape);
  const axis = granularity.axis < 0 ? granularity.axis + shape.length : granularity.axis;
  return parameterIndices(shape, axis, granularity.kind === 'group' ? granularity.size : undefined);
}

async function check(granularity: Granularity, shape: readonly number[], seed: number): Promise<void> {
  const engine = await open();
  const { indices, parameterCount } = indicesOf(granularity, shape);
  const values = createRandom(seed).floatBitsArray(indices.length, true);
  const least = new Float32Array(parameterCount).fill(Number.POSITIVE_INFINITY);
  const greatest = new Float32Array(parameterCount).fill(Number.NEGATIVE_INFINITY);
  indices.forEach((index, element) => {
    least[index] = Math.min(least[index] ?? 0, values[element] ?? 0);
    greatest[index] = Math.max(greatest[index] ?? 0, values[element] ?? 0);
  });
  using x = engine.tensor(values, shape);
  const { minimum, maximum } = minMax(engine, x, granularity);
  expect(minimum.size).toBe(parameterCount);
  expect(await minimum.read()).toEqual(least);
  expect(await maximum.read()).toEqual(greatest);
  minimum.dispose();
  maximum.dispose();
}

describe('minMax', () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 127, 8191, 8192, 8193, 70001])('%i elements', async (length) => {
    await check(perTensor(), [length], length);
  });

  it.each([
    { name: 'scalar', shape: [], granularity: perTensor() },
    { name: 'first axis', shape: [5, 33], granularity: perChannel(0) },
    { name: 'last axis', shape: [301, 7], granularity: perChannel(-1) },
    { name: 'middle axis', shape: [3, 5, 66], granularity: perChannel(1) },
    { name: 'one channel', shape: [1, 1], granularity: perChannel(0) },
    { name: 'long channels', shape: [2, 9000], granularity: perChannel(0) },
    { name: 'long columns', shape: [2000, 3], granularity: perChannel(1) },
    { name: 'last axis in groups', shape: [4, 70], granularity: perGroup(-1, 32) },
    { name: 'groups of one', shape: [3, 5], granularity: perGroup(1, 1) },
    { name: 'first axis in groups', shape: [70, 4], granularity: perGroup(0, 32) },
    { name: 'middle axis in groups', shape: [3, 10, 5], granularity: perGroup(1, 4) },
    { name: 'a group longer than the axis', shape: [6, 5], granularity: perGroup(0, 100) },
    { name: 'long groups', shape: [2, 20000], granularity: perGroup(1, 8200) },
  ])('$name', async ({ shape, granularity }) => {
    await check(granularity, shape, 7);
  });

  it('any shape and granularity', async () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 });
    const cases = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.integer({ min: -shape.length, max: shape.length - 1 }).chain((axis) =>
          fc.oneof(
            fc.constant(perTensor()),
            fc.constant(perChannel(axis)),
            fc.integer({ min: 1, max: 14 }).map((size) => perGroup(axis, size)),
          ),
        ),
        fc.integer(),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([shape, granularity, seed]) => check(granularity, shape, seed)),
      { numRuns: 40 },
    );
  });

  it.each([
    { name: 'tensor', shape: [20001], granularity: perTensor() },
    { name: 'channels', shape: [3, 5, 66], granularity: perChannel(1) },
    { name: 'groups', shape: [9, 70], granularity: perGroup(1, 32) },
    { name: 'long groups', shape: [2, 20000], granularity: perGroup(1, 8200) },
  ])('merged in workgroup memory or not: $name', async ({ shape, granularity }) => {
    const engine = await open();
    const count = shape.reduce((product, length) => product * length, 1);
    const values = createRandom(count).normalArray(count);
    values[count - 1] = 100;
    using x = engine.tensor(values, shape);
    using bad = engine.tensor(values.with(count - 2, Number.NaN), shape);
    const results = [];
    for (const cooperative of [true, false]) {
      const map = mapParameters(granularity, shape);
      const read = async (tensor: typeof x): Promise<Float32Array[]> => {
        const fault = engine.fault(nonFiniteElement);
        const ranges = recordRanges(engine, tensor, map, fault, cooperative);
        fault.release();
        try {
          return [await ranges.minimum.read(), await ranges.maximum.read()];
        } finally {
          ranges.minimum.dispose();
          ranges.maximum.dispose();
        }
      };
      results.push(await read(x));
      await expect(read(bad)).rejects.toThrow(`Element ${count - 2} `);
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.[1]?.at(-1)).toBe(100);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('reports the first %d', async (bad) => {
    const engine = await open();
    const values = new Float32Array(20000).fill(1);
    for (const index of [19999, 12345, 15000]) values[index] = bad;
    using x = engine.tensor(values, [100, 200]);
    for (const granularity of [perTensor(), perChannel(0), perChannel(1), perGroup(1, 32)]) {
      const { minimum, maximum } = minMax(engine, x, granularity);
      await expect(minimum.read()).rejects.toThrow(InvalidInput);
      await expect(maximum.read()).rejects.toThrow(/Element 12345 /);
      minimum.dispose();
      maximum.dispose();
    }
  });

  it('has no range of nothing', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(0), [0, 4]);
    expect(() => minMax(engine, x)).toThrow(InvalidInput);
  });

  leavesNoMemoryBehind(open);
});
