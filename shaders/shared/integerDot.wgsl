// Dot products of packed signed 8-bit integers: four to a u32 word, the lowest byte first.

// The four bytes of a word, sign-extended.
fn signedBytes(word: u32) -> vec4f {
  return vec4f(vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}

// One word of each of four columns as a matrix: times the four bytes of a row's word it gives the four dot products.
fn byteMatrix(words: vec4u) -> mat4x4f {
  return mat4x4f(
    vec4f(vec4i(words << vec4u(24u)) >> vec4u(24u)),
    vec4f(vec4i(words << vec4u(16u)) >> vec4u(24u)),
    vec4f(vec4i(words << vec4u(8u)) >> vec4u(24u)),
    vec4f(vec4i(words) >> vec4u(24u)),
  );
}

// Dot product of 16 pairs. Both ways are exact: on the second, sums stay below 2^24.
@if(packed)
fn dotVectors(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}
@else
fn dotVectors(a: vec4u, b: vec4u) -> i32 {
  return i32(dot(signedBytes(a.x), signedBytes(b.x)) + dot(signedBytes(a.y), signedBytes(b.y)) +
    dot(signedBytes(a.z), signedBytes(b.z)) + dot(signedBytes(a.w), signedBytes(b.w)));
}
