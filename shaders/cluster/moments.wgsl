// Exact sums of the coordinates of every column and of their squares. A coordinate counts as round(x * scale), below 2^30
// in magnitude.
//
// points [rows][rowFloats] f32, scales [columns]; moments [columns] of six words, added to: the sum (low, high), and the
// sums of the low and of the high words of the squares (low, high each). Each thread takes one column of every
// `rowStep`-th row.
// Dispatch: columns * rowStep threads.
import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::add64;
import package::shared::wide::umul64;
import constants::WIDTH;

struct Uniforms { firstRow: u32, endRow: u32, columnCount: u32, rowFloats: u32, rowStep: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> moments: array<atomic<u32>>;

fn addMoment(index: u32, value: vec2u) {
  let before = atomicAdd(&moments[2u * index], value.x);
  atomicAdd(&moments[2u * index + 1u], value.y + select(0u, 1u, before + value.x < before));
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let thread = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  let column = thread % uniforms.columnCount;
  let step = thread / uniforms.columnCount;
  if (step >= uniforms.rowStep) { return; }
  var sum = vec2u(0u);
  var lowSquares = vec2u(0u);
  var highSquares = vec2u(0u);
  for (var row = uniforms.firstRow + step; row < uniforms.endRow; row += uniforms.rowStep) {
    let value = i32(round(points[row * uniforms.rowFloats + column] * scales[column]));
    sum = add64(sum, vec2u(u32(value), u32(value >> 31u)));
    let square = umul64(u32(abs(value)), u32(abs(value)));
    lowSquares = add64(lowSquares, vec2u(square.x, 0u));
    highSquares = add64(highSquares, vec2u(square.y, 0u));
  }
  addMoment(column * 3u, sum);
  addMoment(column * 3u + 1u, lowSquares);
  addMoment(column * 3u + 2u, highSquares);
}
