// Points on the grid of k-means++: each coordinate as round(x * scale), at most `bound` in magnitude, in 16 bits.
//
// points [rows][vectors] vec4f, packed [rows][vectors] vec2u.
// Dispatch: one thread for each vector from `first` to `end`.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { first: u32, end: u32, scale: f32, bound: f32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec2u>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.first + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (index >= uniforms.end) { return; }
  let bound = vec4f(uniforms.bound);
  let whole = vec4u(vec4i(round(clamp(points[index] * uniforms.scale, -bound, bound))));
  packed[index] = (whole.xz & vec2u(0xffffu)) | (whole.yw << vec2u(16u));
}
