import package::shared::dispatch::linearWorkgroup;
@if(float) import package::shared::exactFloat::scaleInteger;
@if(!float) import package::shared::requantize::scaleHalfEven;
@if(gemmlowp) import package::shared::wide::umul64;

// Integer sums to 8-bit results: round(sum * factor) + zeroPoint, within bounds, with the factor as a 31-bit multiplier
// and a shift. Integers only. Conditions: gemmlowp, for its two roundings (a doubling high product with ties towards +∞,
// then a shift with ties away from zero); float, for those of float32 before the one half to even, as ONNX Runtime has them;
// else one rounding, half to even.
//
// sums: [rows][N] i32. multipliers: [N] of (multiplier, shift), factor = multiplier * 2^-shift, or with `float` of (bits of
// the factor as f32, anything). y: [rows][N] bytes, rows
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
fn scaleGemmlowp(sum: i32, multiplier: i32, shift: i32) -> i32 {
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
      let sum = sums[uniforms.sumStart + row * uniforms.columnCount + column];
      @if(gemmlowp) let value = scaleGemmlowp(sum, factor.x, factor.y);
      @if(float) let value = i32(round(clamp(bitcast<f32>(scaleInteger(sum, u32(factor.x))), -0x1p16, 0x1p16)));
      @if(!gemmlowp && !float) let value = scaleHalfEven(sum, factor.x, factor.y);
      // Far from the ends of i32, so that the zero point cannot overflow.
      let code = clamp(clamp(value, -0x10000, 0x10000) + uniforms.zeroPoint, uniforms.low, uniforms.high);
      word |= (u32(code) & 0xffu) << (byte * 8u);
    }
  }
  y[uniforms.yStart + index] = word;
}
