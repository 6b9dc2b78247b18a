// Dot products of packed signed 8-bit integers: four to a u32 word, the lowest byte first.
//
// Bytes become floats in the top byte of an i32, so 2^24 times as large, which is as exact. They get there by a
// multiplication: SwiftShader does vector shifts one lane after the other (a product of matrices takes twice as long).
const bytePairScale = 0x1p-48f;

const topByte = 0xff000000u;

// The four bytes of a word, signed, times 2^24.
fn scaledBytes(word: u32) -> vec4f {
  return vec4f(
    f32(i32(word * 0x1000000u)),
    f32(i32((word * 0x10000u) & topByte)),
    f32(i32((word * 0x100u) & topByte)),
    f32(i32(word & topByte)),
  );
}

// One word of each of four columns as a matrix: times the four bytes of a row's word it gives the four dot products. The
// bytes are scaled like the row's; the result is to be multiplied by bytePairScale.
fn scaledByteMatrix(words: vec4u) -> mat4x4f {
  return mat4x4f(
    vec4f(vec4i(words * 0x1000000u)),
    vec4f(vec4i((words * 0x10000u) & vec4u(topByte))),
    vec4f(vec4i((words * 0x100u) & vec4u(topByte))),
    vec4f(vec4i(words & vec4u(topByte))),
  );
}

// Dot product of 16 pairs. Both ways are exact: on the second, sums have fewer than 24 significant bits.
@if(packed)
fn dotVectors(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}
@else
fn dotVectors(a: vec4u, b: vec4u) -> i32 {
  let low = dot(scaledBytes(a.x), scaledBytes(b.x)) + dot(scaledBytes(a.y), scaledBytes(b.y));
  let high = dot(scaledBytes(a.z), scaledBytes(b.z)) + dot(scaledBytes(a.w), scaledBytes(b.w));
  return i32((low + high) * bytePairScale);
}
