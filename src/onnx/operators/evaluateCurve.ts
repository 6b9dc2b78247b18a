import type { Curve } from '../../base/curve.ts';
import { errorFunction } from './errorFunction.ts';

/** A curve as a function in float64. */
export function evaluateCurve({
  kind,
  slope,
  offset,
  lower,
  upper,
  gated,
  scale,
  shift,
}: Curve): (x: number) => number {
  const outer = {
    bounds: (z: number) => Math.min(Math.max(z, lower), upper),
    logistic: (z: number) => 1 / (1 + Math.exp(-z)),
    tangent: Math.tanh,
    normal: (z: number) => 0.5 * (1 + errorFunction(z / Math.SQRT2)),
  }[kind];
  return (x) => scale * outer(slope * x + offset) * (gated ? x : 1) + shift;
}
