// Responsibilities of 1 for the component that a point's label names, and 0 for all others.
//
// labels [rows], responsibilities [components][stride] of the window that begins at firstRow.
// Dispatch: one thread for each point of the window.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { firstRow: u32, pointCount: u32, stride: u32, componentCount: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> responsibilities: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let point = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (point >= uniforms.pointCount) { return; }
  let label = labels[uniforms.firstRow + point];
  for (var component = 0u; component < uniforms.componentCount; component++) {
    responsibilities[component * uniforms.stride + point] = select(0.0, 1.0, label == component);
  }
}
