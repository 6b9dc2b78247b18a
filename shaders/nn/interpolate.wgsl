// Resamples a tensor along one axis: each element of the result is a weighted sum of `taps` elements of the source.
//
// source   float32 [outer][length][inner]
// indices  int32 [goalLength][taps], places on the axis; a first one below 0 stands for `outside`
// weights  float32 [goalLength][taps]
// goal     float32 [outer][goalLength][inner]
// Dispatch: one invocation an element of the goal.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms { count: u32, length: u32, goalLength: u32, inner: u32, taps: u32, outside: f32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> goal: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.count) { return; }
  let slice = element / uniforms.inner;
  let outer = slice / uniforms.goalLength;
  let first = (slice - outer * uniforms.goalLength) * uniforms.taps;
  if (indices[first] < 0) {
    goal[element] = uniforms.outside;
    return;
  }
  let start = outer * uniforms.length * uniforms.inner + (element - slice * uniforms.inner);
  var sum = 0.0;
  for (var tap = 0u; tap < uniforms.taps; tap++) {
    sum += weights[first + tap] * source[start + u32(indices[first + tap]) * uniforms.inner];
  }
  goal[element] = sum;
}
