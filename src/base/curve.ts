/**
 * A function of one number as the epilogues of kernels compute it: y = scale · g(slope · x + offset) · (x if gated, else 1)
 * + shift. It takes in the activations of most models, with a linear function before them or after them.
 */
export interface Curve {
  /** g: bounds to [lower, upper], 1 / (1 + e⁻ᶻ), tanh z, or the distribution function of the normal distribution. */
  readonly kind: 'bounds' | 'logistic' | 'tangent' | 'normal';
  readonly slope: number;
  readonly offset: number;
  /** Bounds of `bounds`, infinite where there are none. */
  readonly lower: number;
  readonly upper: number;
  /** True where the result is multiplied by x. */
  readonly gated: boolean;
  readonly scale: number;
  readonly shift: number;
}

/** The curve that changes nothing. */
export const identityCurve: Curve = {
  kind: 'bounds',
  slope: 1,
  offset: 0,
  lower: Number.NEGATIVE_INFINITY,
  upper: Number.POSITIVE_INFINITY,
  gated: false,
  scale: 1,
  shift: 0,
};

/** The fields of `curveUniforms`, in the order of the WGSL structs. */
export const curveFields = {
  curveSlope: 'f32',
  curveOffset: 'f32',
  curveLower: 'f32',
  curveUpper: 'f32',
  curveScale: 'f32',
  curveShift: 'f32',
  curveGated: 'u32',
} as const;

/** A curve as the uniforms of a kernel. */
export function curveUniforms({ slope, offset, lower, upper, gated, scale, shift }: Curve) {
  return {
    curveSlope: slope,
    curveOffset: offset,
    curveLower: lower,
    curveUpper: upper,
    curveScale: scale,
    curveShift: shift,
    curveGated: gated ? 1 : 0,
  };
}

/** The conditions of `shaders/shared/curve.wgsl`. */
export function curveConditions({ kind }: Curve): Readonly<Record<string, boolean>> {
  return { logistic: kind === 'logistic', tangent: kind === 'tangent', normal: kind === 'normal' };
}

/** A curve in a few words, for explanations. */
export function describeCurve(curve: Curve): string {
  const { kind, slope, offset, lower, upper, gated, scale, shift } = curve;
  const inner = `${rounded(slope)}·x + ${rounded(offset)}`;
  const bounds = kind === 'bounds' ? ` in [${lower}, ${upper}]` : '';
  return `${rounded(scale)}${gated ? '·x' : ''} · ${kind}(${inner})${bounds} + ${rounded(shift)}`;
}

const rounded = (value: number): string => String(Number(value.toPrecision(4)));
