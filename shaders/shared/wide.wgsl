// Unsigned 64-bit integers as vec2u(low, high). Sums, differences and shifts wrap around at 2^64, so that two's
// complement numbers may be added and subtracted as well.

// The whole product of two 32-bit factors.
fn umul64(a: u32, b: u32) -> vec2u {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let low = aLow * bLow;
  let middle = aHigh * bLow + (low >> 16u);
  let carried = aLow * bHigh + (middle & 0xffffu);
  return vec2u((carried << 16u) | (low & 0xffffu), aHigh * bHigh + (middle >> 16u) + (carried >> 16u));
}

fn add64(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn sub64(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

// -1, 0 or 1 for a < b, a = b, a > b.
fn compare64(a: vec2u, b: vec2u) -> i32 {
  let less = a.y < b.y || (a.y == b.y && a.x < b.x);
  return select(select(1, 0, all(a == b)), -1, less);
}

// Shifts by any count; by 64 and more gives 0.
fn shiftLeft64(a: vec2u, count: u32) -> vec2u {
  if (count >= 64u) { return vec2u(0u); }
  if (count >= 32u) { return vec2u(0u, a.x << (count - 32u)); }
  // Shifting by 32 is not defined: in two steps, of which the first is at most 31.
  return vec2u(a.x << count, (a.y << count) | ((a.x >> 1u) >> (31u - count)));
}

fn shiftRight64(a: vec2u, count: u32) -> vec2u {
  if (count >= 64u) { return vec2u(0u); }
  if (count >= 32u) { return vec2u(a.y >> (count - 32u), 0u); }
  return vec2u((a.x >> count) | ((a.y << 1u) << (31u - count)), a.y >> count);
}

// Zeros above the highest one bit; 64 for zero.
fn countLeadingZeros64(a: vec2u) -> u32 {
  return select(countLeadingZeros(a.y), 32u + countLeadingZeros(a.x), a.y == 0u);
}

// The floor of dividend / divisor and the remainder, by long division. The divisor is not 0.
struct Division64 { quotient: vec2u, remainder: u32 }
fn divide64(dividend: vec2u, divisor: u32) -> Division64 {
  var quotient = vec2u(0u);
  var remainder = 0u;
  for (var step = 0u; step < 64u; step++) {
    let bit = 63u - step;
    let carry = remainder >> 31u;
    let word = select(dividend.x, dividend.y, bit >= 32u);
    remainder = (remainder << 1u) | ((word >> (bit % 32u)) & 1u);
    quotient = shiftLeft64(quotient, 1u);
    if (carry == 1u || remainder >= divisor) {
      remainder -= divisor;
      quotient.x |= 1u;
    }
  }
  return Division64(quotient, remainder);
}
