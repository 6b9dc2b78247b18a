// Integer sums times a factor, in integers alone, so that results are the same on every adapter.
import package::shared::wide::umul64;

// sum * multiplier * 2^-shift for a multiplier below 2^31, rounded half to even. Results beyond i32 are its ends or near them.
fn scaleHalfEven(sum: i32, multiplier: i32, shift: i32) -> i32 {
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

// Four sums times a factor (multiplier, shift), plus a zero point, as the bytes of a word: from `lowest` to 255 above.
fn scaledBytesHalfEven(sums: vec4i, factor: vec2i, zeroPoint: i32, lowest: i32) -> u32 {
  var packed = 0u;
  for (var n = 0u; n < 4u; n++) {
    let scaled = clamp(scaleHalfEven(sums[n], factor.x, factor.y), -0x10000, 0x10000);
    let code = clamp(scaled + zeroPoint, lowest, lowest + 255);
    packed |= (u32(code) & 0xffu) << (8u * n);
  }
  return packed;
}
