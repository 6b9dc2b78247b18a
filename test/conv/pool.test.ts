import { describe, expect, it } from 'vitest';
import { indexedMaximumPool, maximumPool, meanPool, powerPool } from '../../src/conv/pool.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const window = { kernel: [3], strides: [2], dilations: [1], padsBefore: [1] };
const [channels, length, outputLength] = [5, 40, 21];
const options = { window, outputLengths: [outputLength] };

/** The windows of each result: the elements they cover, and where those are. */
function windowsOf<T>(values: ArrayLike<T>): { readonly value: T; readonly index: number }[][] {
  return Array.from({ length: channels * outputLength }, (_, element) => {
    const channel = Math.floor(element / outputLength);
    const first = (element % outputLength) * 2 - 1;
    return [first, first + 1, first + 2]
      .filter((at) => at >= 0 && at < length)
      .map((at) => ({ value: values[channel * length + at] as T, index: channel * length + at }));
  });
}

// In dispatches of one element each as well.
describe.each([
  ['at once', undefined],
  ['in many dispatches', 1],
] as const)('%s', (_, workBudget) => {
  const engineOf = async () => (workBudget ? withWorkBudget(await open(), workBudget) : open());

  it('maxima of floats', async () => {
    const engine = await engineOf();
    const values = createRandom(1).normalArray(channels * length);
    using x = engine.tensor(values, [1, channels, length]);
    using y = maximumPool(engine, x, options);
    expect(Array.from(await y.read())).toEqual(
      windowsOf(values).map((all) => Math.max(...all.map((one) => one.value))),
    );
  });

  it('maxima of integers, and the first place of each', async () => {
    const engine = await engineOf();
    const values = createRandom(2).integerArray(channels * length, -3, 3);
    using x = engine.tensor(values, [1, channels, length]);
    const { values: y, indices } = indexedMaximumPool(engine, x, options);
    const best = windowsOf(values).map((all) => all.reduce((a, b) => (b.value > a.value ? b : a)));
    expect(Array.from(await y.read())).toEqual(best.map(({ value }) => value));
    expect(Array.from(await indices.read())).toEqual(best.map(({ index }) => index));
    y.dispose();
    indices.dispose();
  });

  it('means and norms', async () => {
    const engine = await engineOf();
    const values = createRandom(3).normalArray(channels * length);
    using x = engine.tensor(values, [1, channels, length]);
    using means = meanPool(engine, x, options);
    using counted = meanPool(engine, x, { ...options, countPadding: true, padsAfter: [2] });
    using norms = powerPool(engine, x, { ...options, exponent: 2 });
    const windows = windowsOf(values).map((all) => all.map(({ value }) => value));
    const sums = windows.map((all) => all.reduce((sum, value) => sum + value, 0));
    const expectNear = (got: Float32Array, expected: readonly number[]): void => {
      // Three additions of numbers up to about 4, and a division or root.
      for (const [index, value] of got.entries()) expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
    };
    expectNear(
      await means.read(),
      sums.map((sum, index) => sum / (windows[index]?.length ?? 1)),
    );
    expectNear(
      await counted.read(),
      sums.map((sum) => sum / 3),
    );
    expectNear(
      await norms.read(),
      windows.map((all) => Math.hypot(...all)),
    );
  });
});
