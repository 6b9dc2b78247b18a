import { describe, expect, it } from 'vitest';
import { lstm } from '../../src/nn/lstm.ts';
import { createRandom } from '../reference/random.ts';
import { referenceLstm } from '../reference/recurrence.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('lstm', () => {
  it.each([
    [1, 1, 1],
    [7, 3, 5],
    [3, 2, 65],
  ])('of %i steps, %i samples and %i units is within rounding of float64', async (steps, samples, units) => {
    const engine = await open();
    const random = createRandom(units);
    const projected = random.normalArray(steps * samples * 4 * units);
    const weights = random.normalArray(4 * units * units, 0, 1 / Math.sqrt(units));
    const parameters = random.normalArray(11 * units);
    using input = engine.tensor(projected, [1, steps * samples, 4 * units]);
    using weight = engine.tensor(weights, [1, 4 * units, units]);
    using parameter = engine.tensor(parameters, [1, 11 * units]);
    const { y, hidden, memory } = lstm(engine, {
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
      hasBias: true,
      hasPeepholes: true,
    });
    const expected = referenceLstm({ steps, samples, units, projected, weights, parameters });
    const got = await y.read();
    expected.forEach((value, index) => {
      expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThan(1e-5);
    });
    expect(await hidden.read()).toEqual(got.slice(-samples * units));
    for (const tensor of [y, hidden, memory]) tensor.dispose();
  });

  it('stays finite where its gates are far from 0', async () => {
    const engine = await open();
    using projected = engine.tensor(new Float32Array([1e30, 1e30, -1e30, -1e30]), [1, 1, 4]);
    using weights = engine.tensor(new Float32Array(4), [1, 4, 1]);
    const { y, hidden, memory } = lstm(engine, {
      shape: { stepCount: 1, batchCount: 1, directionCount: 1, unitCount: 1, backwards: false, batchFirst: false },
      projected,
      weights,
      hasBias: false,
      hasPeepholes: false,
    });
    expect((await y.read())[0]).toBeCloseTo(Math.tanh(-1), 6);
    expect((await memory.read())[0]).toBeCloseTo(-1, 6);
    for (const tensor of [y, hidden, memory]) tensor.dispose();
  });
});
