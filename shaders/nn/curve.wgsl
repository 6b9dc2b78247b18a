import package::shared::curve::{Curve, curveAt};
import package::shared::dispatch::linearWorkgroup;

// A function of each element of a tensor: what a chain of elementwise operations with constants comes to.
//
// x, y: f32, as vectors of 4. Conditions: those of shared/curve.wgsl.
// Dispatch: one invocation a vector, from `first` to `end`.

struct Uniforms {
  first: u32,
  end: u32,
  curveSlope: f32,
  curveOffset: f32,
  curveLower: f32,
  curveUpper: f32,
  curveScale: f32,
  curveShift: f32,
  curveGated: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.first + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.end) {
    return;
  }
  let u = uniforms;
  y[index] = curveAt(x[index],
    Curve(u.curveSlope, u.curveOffset, u.curveLower, u.curveUpper, u.curveScale, u.curveShift, u.curveGated));
}
