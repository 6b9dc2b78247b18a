// 8-bit integers to 32-bit ones and back, as zero points need it.
//
// source, goal     one an 8-bit tensor, whose rows of `columnCount` elements are padded with zeros to `rowWords` words, the
//                  other a dense int32 tensor
// Conditions: signed, 8-bit elements are in two's complement.
// Dispatch: one invocation a 32-bit word of the goal.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms { count: u32, columnCount: u32, rowWords: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> goal: array<u32>;

// 8-bit elements to int32.
@compute @workgroup_size(64)
fn widen(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.count) { return; }
  let column = element % uniforms.columnCount;
  let word = source[(element / uniforms.columnCount) * uniforms.rowWords + column / 4u];
  @if(signed) goal[element] = bitcast<u32>(extractBits(bitcast<i32>(word), 8u * (column % 4u), 8u));
  @else goal[element] = extractBits(word, 8u * (column % 4u), 8u);
}

// int32 elements, which fit 8 bits, to 8-bit ones.
@compute @workgroup_size(64)
fn narrow(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.count) { return; }
  let firstColumn = (index % uniforms.rowWords) * 4u;
  let row = (index / uniforms.rowWords) * uniforms.columnCount;
  var packed = 0u;
  for (var n = 0u; n < 4u; n++) {
    let column = firstColumn + n;
    if (column < uniforms.columnCount) { packed |= (source[row + column] & 0xffu) << (8u * n); }
  }
  goal[index] = packed;
}
