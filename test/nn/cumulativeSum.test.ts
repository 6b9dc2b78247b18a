import { describe, expect, it } from 'vitest';
import { LimitExceeded, ShapeMismatch } from '../../src/base/errors.ts';
import { cumulativeSum } from '../../src/nn/cumulativeSum.ts';
import { createRandom } from '../reference/random.ts';
import { mapRows } from '../reference/rows.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

/** Running sums in float64. */
function runningSums(row: readonly number[], exclusive: boolean, reverse: boolean): number[] {
  const ordered = reverse ? row.toReversed() : row;
  let sum = 0;
  const sums = ordered.map((value) => {
    const before = sum;
    sum += value;
    return exclusive ? before : sum;
  });
  return reverse ? sums.reverse() : sums;
}

const directions = [false, true].flatMap((exclusive) => [false, true].map((reverse) => ({ exclusive, reverse })));

describe('cumulativeSum', () => {
  it.each(directions)('with exclusive $exclusive and reverse $reverse', async (options) => {
    const engine = await open();
    const shape = [3, 65, 5];
    const transform = (row: readonly number[]) => runningSums(row, options.exclusive, options.reverse);
    const random = createRandom(2);
    const floats = random.uniformArray(3 * 65 * 5, -1, 1);
    using x = engine.tensor(floats, shape);
    using y = cumulativeSum(engine, x, { axis: 1, ...options });
    const got = await y.read();
    mapRows(floats, shape, 1, transform).forEach((value, index) => {
      // 65 additions of at most 1, each within half a unit in the last place of the sum.
      expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(65 * 65 * 2 ** -24);
    });
    const integers = random.integerArray(3 * 65 * 5, -(10 ** 6), 10 ** 6);
    using whole = engine.tensor(integers, shape);
    using sums = cumulativeSum(engine, whole, { axis: -2, checked: true, ...options });
    expect(Array.from(await sums.read())).toEqual(mapRows(integers, shape, 1, transform).map((value) => value + 0));
  });

  it('wraps integers around, or reports them', async () => {
    const engine = await open();
    using x = engine.tensor(Int32Array.of(1, 2, 2 ** 31 - 1, 1), [2, 2]);
    using wrapped = cumulativeSum(engine, x, { axis: 1 });
    expect(Array.from(await wrapped.read())).toEqual([1, 3, 2 ** 31 - 1, -(2 ** 31)]);
    using checked = cumulativeSum(engine, x, { axis: 1, checked: true });
    await expect(checked.read()).rejects.toThrow(LimitExceeded);
    await expect(checked.read()).rejects.toThrow('row 1');
  });

  it('of nothing is nothing; an axis must be there', async () => {
    const engine = await open();
    for (const shape of [
      [0, 3],
      [3, 0],
    ]) {
      using x = engine.tensor(new Float32Array(0), shape);
      using y = cumulativeSum(engine, x, { axis: 1 });
      expect(await y.read()).toEqual(new Float32Array(0));
      expect(() => cumulativeSum(engine, x, { axis: 2 })).toThrow(ShapeMismatch);
    }
  });
});
