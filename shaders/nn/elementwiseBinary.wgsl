// Operations on two operands, four elements at a time: see elementwise.wgsl. A condition chooses the operation.
import package::nn::elementwiseMath::{isNan, power, remainder};

fn combineFloat(a: vec4f, b: vec4f) -> vec4f {
  @if(add) return a + b;
  @if(sub) return a - b;
  @if(mul) return a * b;
  @if(div) return a / b;
  @if(pow) return power(a, b);
  @if(truncatedMod) return remainder(a, b);
  @if(min) return select(select(min(a, b), b, isNan(b)), a, isNan(a));
  @if(max) return select(select(max(a, b), b, isNan(b)), a, isNan(a));
  @if(prelu) return select(select(a, a * b, a < vec4f(0.0)), a, isNan(a));
}

fn compareFloat(a: vec4f, b: vec4f) -> vec4i {
  let ordered = !(isNan(a) | isNan(b));
  @if(equal) return vec4i((a == b) & ordered);
  @if(less) return vec4i((a < b) & ordered);
  @if(lessOrEqual) return vec4i((a <= b) & ordered);
}

fn combineInteger(a: vec4i, b: vec4i) -> vec4i {
  @if(add) return a + b;
  @if(sub) return a - b;
  @if(mul) return a * b;
  @if(div) return a / b;
  @if(truncatedMod) return a % b;
  // With the sign of the divisor.
  @if(floorMod) {
    let rest = a % b;
    return select(rest, rest + b, (rest != vec4i(0)) & ((rest ^ b) < vec4i(0)));
  }
  @if(pow) return vec4i(integerPower(a.x, b.x).value, integerPower(a.y, b.y).value, integerPower(a.z, b.z).value, integerPower(a.w, b.w).value);
  @if(min) return min(a, b);
  @if(max) return max(a, b);
  @if(prelu) return select(a, a * b, a < vec4i(0));
  @if(equal) return vec4i(a == b);
  @if(less) return vec4i(a < b);
  @if(lessOrEqual) return vec4i(a <= b);
  @if(and) return vec4i((a != vec4i(0)) & (b != vec4i(0)));
  @if(or) return vec4i((a != vec4i(0)) | (b != vec4i(0)));
  @if(xor) return vec4i((a != vec4i(0)) != (b != vec4i(0)));
}

fn combineUnsigned(a: vec4u, b: vec4u) -> vec4u {
  @if(add) return a + b;
  @if(sub) return a - b;
  @if(mul) return a * b;
  @if(div) return a / b;
  @if(truncatedMod || floorMod) return a % b;
  @if(pow) return bitcast<vec4u>(combineInteger(bitcast<vec4i>(a), bitcast<vec4i>(b)));
  @if(min) return min(a, b);
  @if(max) return max(a, b);
  @if(prelu) return a;
  @if(equal) return vec4u(a == b);
  @if(less) return vec4u(a < b);
  @if(lessOrEqual) return vec4u(a <= b);
}

// True where the result of combineInteger is not what it is among all integers.
fn overflows(a: vec4i, b: vec4i, result: vec4i) -> vec4<bool> {
  @if(add) return ((a ^ result) & (b ^ result)) < vec4i(0);
  @if(sub) return ((a ^ b) & (a ^ result)) < vec4i(0);
  @if(div) return (a == vec4i(-0x7fffffff - 1)) & (b == vec4i(-1));
  @if(mul) return vec4<bool>(productOverflows(a.x, b.x), productOverflows(a.y, b.y), productOverflows(a.z, b.z), productOverflows(a.w, b.w));
  @if(pow) return vec4<bool>(integerPower(a.x, b.x).overflows, integerPower(a.y, b.y).overflows, integerPower(a.z, b.z).overflows, integerPower(a.w, b.w).overflows);
}

@if(mul || pow)
fn productOverflows(a: i32, b: i32) -> bool {
  let minimum = -0x7fffffff - 1;
  if (a == 0 || b == 0) { return false; }
  if (a == -1 || b == -1) { return a == minimum || b == minimum; }
  return (a * b) / b != a;
}

@if(pow)
struct IntegerPower { value: i32, overflows: bool }

// a^b by squaring, wrapping around. A negative exponent gives the whole part of the fraction.
@if(pow)
fn integerPower(a: i32, b: i32) -> IntegerPower {
  if (b < 0) {
    let odd = (b & 1) == 1;
    return IntegerPower(select(select(0, select(1, -1, odd), a == -1), 1, a == 1), false);
  }
  var result = IntegerPower(1, false);
  var factor = a;
  var factorOverflows = false;
  var rest = u32(b);
  for (var n = 0u; n < 32u; n++) {
    if (rest == 0u) { break; }
    if ((rest & 1u) == 1u) {
      result.overflows = result.overflows || factorOverflows || productOverflows(result.value, factor);
      result.value *= factor;
    }
    factorOverflows = factorOverflows || productOverflows(factor, factor);
    factor *= factor;
    rest >>= 1u;
  }
  return result;
}
