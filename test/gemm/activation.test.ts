import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { type Activation, planActivation } from '../../src/gemm/activation.ts';
import { matmul } from '../../src/gemm/matmul.ts';
import { useEngine } from '../support/engine.ts';
import { dispose } from './products.ts';

/** erf by its series, or 1 less the continued fraction's tail beyond 3 (which is below 3e-5 there). */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const cases: readonly (readonly [string, Activation, (x: number) => number])[] = [
  ['none', 'none', (x) => x],
  ['relu', 'relu', (x) => Math.max(x, 0)],
  ['relu6', 'relu6', (x) => Math.min(Math.max(x, 0), 6)],
  ['bounds', { lower: -1.5, upper: 2 }, (x) => Math.min(Math.max(x, -1.5), 2)],
  ['sigmoid', 'sigmoid', logistic],
  ['tanh', 'tanh', Math.tanh],
  ['gelu', 'gelu', (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))],
  ['silu', 'silu', (x) => x * logistic(x)],
];

describe('activations', () => {
  const open = useEngine();

  it.each(cases)('%s', async (_, activation, reference) => {
    const engine = await open();
    const values = Float32Array.from({ length: 131 }, (_unused, index) => (index - 65) / 8);
    values.set([-1e6, 1e6, -90, 90]);
    const x = engine.tensor(values, [131, 1]);
    const w = engine.tensor(new Float32Array([1]), [1, 1]);
    const y = matmul(engine, x, w, { activation });
    const got = await y.read();
    for (const [index, value] of values.entries()) {
      const expected = reference(value);
      // f32 with the error of exp() and, for gelu, of the approximated erf times x.
      expect(Math.abs((got[index] as number) - expected), `of ${value}`).toBeLessThanOrEqual(
        2e-6 * Math.max(1, Math.abs(value)),
      );
    }
    dispose(x, w, y);
  });

  it('are refused where there are none, or bounds are not in order', () => {
    expect(() => planActivation({ lower: 1, upper: 0 })).toThrow(InvalidInput);
    expect(() => planActivation({ lower: Number.NaN, upper: 0 })).toThrow(InvalidInput);
    expect(() => planActivation('swish' as Activation)).toThrow('there is no activation "swish"');
  });
});
