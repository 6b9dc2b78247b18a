// Points on the grid of cluster/seedGrid, four 16-bit coordinates in two words.

// The low halves of both words, then the high ones.
fn unpackGrid(words: vec2u) -> vec4i {
  let signed = bitcast<vec2i>(words);
  return vec4i((signed << vec2u(16u)) >> vec2u(16u), signed >> vec2u(16u));
}
