// Copies rows of one part of the points, chosen by their numbers among all points, to consecutive rows of `chosen`.
//
// points [rowCount][rowFloats] f32, the rows firstRow … of all; rows [count]; chosen [count][rowFloats] f32, in which
// rows of other parts are left alone.
// Dispatch: one thread a float of `chosen`.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { firstRow: u32, rowCount: u32, count: u32, rowFloats: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read_write> chosen: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (i >= uniforms.count * uniforms.rowFloats) { return; }
  let row = rows[i / uniforms.rowFloats] - uniforms.firstRow;
  // Earlier rows wrap around to large numbers.
  if (row >= uniforms.rowCount) { return; }
  chosen[i] = points[row * uniforms.rowFloats + i % uniforms.rowFloats];
}
