// Squared distances and roundings in integers: the same bits on every adapter. A coordinate is below 1 in magnitude and is
// taken as a whole number of steps of 2^-fraction, towards zero; `fraction` is at most 60 and such that the sum of the
// squares of all columns stays below 2^128.
import package::shared::exactFloat::roundToFloat;
import package::shared::wide::add64;
import package::shared::wide::compare64;
import package::shared::wide::countLeadingZeros64;
import package::shared::wide::shiftLeft64;
import package::shared::wide::shiftRight64;
import package::shared::wide::sub64;
import package::shared::wide::umul64;

// value / 2^-fraction in two's complement. Denormals count as 0: adapters may flush them.
fn fixedPoint(value: f32, fraction: i32) -> vec2u {
  let bits = bitcast<u32>(value);
  let field = (bits >> 23u) & 0xffu;
  let significand = vec2u(select((bits & 0x7fffffu) | 0x800000u, 0u, field == 0u), 0u);
  let shift = i32(field) - 150 + fraction;
  // A negative count, seen as unsigned, shifts everything out.
  let magnitude = select(shiftRight64(significand, u32(-shift)), shiftLeft64(significand, u32(shift)), shift >= 0);
  return select(magnitude, sub64(vec2u(0u), magnitude), (bits >> 31u) == 1u);
}

fn magnitude64(value: vec2u) -> vec2u {
  return select(value, sub64(vec2u(0u), value), (value.y >> 31u) == 1u);
}

// (a - b)^2 in steps of 2^(-2 fraction), 128 bits.
fn squaredDifference(a: f32, b: f32, fraction: i32) -> vec4u {
  let difference = magnitude64(sub64(fixedPoint(a, fraction), fixedPoint(b, fraction)));
  let low = umul64(difference.x, difference.x);
  let cross = shiftLeft64(umul64(difference.x, difference.y), 1u);
  let middle = add64(vec2u(low.y, 0u), cross);
  let high = add64(umul64(difference.y, difference.y), vec2u(middle.y, 0u));
  return vec4u(low.x, middle.x, high.x, high.y);
}

fn add128(a: vec4u, b: vec4u) -> vec4u {
  let low = add64(a.xy, b.xy);
  let carry = select(0u, 1u, compare64(low, a.xy) < 0);
  return vec4u(low, add64(add64(a.zw, b.zw), vec2u(carry, 0u)));
}

fn less128(a: vec4u, b: vec4u) -> bool {
  let high = compare64(a.zw, b.zw);
  return high < 0 || (high == 0 && compare64(a.xy, b.xy) < 0);
}

// The float nearest to ±(magnitude + rest) * 2^exponent, where 0 <= rest < 1 and `inexact` says that rest is not 0; an
// inexact magnitude has at least 25 bits.
fn floatOf(magnitude: vec2u, exponent: i32, inexact: bool, negative: bool) -> f32 {
  let dropped = 32u - min(countLeadingZeros64(magnitude), 32u);
  let kept = shiftRight64(magnitude, dropped);
  let lost = any(shiftLeft64(kept, dropped) != magnitude);
  let bits = roundToFloat(kept.x, exponent + i32(dropped), inexact || lost);
  return bitcast<f32>(bits | select(0u, 0x80000000u, negative && bits != 0u));
}
