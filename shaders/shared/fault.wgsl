// The error word: kernels cannot throw, so they leave the index of the first element that they cannot compute with.
// 0 stands for none; otherwise the word is 0xffffffff - index, so that the maximum is the first index.

// True for NaN and for infinities, by their bits: WGSL lets compilers assume that neither exists.
fn isNonFinite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u;
}

fn faultWord(index: u32) -> u32 {
  return 0xffffffffu - index;
}
