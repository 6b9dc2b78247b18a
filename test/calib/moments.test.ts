import { expect, test } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { addMoments } from '../../src/calib/moments.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const random = createRandom(77);

test.each([
  [1, 5, 1],
  [3, 40, 4],
  [2, 17, 7],
  [1, 9, 8],
  [4, 33, 9],
  [2, 12, 26],
  [1, 6, 67],
] as const)('%i groups of %i rows and %i columns, twice', async (groups, positions, width) => {
  const engine = await open();
  const stride = Math.ceil(width / 4) * 4;
  const data = random.uniformArray(groups * positions * stride, -1, 1);
  using rows = engine.tensor(data, [groups, positions, stride]);
  using sums = engine.tensor(new Float32Array(groups * width * width).fill(0.5), [groups, width, width]);
  addMoments(withWorkBudget(engine, 5000), rows, sums);
  addMoments(engine, rows, sums);
  const found = await sums.read();
  for (let group = 0; group < groups; group++) {
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) {
        let sum = 0;
        for (let position = 0; position < positions; position++) {
          const at = (group * positions + position) * stride;
          sum += (data[at + i] ?? 0) * (data[at + j] ?? 0);
        }
        // Half a unit in the last place for each of at most 40 sums below 41.
        expect(Math.abs((found[(group * width + i) * width + j] ?? Number.NaN) - 0.5 - 2 * sum)).toBeLessThan(1e-4);
      }
    }
  }
});

test('operands that do not fit, and no rows at all', async () => {
  const engine = await open();
  using sums = engine.tensor(Float32Array.of(3), [1, 1, 1]);
  using none = engine.empty([1, 0, 4], 'float32');
  addMoments(engine, none, sums);
  expect(Array.from(await sums.read())).toEqual([3]);
  using odd = engine.empty([1, 2, 3], 'float32');
  using groups = engine.empty([2, 2, 4], 'float32');
  for (const rows of [odd, groups]) expect(() => addMoments(engine, rows, sums)).toThrow(ShapeMismatch);
});
