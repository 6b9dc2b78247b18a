// Functions of four f32 each, for the places where WGSL's own are undefined (beyond the range of f32, for NaN and infinity)
// or only absolutely accurate (near a zero of the function). Arguments that are NaN give anything: callers keep them.

// By the bits: compilers may assume that there is no NaN.
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

fn isInfinite(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) == vec4u(0x7f800000u);
}

// From variables, because WGSL refuses constant expressions that are not finite.
fn infinity() -> vec4f {
  var bits = vec4u(0x7f800000u);
  return bitcast<vec4f>(bits);
}

fn notANumber() -> vec4f {
  var bits = vec4u(0x7fc00000u);
  return bitcast<vec4f>(bits);
}

// x with the sign bit of `sign`.
fn withSign(x: vec4f, sign: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(x) & vec4u(0x7fffffffu)) | (bitcast<vec4u>(sign) & vec4u(0x80000000u)));
}

// e^x: 0 below -104, infinity from the first float on whose result is beyond f32.
fn exponential(x: vec4f) -> vec4f {
  let inside = exp(clamp(x, vec4f(-87.0), vec4f(88.72283)));
  return select(select(inside, infinity(), x > vec4f(88.72283)), vec4f(0.0), x < vec4f(-87.33));
}

// e^x - 1, by its series near 0.
fn exponentialMinusOne(x: vec4f) -> vec4f {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0)))));
  return select(exponential(x) - 1.0, series, abs(x) < vec4f(0.3));
}

// ln x, by its series near 1; -infinity for 0, NaN below.
fn logarithm(x: vec4f) -> vec4f {
  let ratio = (x - 1.0) / (x + 1.0);
  let square = ratio * ratio;
  let series = 2.0 * ratio * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0))));
  let inside = log(clamp(x, vec4f(1.1754944e-38), vec4f(3.4028234e38)));
  let finite = select(inside, series, abs(x - 1.0) < vec4f(0.35));
  let above = select(finite, x, x > vec4f(3.4028234e38));
  return select(select(above, -infinity(), x == vec4f(0.0)), notANumber(), x < vec4f(0.0));
}

// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|).
fn softplus(x: vec4f) -> vec4f {
  let small = exponential(-abs(x));
  let series = small * (1.0 - small * (0.5 - small * (1.0 / 3.0 - small * 0.25)));
  return max(x, vec4f(0.0)) + select(log(1.0 + small), series, small < vec4f(0.03));
}

// 1 / (1 + e^-x).
fn logistic(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + exponential(-x));
}

// 1 - 2 / (e^2|x| + 1), near 0 by a polynomial.
fn hyperbolicTangent(x: vec4f) -> vec4f {
  let size = min(abs(x), vec4f(20.0));
  let square = size * size;
  let series = -0.33332768 + square * (0.13315247 + square * (-0.052302558 + square * 0.015739441));
  let near = size + size * square * series;
  return withSign(select(1.0 - 2.0 / (exp(2.0 * size) + 1.0), near, size < vec4f(0.55)), x);
}

// erf x for |x| < 0.93, relative error below 1e-6.
fn errorFunctionNear(x: vec4f) -> vec4f {
  let square = x * x;
  let high = 0.112819925 + square * (-0.0267681349 + square * (0.00499119423 - square * 0.000596761703));
  return x + x * (0.128379166 + square * (-0.376125336 + square * high));
}

// 1 - erf x for x >= 0.92 as e^polynomial, absolute error below 1e-7.
fn errorFunctionRest(x: vec4f) -> vec4f {
  let t = min(x, vec4f(10.0));
  let square = t * t;
  let upper = (0.000383197126 - 0.0000172853470 * t) * square + (0.0242546219 - 0.00388396438 * t);
  return exponential(t * (t * (t * (t * upper - 0.106777877) - 0.634846687) - 0.128717512) - t);
}

fn errorFunction(x: vec4f) -> vec4f {
  let size = abs(x);
  return withSign(select(1.0 - errorFunctionRest(size), errorFunctionNear(size), size < vec4f(0.925)), x);
}

// Φ(x), the distribution function of the normal distribution.
fn normalDistribution(x: vec4f) -> vec4f {
  let size = abs(x) * 0.70710678;
  let rest = select(errorFunctionRest(size), 1.0 - errorFunctionNear(size), size < vec4f(0.925));
  return 0.5 * select(rest, 2.0 - rest, x > vec4f(0.0));
}

// x Φ(x).
fn gaussianLinear(x: vec4f) -> vec4f {
  return x * normalDistribution(x);
}

// a^b as IEEE 754 has it; exact for whole exponents of up to 15 where the result is.
fn power(a: vec4f, b: vec4f) -> vec4f {
  let size = abs(a);
  let exponentSize = abs(b);
  let whole = trunc(b) == b;
  let steps = vec4u(min(exponentSize, vec4f(15.0)));
  let square = size * size;
  let fourth = square * square;
  var product = select(vec4f(1.0), size, (steps & vec4u(1u)) != vec4u(0u));
  product *= select(vec4f(1.0), square, (steps & vec4u(2u)) != vec4u(0u));
  product *= select(vec4f(1.0), fourth, (steps & vec4u(4u)) != vec4u(0u));
  product *= select(vec4f(1.0), fourth * fourth, (steps & vec4u(8u)) != vec4u(0u));
  let exact = select(product, 1.0 / product, b < vec4f(0.0));
  let general = exponential(b * logarithm(size));
  var result = select(general, exact, whole & (exponentSize <= vec4f(15.0)));
  // 1 to any power, also to an infinite one.
  result = select(result, vec4f(1.0), size == vec4f(1.0));
  // From 2^24 on all floats are even.
  let odd = whole & (exponentSize < vec4f(16777216.0)) &
    ((vec4u(min(exponentSize, vec4f(16777216.0))) & vec4u(1u)) == vec4u(1u));
  let negative = (bitcast<vec4u>(a) & vec4u(0x80000000u)) != vec4u(0u);
  result = select(result, -result, negative & odd);
  result = select(result, notANumber(), (a < vec4f(0.0)) & !whole & !isInfinite(a));
  result = select(result, notANumber(), isNan(a) | isNan(b));
  return select(result, vec4f(1.0), ((b == vec4f(0.0)) & !isNan(b)) | ((a == vec4f(1.0)) & !isNan(a)));
}

// The remainder of a / b with the sign of a, exactly, by long division.
fn remainder(a: vec4f, b: vec4f) -> vec4f {
  return vec4f(remainderOf(a.x, b.x), remainderOf(a.y, b.y), remainderOf(a.z, b.z), remainderOf(a.w, b.w));
}

fn remainderOf(a: f32, b: f32) -> f32 {
  let divisor = bitcast<u32>(b) & 0x7fffffffu;
  let dividend = bitcast<u32>(a) & 0x7fffffffu;
  if (divisor == 0u || dividend >= 0x7f800000u || divisor > 0x7f800000u) { return notANumber().x; }
  if (divisor == 0x7f800000u) { return a; }
  var rest = bitcast<f32>(dividend);
  // Denormal divisors count as the smallest normal exponent: they cannot be scaled through their bits.
  let divisorExponent = max(divisor >> 23u, 1u);
  var step = i32(dividend >> 23u) - i32(divisorExponent);
  for (var n = 0u; n < 256u; n++) {
    if (step < 0) { break; }
    let scaled = bitcast<f32>(divisor + (u32(step) << 23u));
    if (rest >= scaled) { rest -= scaled; }
    step--;
  }
  return bitcast<f32>(bitcast<u32>(rest) | (bitcast<u32>(a) & 0x80000000u));
}

// The bfloat16 number nearest to x, ties to even: the upper half of its bits.
fn roundToBrain(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let rounded = (bits + 0x7fffu + ((bits >> vec4u(16u)) & vec4u(1u))) & vec4u(0xffff0000u);
  return select(bitcast<vec4f>(rounded), x, isInfinite(x));
}

// The binary16 number nearest to x, ties to even.
fn roundToHalf(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let normal = bitcast<vec4f>((bits + 0xfffu + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u));
  // Below 2^-14 halves are multiples of 2^-24.
  let small = withSign(round(x * 16777216.0) / 16777216.0, x);
  let finite = select(normal, small, abs(x) < vec4f(0.00006103515625));
  return select(finite, withSign(infinity(), x), abs(x) >= vec4f(65520.0));
}
