import { expect, it } from 'vitest';
import { identityCurve } from '../../src/base/curve.ts';
import { applyCurve } from '../../src/nn/curve.ts';
import { curveMagnitude, curves, curveValue } from '../reference/curve.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

it.each(curves)('$kind, gated $gated, is within rounding of float64', async (curve) => {
  const engine = await open();
  const random = createRandom(7);
  for (const count of [0, 1, 3, 261]) {
    const xs = random.normalArray(count).map((value) => 3 * value);
    using x = engine.tensor(xs, [count]);
    using y = applyCurve(engine, x, curve);
    const found = await y.read();
    expect(found).toHaveLength(count);
    for (const [index, value] of xs.entries()) {
      const error = Math.abs((found[index] ?? Number.NaN) - curveValue(curve, value));
      expect(error).toBeLessThanOrEqual(1e-6 * curveMagnitude(curve, value));
    }
  }
});

it('bounds keep NaN and pass infinities', async () => {
  const engine = await open();
  const values = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5);
  using x = engine.tensor(values, [2, 2]);
  using same = applyCurve(engine, x, identityCurve);
  using positive = applyCurve(engine, x, { ...identityCurve, lower: 0 });
  expect(Array.from(await same.read())).toEqual([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5]);
  expect(Array.from(await positive.read())).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 0, 0]);
  expect(same.shape).toEqual([2, 2]);
});
