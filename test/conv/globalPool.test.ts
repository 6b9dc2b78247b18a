import { describe, expect, it } from 'vitest';
import { type GlobalPooling, globalPool } from '../../src/conv/globalPool.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();

const definitions: readonly (readonly [string, GlobalPooling, (plane: Float32Array) => number])[] = [
  ['mean', 'mean', (plane) => plane.reduce((sum, value) => sum + value, 0) / plane.length],
  ['maximum', 'maximum', (plane) => Math.max(...plane)],
  ['L1', { exponent: 1 }, (plane) => plane.reduce((sum, value) => sum + Math.abs(value), 0)],
  ['L2', { exponent: 2 }, (plane) => Math.hypot(...plane)],
];

describe.each([1, 64] as const)('with %i lanes', (lanes) => {
  it.each(definitions)('%s of planes of 1 to 300 elements', async (_, pooling, definition) => {
    // Some dispatches of one plane each as well.
    for (const engine of [await open(), withWorkBudget(await open(), 1)]) {
      for (const size of [1, 63, 65, 300]) {
        const values = createRandom(size).normalArray(6 * size, -1);
        using x = engine.tensor(values, [2, 3, size]);
        using y = globalPool(engine, x, pooling, lanes);
        expect(y.shape).toEqual([2, 3, 1]);
        for (const [plane, got] of (await y.read()).entries()) {
          const elements = values.subarray(plane * size, (plane + 1) * size);
          // Rounding of each addition within 2^-24 of the sum of magnitudes, which is at most about 2 · size.
          const bound = pooling === 'maximum' ? 0 : size * 2 ** -23 * (pooling === 'mean' ? 2 : 2 * size);
          expect(Math.abs(got - definition(elements))).toBeLessThanOrEqual(bound);
        }
      }
    }
  });
});
