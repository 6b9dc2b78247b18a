import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::umul64;

// Integer sums to 8-bit results: round(sum * factor) + zeroPoint, within bounds, with the factor as a 31-bit multiplier
// and a shift. Integers only. Conditions: gemmlowp, for its two roundings (a doubling high product with ties towards +∞,
// then a shift with ties away from zero); else one rounding, half to even.
//
// sums: [rows][N] i32. multipliers: [N] of (multiplier, shift), factor = multiplier * 2^-shift. y: [rows][N] bytes, rows
// padded with zeros to 16 bytes. Dispatch: one invocation a word of y, from word `start` on.

struct Uniforms {
  start: u32,
  end: u32,
  columnCount: u32,
  rowWords: u32,
  sumStart: u32,
  yStart: u32,
  // Bounds of the result, activation included.
  low: i32,
  high: i32,
  zeroPoint: i32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> sums: array<i32>;
@group(0) @binding(2) var<storage, read> multipliers: array<vec2i>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

// The 31 bits from bit 31 up of |a| * |b| * 2, rounded; as gemmlowp's SaturatingRoundingDoublingHighMul.
@if(gemmlowp)
fn doublingHighProduct(a: i32, b: i32) -> i32 {
  let isNegative = (a ^ b) < 0;
  let product = umul64(u32(abs(a)), u32(abs(b)));
  let nudge = select(0x40000000u, 0x3fffffffu, isNegative && any(product != vec2u()));
  let low = product.x + nudge;
  let high = product.y + select(0u, 1u, low < product.x);
  let rounded = (high << 1u) | (low >> 31u);
  return select(i32(rounded), -i32(rounded), isNegative);
}

@if(gemmlowp)
fn scaled(sum: i32, multiplier: i32, shift: i32) -> i32 {
  // The shift counts from the multiplier as an integer, gemmlowp's from it as a fraction of 2^31.
  let left = u32(clamp(31 - shift, 0, 31));
  // Beyond this shift the result is less than a half.
  if (shift > 62) {
    return 0;
  }
  let right = u32(max(shift - 31, 0));
  // gemmlowp leaves an overflow of this shift undefined; any factor with one gives a saturated result.
  let limit = 0x7fffffff >> left;
  let product = doublingHighProduct(clamp(sum, -limit, limit) << left, multiplier);
  let mask = i32((1u << right) - 1u);
  let threshold = (mask >> 1u) + select(0, 1, product < 0);
  return (product >> right) + select(0, 1, (product & mask) > threshold);
}

@if(!gemmlowp)
fn scaled(sum: i32, multiplier: i32, shift: i32) -> i32 {
  let size = u32(abs(sum));
  if (shift <= 0) {
    // A factor of 2^30 and more: whatever is not 0 is out of bounds.
    return select(0, select(0x7fffffff, -0x7fffffff, sum < 0), size != 0u);
  }
  let product = umul64(size, u32(multiplier));
  // Below 2^62, so that from there on it is less than a half.
  if (shift > 63) {
    return 0;
  }
  let count = u32(shift);
  var whole = 0u;
  var rest = vec2u();
  if (count >= 32u) {
    let over = count - 32u;
    whole = product.y >> over;
    let above = select((product.y << ((32u - over) % 32u)) | (product.x >> over), product.x, over == 0u);
    rest = vec2u(select(product.x << ((32u - over) % 32u), 0u, over == 0u), above);
  } else {
    // A result beyond i32 is beyond 8 bits all the same.
    let isHuge = (product.y >> (count - 1u)) != 0u;
    whole = select((product.y << (32u - count)) | (product.x >> count), 0x7ffffffeu, isHuge);
    rest = vec2u(0u, product.x << (32u - count));
  }
  let isHalf = rest.y == 0x80000000u && rest.x == 0u;
  whole += select(0u, 1u, select(rest.y >= 0x80000000u, (whole & 1u) == 1u, isHalf));
  let rounded = i32(min(whole, 0x7fffffffu));
  return select(rounded, -rounded, sum < 0);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + lane;
  if (index >= uniforms.end) {
    return;
  }
  let row = index / uniforms.rowWords;
  let firstColumn = index % uniforms.rowWords * 4u;
  var word = 0u;
  for (var byte = 0u; byte < 4u; byte++) {
    let column = firstColumn + byte;
    if (column < uniforms.columnCount) {
      let factor = multipliers[column];
      let value = scaled(sums[uniforms.sumStart + row * uniforms.columnCount + column], factor.x, factor.y);
      // Far from the ends of i32, so that the zero point cannot overflow.
      let code = clamp(clamp(value, -0x10000, 0x10000) + uniforms.zeroPoint, uniforms.low, uniforms.high);
      word |= (u32(code) & 0xffu) << (byte * 8u);
    }
  }
  y[uniforms.yStart + index] = word;
}
