// Magnitudes of IEEE 754 float64 in integers, rounded to the nearest of 53 bits, ties to even, as a CPU does. The range of
// exponents is unbounded: nothing overflows, and denormals count as 0.
import package::shared::wide::add64;
import package::shared::wide::compare64;
import package::shared::wide::countLeadingZeros64;
import package::shared::wide::shiftLeft64;
import package::shared::wide::shiftRight64;
import package::shared::wide::sub64;
import package::shared::wide::umul64;

// significand * 2^exponent; the significand has its leading one at bit 63 and zeros in its low 11 bits, or is 0.
struct Float64 { significand: vec2u, exponent: i32 }

fn zero64() -> Float64 {
  return Float64(vec2u(0u), -0x10000);
}

// The absolute value of the float64 whose words are (low, high).
fn magnitude64Of(words: vec2u) -> Float64 {
  let field = (words.y >> 20u) & 0x7ffu;
  if (field == 0u) { return zero64(); }
  let significand = vec2u(words.x << 11u, 0x80000000u | (words.y << 11u) | (words.x >> 21u));
  return Float64(significand, i32(field) - 1086);
}

fn isLess64(a: Float64, b: Float64) -> bool {
  return a.exponent < b.exponent || (a.exponent == b.exponent && compare64(a.significand, b.significand) < 0);
}

// The nearest float64 of 64 bits. Their bit 0 also stands for anything below it that is not 0.
fn rounded64(unrounded: Float64) -> Float64 {
  let zeros = countLeadingZeros64(unrounded.significand);
  if (zeros == 64u) { return zero64(); }
  let aligned = shiftLeft64(unrounded.significand, zeros);
  let rest = aligned.x & 0x7ffu;
  let kept = vec2u(aligned.x - rest, aligned.y);
  let up = rest > 0x400u || (rest == 0x400u && (aligned.x & 0x800u) != 0u);
  let moved = add64(kept, vec2u(select(0u, 0x800u, up), 0u));
  // All ones may have been carried up to the next power of two.
  let carried = moved.y == 0u;
  let exponent = unrounded.exponent - i32(zeros) + select(0, 1, carried);
  return Float64(select(moved, vec2u(0u, 0x80000000u), carried), exponent);
}

// a + b, or |a - b|, to be rounded.
fn combine64(a: Float64, b: Float64, subtract: bool) -> Float64 {
  let swap = isLess64(a, b);
  let exponent = select(a.exponent, b.exponent, swap);
  let larger = shiftRight64(select(a.significand, b.significand, swap), 1u);
  let smaller = shiftRight64(select(b.significand, a.significand, swap), 1u);
  let count = u32(exponent - select(b.exponent, a.exponent, swap));
  var moved = shiftRight64(smaller, count);
  if (any(shiftLeft64(moved, count) != smaller)) { moved.x |= 1u; }
  return Float64(select(add64(larger, moved), sub64(larger, moved), subtract), exponent + 1);
}

// a * a, to be rounded.
fn square64(a: Float64) -> Float64 {
  let low = umul64(a.significand.x, a.significand.x);
  let cross = umul64(a.significand.x, a.significand.y);
  let once = add64(vec2u(low.y, 0u), cross);
  let twice = add64(once, cross);
  let carry = select(0u, 1u, compare64(twice, cross) < 0);
  var high = add64(umul64(a.significand.y, a.significand.y), vec2u(twice.y, carry));
  if ((low.x | twice.x) != 0u) { high.x |= 1u; }
  return Float64(high, 2 * a.exponent + 64);
}

// sum + (x - y)^2, each operation rounded; x and y are given as their words.
fn addSquaredDifference64(sum: Float64, x: vec2u, y: vec2u) -> Float64 {
  var result = magnitude64Of(x);
  var other = magnitude64Of(y);
  var subtract = (x.y >> 31u) == (y.y >> 31u);
  // Difference, square and sum in turn: compilers see the code of each once.
  for (var i = 0u; i < 3u; i++) {
    if (i == 1u) { result = square64(result); }
    else { result = combine64(result, other, subtract); }
    result = rounded64(result);
    other = sum;
    subtract = false;
  }
  return result;
}
