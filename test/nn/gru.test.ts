import { describe, expect, it } from 'vitest';
import { gru } from '../../src/nn/gru.ts';
import { createRandom } from '../reference/random.ts';
import { referenceGru } from '../reference/recurrence.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('gru', () => {
  it.each([
    [1, 1, 1, true],
    [7, 3, 5, true],
    [7, 3, 5, false],
    [3, 2, 65, false],
  ])(
    'of %i steps, %i samples and %i units, resetting sums: %s, is within rounding of float64',
    async (steps, samples, units, resetsSums) => {
      const engine = await open();
      const random = createRandom(units);
      const projected = random.normalArray(steps * samples * 3 * units);
      const weights = random.normalArray(3 * units * units, 0, 1 / Math.sqrt(units));
      const parameters = random.normalArray(6 * units);
      using input = engine.tensor(projected, [1, steps * samples, 3 * units]);
      using weight = engine.tensor(weights, [1, 3 * units, units]);
      using parameter = engine.tensor(parameters, [1, 6 * units]);
      const { y, hidden } = gru(engine, {
        shape: {
          stepCount: steps,
          batchCount: samples,
          directionCount: 1,
          unitCount: units,
          backwards: false,
          batchFirst: false,
        },
        projected: input,
        weights: weight,
        parameters: parameter,
        resetsSums,
      });
      const expected = referenceGru({ steps, samples, units, projected, weights, parameters }, resetsSums);
      const got = await y.read();
      expected.forEach((value, index) => {
        expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThan(1e-5);
      });
      expect(await hidden.read()).toEqual(got.slice(-samples * units));
      for (const tensor of [y, hidden]) tensor.dispose();
    },
  );
});
