import type { Curve } from '../../src/base/curve.ts';

/** Φ by Simpson's rule over [0, |x|], which is exact to about 1e-12. */
function normalDistribution(x: number): number {
  const size = Math.min(Math.abs(x), 40);
  const steps = 4000;
  const width = size / steps;
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(size);
  for (let step = 1; step < steps; step++) sum += density(step * width) * (step % 2 === 0 ? 2 : 4);
  const area = Math.min(0.5, (sum * width) / 3);
  return x < 0 ? 0.5 - area : 0.5 + area;
}

/** A curve at one place, in float64, as its definition says. */
export function curveValue(curve: Curve, x: number): number {
  const inner = curve.slope * x + curve.offset;
  let outer = Math.min(Math.max(inner, curve.lower), curve.upper);
  if (curve.kind === 'logistic') outer = 1 / (1 + Math.exp(-inner));
  if (curve.kind === 'tangent') outer = Math.tanh(inner);
  if (curve.kind === 'normal') outer = normalDistribution(inner);
  return curve.scale * outer * (curve.gated ? x : 1) + curve.shift;
}

/** The sum of the magnitudes of what is added up in a curve: its rounding is a few 2⁻²⁴ of this. */
export function curveMagnitude(curve: Curve, x: number): number {
  const inner = Math.abs(curve.slope * x) + Math.abs(curve.offset) + 1;
  return Math.abs(curve.scale) * inner * (curve.gated ? Math.abs(x) : 1) + Math.abs(curve.shift);
}

/** A curve of each kind, with all of its numbers in use. */
export const curves: readonly Curve[] = [
  { kind: 'bounds', slope: 0.7, offset: 0.2, lower: -0.4, upper: 1.5, gated: false, scale: 1.25, shift: -0.5 },
  { kind: 'bounds', slope: 1, offset: 3, lower: 0, upper: 6, gated: true, scale: 1 / 6, shift: 0.125 },
  { kind: 'logistic', slope: -1.5, offset: 0.3, lower: 0, upper: 0, gated: true, scale: 2, shift: 1 },
  { kind: 'tangent', slope: 0.9, offset: -0.1, lower: 0, upper: 0, gated: false, scale: -3, shift: 0.5 },
  { kind: 'normal', slope: 1.1, offset: 0.05, lower: 0, upper: 0, gated: true, scale: 1, shift: 0 },
];
