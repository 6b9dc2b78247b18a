// The code of one number, bit for bit as ONNX Runtime computes it: saturate(round(fround(x / scale)) + zeroPoint), where
// fround is IEEE 754's division and round is nearest-even or floor. The same on every adapter, although WGSL's division
// is only good to 2.5 units in the last place and denormals may be flushed: the quotient that the shader computes from
// whole-number operands is a candidate, and only within 2^-20 of a point where the code changes are the exact integers
// compared, in 32 bits: they may wrap around, but their difference is small there.
import package::shared::exactFloat::magnitudeOf;

fn powerOfTwo(exponent: i32) -> f32 {
  return bitcast<f32>(u32(exponent + 127) << 23u);
}

struct Ratio {
  // |x| / scale, to within some units in the last place; clamped far outside of any range of codes.
  quotient: f32,
  significand: u32,
  divisor: u32,
  // |x| / scale = significand * 2^exponent / divisor.
  exponent: i32,
}

fn ratioOf(x: u32, scale: u32) -> Ratio {
  let numerator = magnitudeOf(x);
  let denominator = magnitudeOf(scale);
  let exponent = numerator.exponent - denominator.exponent;
  let quotient = (f32(numerator.significand) / f32(denominator.significand)) * powerOfTwo(clamp(exponent, -60, 60));
  return Ratio(quotient, numerator.significand, denominator.significand, exponent);
}

// The sign of fround(|x| / scale) - halves / 2.
fn compareHalves(ratio: Ratio, halves: u32) -> i32 {
  let distance = ratio.quotient - 0.5 * f32(halves);
  // 2|x| and halves * scale as integers over the same power of two.
  let exponent = ratio.exponent + 1;
  let left = select(ratio.significand << u32(clamp(exponent, 0, 31)), 0u, exponent > 31);
  let right = u32(clamp(-exponent, 0, 31));
  let difference = bitcast<i32>(left - ((halves * ratio.divisor) << right));
  // The division gives halves / 2 itself for all that is within half a unit in its last place, ends included: it is even.
  // Below a power of two that unit is half as large.
  let belowPower = difference < 0 && countOneBits(halves) == 1u;
  let tolerance = (ratio.divisor << right) >> (countLeadingZeros(halves) - 7u + select(0u, 1u, belowPower));
  let exact = select(sign(difference), 0, u32(abs(difference)) <= tolerance);
  let near = abs(distance) <= (ratio.quotient + 1.0) * 0x1p-20;
  return select(select(-1, 1, distance > 0.0), exact, near);
}

// Steps of `scale` in |x|, rounded half to even, `limit` at most.
fn nearestSteps(x: u32, scale: u32, limit: u32) -> u32 {
  let ratio = ratioOf(x, scale);
  let below = u32(min(ratio.quotient, f32(limit) + 1.0));
  let order = compareHalves(ratio, 2u * below + 1u);
  let up = order > 0 || (order == 0 && (below & 1u) == 1u);
  return min(below + select(0u, 1u, up), limit);
}

// True where fround(|x| / scale) is 0 although x is not: at most half the least float, 2^-150.
fn underflows(ratio: Ratio) -> bool {
  let shift = ratio.exponent + 150;
  let left = u32(clamp(shift, 0, 31));
  let right = u32(clamp(-shift, 0, 31));
  return ((ratio.significand + (1u << right) - 1u) >> right) <= (ratio.divisor >> left);
}

// Steps of `scale` in |x| where the signed quotient is rounded down: away from zero for negative x.
fn floorSteps(x: u32, scale: u32, limit: u32) -> u32 {
  let ratio = ratioOf(x, scale);
  let negative = (x >> 31u) == 1u;
  let nearest = u32(min(ratio.quotient + 0.5, f32(limit) + 1.0));
  if (nearest == 0u) {
    return select(0u, min(1u, limit), negative && !underflows(ratio));
  }
  let order = compareHalves(ratio, 2u * nearest);
  let steps = select(nearest - select(0u, 1u, order < 0), nearest + select(0u, 1u, order > 0), negative);
  return min(steps, limit);
}

// The code of a finite x, all as bit patterns; scale is finite and above 0, low <= zeroPoint <= high.
fn quantizeExactly(x: u32, scale: u32, zeroPoint: i32, low: i32, high: i32) -> i32 {
  let negative = (x >> 31u) == 1u;
  let limit = u32(max(select(high - zeroPoint, zeroPoint - low, negative), 0));
  @if(floor) let steps = floorSteps(x, scale, limit);
  @else let steps = nearestSteps(x, scale, limit);
  return clamp(zeroPoint + select(i32(steps), -i32(steps), negative), low, high);
}
