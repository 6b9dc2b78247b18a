// A function of one number, four at a time, as the epilogues of kernels apply it:
// y = scale · g(slope · x + offset) · (x where gated, else 1) + shift.
//
// Conditions, at most one: logistic, tangent, normal (see src/base/curve.ts); without one, g bounds to [lower, upper].
// NaN stays NaN.
import package::nn::elementwiseMath::{isNan, logistic, hyperbolicTangent, normalDistribution};

struct Curve {
  slope: f32,
  offset: f32,
  lower: f32,
  upper: f32,
  scale: f32,
  shift: f32,
  gated: u32,
}

fn curveAt(x: vec4f, curve: Curve) -> vec4f {
  let inner = curve.slope * x + curve.offset;
  @if(logistic) let outer = logistic(inner);
  @elif(tangent) let outer = hyperbolicTangent(inner);
  @elif(normal) let outer = normalDistribution(inner);
  @else let outer = min(max(inner, vec4f(curve.lower)), vec4f(curve.upper));
  let gate = select(vec4f(1.0), x, curve.gated == 1u);
  return select(curve.scale * (outer * gate) + curve.shift, x, isNan(x));
}
