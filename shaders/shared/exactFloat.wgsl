// float32 arithmetic in integers, on bit patterns. WGSL's own may flush denormals, divides within 2.5 units in the last
// place and leaves the rounding mode open; these give IEEE 754's nearest-even result on every adapter.
import package::shared::wide::umul64;

const infinityBits = 0x7f800000u;
const largestBits = 0x7f7fffffu;
const magnitudeMask = 0x7fffffffu;

// significand * 2^exponent, with a significand below 2^24 that has no leading one where the number is denormal.
struct Magnitude { significand: u32, exponent: i32 }

// The absolute value of a finite float.
fn magnitudeOf(bits: u32) -> Magnitude {
  let field = (bits >> 23u) & 0xffu;
  let leading = select(0x800000u, 0u, field == 0u);
  return Magnitude((bits & 0x7fffffu) | leading, i32(max(field, 1u)) - 150);
}

// The same with a leading one in every significand but 0's.
fn normalMagnitudeOf(bits: u32) -> Magnitude {
  let magnitude = magnitudeOf(bits);
  let shift = countLeadingZeros(magnitude.significand | 1u) - 8u;
  return Magnitude(magnitude.significand << shift, magnitude.exponent - i32(shift));
}

// The float nearest to (significand + rest) * 2^exponent, where 0 <= rest < 1 and `inexact` says that rest is not 0. An
// inexact significand has at least 25 bits. Beyond the largest float it is infinity.
fn roundToFloat(significand: u32, exponent: i32, inexact: bool) -> u32 {
  let zeros = countLeadingZeros(significand);
  let top = significand << (zeros % 32u);
  let normal = exponent - i32(zeros) + 8;
  if (normal >= -149 && normal <= 103 && significand != 0u) {
    let rest = top << 24u;
    let up = select(rest > 0x80000000u, inexact || (top & 0x100u) != 0u, rest == 0x80000000u);
    return (u32(normal + 149) << 23u) + (top >> 8u) + select(0u, 1u, up);
  }
  // Denormals, infinity and 0.
  let kept = max(normal, -149);
  let dropped = u32(min(8 + kept - normal, 33));
  let high = select(top >> (dropped % 32u), 0u, dropped >= 32u);
  var rest = select(top << ((32u - dropped) % 32u), top, dropped == 32u);
  rest = select(rest, 0u, dropped > 32u);
  let up = select(rest > 0x80000000u, inexact || (high & 1u) == 1u, rest == 0x80000000u);
  // A carry out of the significand goes on into the exponent, as it should.
  let bits = (u32(clamp(kept + 149, 0, 254)) << 23u) + high + select(0u, 1u, up);
  return select(select(min(bits, infinityBits), infinityBits, kept > 104), 0u, significand == 0u);
}

// a + b for finite a, b >= 0, times 2^shift without overflow in between.
fn addFloats(a: u32, b: u32, shift: i32) -> u32 {
  let large = normalMagnitudeOf(max(a, b));
  let small = normalMagnitudeOf(min(a, b));
  if (small.significand == 0u) { return roundToFloat(large.significand, large.exponent + shift, false); }
  let distance = u32(large.exponent - small.exponent);
  let aligned = small.significand << 7u;
  let moved = select(aligned >> (distance % 32u), 0u, distance >= 32u);
  let lost = select(aligned & ((1u << (distance % 32u)) - 1u), aligned, distance >= 32u);
  return roundToFloat((large.significand << 7u) + moved, large.exponent - 7 + shift, lost != 0u);
}

// a / b for finite a >= 0 and b > 0.
fn divideFloats(a: u32, b: u32) -> u32 {
  let dividend = normalMagnitudeOf(a);
  let divisor = normalMagnitudeOf(b);
  var remainder = dividend.significand;
  var quotient = 0u;
  for (var step = 0u; step < 26u; step++) {
    quotient <<= 1u;
    if (remainder >= divisor.significand) {
      remainder -= divisor.significand;
      quotient |= 1u;
    }
    remainder <<= 1u;
  }
  return roundToFloat(quotient, dividend.exponent - divisor.exponent - 25, remainder != 0u);
}

// The product of two magnitudes, of which one is 0 or has a leading one.
fn multiplyMagnitudes(a: Magnitude, b: Magnitude) -> u32 {
  let product = umul64(a.significand, b.significand);
  // Up to 48 bits: the upper 32, with at least 25 of them significant, and whether there is more below.
  let shift = select(0u, 32u - countLeadingZeros(product.y), product.y != 0u);
  let significand = (product.x >> shift) | select(0u, product.y << ((32u - shift) % 32u), shift != 0u);
  let lost = (product.x & ((1u << shift) - 1u)) != 0u;
  return roundToFloat(significand, a.exponent + b.exponent + i32(shift), lost);
}

// a * b for finite a, b >= 0.
fn multiplyFloats(a: u32, b: u32) -> u32 {
  return multiplyMagnitudes(normalMagnitudeOf(a), magnitudeOf(b));
}

// factor * b for an integer and a finite b >= 0, with the integer first rounded to a float itself.
fn scaleInteger(factor: i32, b: u32) -> u32 {
  let integer = normalMagnitudeOf(roundToFloat(u32(abs(factor)), 0, false));
  return multiplyMagnitudes(integer, magnitudeOf(b)) | select(0u, 0x80000000u, factor < 0);
}

// factor * b for an integer below 2^8 in magnitude and a finite b >= 0.
fn scaleSmallInteger(factor: i32, b: u32) -> u32 {
  let magnitude = magnitudeOf(b);
  let bits = roundToFloat(u32(abs(factor)) * magnitude.significand, magnitude.exponent, false);
  return bits | select(0u, 0x80000000u, factor < 0);
}

// An unsigned integer in the order of the floats that the bits stand for, -0 before 0.
fn orderedFromBits(bits: u32) -> u32 {
  return bits ^ select(0x80000000u, 0xffffffffu, (bits >> 31u) == 1u);
}

fn bitsFromOrdered(ordered: u32) -> u32 {
  return ordered ^ select(0xffffffffu, 0x80000000u, (ordered >> 31u) == 1u);
}
