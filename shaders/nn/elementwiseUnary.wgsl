// Operations on one operand, four elements at a time: see elementwise.wgsl. A condition chooses the operation.
import package::nn::elementwiseMath::{isNan, isInfinite, infinity, withSign, exponential, exponentialMinusOne, logarithm};
import package::nn::elementwiseMath::{softplus, logistic, hyperbolicTangent, errorFunction, gaussianLinear, roundToHalf, roundToBrain};

fn mapFloat(x: vec4f, alpha: f32, beta: f32) -> vec4f {
  // Whatever the operation, NaN stays NaN.
  return select(mapNumber(x, alpha, beta), x, isNan(x));
}

fn mapNumber(x: vec4f, alpha: f32, beta: f32) -> vec4f {
  @if(neg) return -x;
  @if(abs) return abs(x);
  @if(reciprocal) return 1.0 / x;
  @if(sqrt) return sqrt(x);
  @if(exp) return exponential(x);
  @if(log) return logarithm(x);
  @if(erf) return errorFunction(x);
  @if(sin) return sin(x);
  @if(cos) return cos(x);
  @if(floor) return floor(x);
  @if(ceil) return ceil(x);
  @if(round) return round(x);
  @if(sign) return sign(x);
  @if(relu) return max(x, vec4f(0.0));
  @if(leakyRelu) return select(x, alpha * x, x < vec4f(0.0));
  @if(thresholdedRelu) return select(vec4f(0.0), x, x > vec4f(alpha));
  @if(elu) return select(x, alpha * exponentialMinusOne(x), x < vec4f(0.0));
  @if(celu) return select(x, alpha * exponentialMinusOne(x / alpha), x < vec4f(0.0));
  @if(selu) return beta * select(x, alpha * exponentialMinusOne(x), x <= vec4f(0.0));
  @if(softplus) return softplus(x);
  @if(softsign) return select(x / (1.0 + abs(x)), sign(x), isInfinite(x));
  @if(sigmoid) return logistic(x);
  @if(hardSigmoid) return clamp(alpha * x + beta, vec4f(0.0), vec4f(1.0));
  @if(hardSwish) return x * clamp(x / 6.0 + 0.5, vec4f(0.0), vec4f(1.0));
  @if(swish) return x * logistic(alpha * x);
  @if(tanh) return hyperbolicTangent(x);
  @if(gelu) return gaussianLinear(x);
  @if(geluTanh) return x * logistic(x * (1.5957691 + 0.07135481 * x * x));
  @if(mish) return mish(x);
  @if(clip) return min(max(x, vec4f(alpha)), vec4f(beta));
  @if(linear) return alpha * x + beta;
  @if(half) return roundToHalf(x);
  @if(brain) return roundToBrain(x);
}

// x tanh(ln(1 + e^x)), where the tangent is ((1 + e^x)² - 1) / ((1 + e^x)² + 1).
fn mish(x: vec4f) -> vec4f {
  let growth = exponential(min(x, vec4f(20.0)));
  let both = growth * (growth + 2.0);
  return x * (both / (both + 2.0));
}

// Operations on floats that give integers.
fn classify(x: vec4f, alpha: f32, beta: f32, low: i32, high: i32) -> vec4i {
  @if(nan) return vec4i(isNan(x));
  // Positive infinity counts where beta is not 0, negative where alpha is not 0.
  @if(infinite) return vec4i(isInfinite(x) & select(vec4<bool>(beta != 0.0), vec4<bool>(alpha != 0.0), x < vec4f(0.0)));
  @if(toBool) return vec4i((x != vec4f(0.0)) | isNan(x));
  @if(toInteger) return toInteger(x, low, high);
  @if(toUnsigned) return toUnsigned(x);
}

// Towards 0, saturating; NaN becomes 0.
fn toInteger(x: vec4f, low: i32, high: i32) -> vec4i {
  let inside = vec4i(clamp(x, vec4f(-2147483648.0), vec4f(2147483520.0)));
  let wide = select(inside, vec4i(0x7fffffff), x >= vec4f(2147483648.0));
  return select(clamp(wide, vec4i(low), vec4i(high)), vec4i(0), isNan(x));
}

fn toUnsigned(x: vec4f) -> vec4i {
  let inside = vec4u(clamp(x, vec4f(0.0), vec4f(4294967040.0)));
  return bitcast<vec4i>(select(select(inside, vec4u(0xffffffffu), x >= vec4f(4294967296.0)), vec4u(0u), isNan(x)));
}

fn mapInteger(x: vec4i, low: i32, high: i32) -> vec4i {
  @if(neg) return -x;
  @if(abs) return abs(x);
  @if(sign) return sign(x);
  @if(relu) return max(x, vec4i(0));
  @if(clip) return min(max(x, vec4i(low)), vec4i(high));
  @if(not) return vec4i(x == vec4i(0));
  @if(toBool) return vec4i(x != vec4i(0));
  @if(wrap) return x;
}

fn mapUnsigned(x: vec4u, low: i32, high: i32) -> vec4u {
  @if(clip) return min(max(x, vec4u(u32(low))), vec4u(u32(high)));
  @elif(neg) return vec4u(0u) - x;
  @elif(sign) return min(x, vec4u(1u));
  @else return x;
}
