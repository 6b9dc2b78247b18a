import { expect, test } from 'vitest';
import { logitOf, roundingStep } from '../../src/calib/roundingStep.ts';
import { softStep } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const random = createRandom(71);

test('steps move logits and errors as in float64', async () => {
  const engine = await open();
  for (const count of [1, 63, 64, 65, 1000]) {
    const numbers = (low: number, high: number): Float32Array<ArrayBuffer> => random.uniformArray(count, low, high);
    const given = { offset: numbers(-1, 0), step: numbers(0.1, 1.5), logit: numbers(-3, 3) };
    // Some weights have nothing to choose, and some stand at the middle.
    given.step.forEach((_, index) => {
      if (index % 7 === 3) given.step[index] = 0;
      if (index % 11 === 5) given.logit[index] = 0;
    });
    using offset = engine.tensor(given.offset, [count]);
    using step = engine.tensor(given.step, [count]);
    using state = engine.tensor(Float32Array.of(...given.logit, ...new Float32Array(2 * count)), [3, count]);
    using difference = engine.empty([count], 'float32');
    let wanted = Array.from({ length: count }, (_, index) => {
      const at = (values: Float32Array): number => values[index] ?? Number.NaN;
      return {
        offset: at(given.offset),
        step: at(given.step),
        logit: at(given.logit),
        first: 0,
        second: 0,
        difference: 0,
      };
    });
    for (const [before, regularization, exponent] of [
      [0, 0, 20],
      [1, 0.3, 7],
      [2, 2, 2],
    ] as const) {
      const products = numbers(-1, 1);
      using product = engine.tensor(products, [count]);
      const options = { before, learningRate: 0.05, regularization, exponent };
      // More than one dispatch.
      roundingStep(withWorkBudget(engine, 20_000), { offset, step, state, difference }, product, options);
      wanted = wanted.map((each, index) => softStep(each, products[index] ?? 0, { ...options, rate: 0.05 }));
    }
    const [found, errors] = [await state.read(), await difference.read()];
    wanted.forEach(({ logit, first, second, difference: error }, index) => {
      expect(Math.abs((found[index] ?? Number.NaN) - logit)).toBeLessThan(1e-4);
      expect(Math.abs((found[count + index] ?? Number.NaN) - first)).toBeLessThan(1e-4);
      expect(Math.abs((found[2 * count + index] ?? Number.NaN) - second)).toBeLessThan(1e-4);
      expect(Math.abs((errors[index] ?? Number.NaN) - error)).toBeLessThan(1e-4);
    });
  }
});

test('a logit puts a weight where it is told', () => {
  for (const share of [0, 0.25, 0.5, 1]) {
    expect(1.2 / (1 + Math.exp(-logitOf(share))) - 0.1).toBeCloseTo(share, 12);
  }
});
