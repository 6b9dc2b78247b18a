// Adds the partial moments of a window to the totals.
//
// partials [shares][count] vec4f, totals [count] vec4f, set instead of added to where `fresh` is 1.
// Dispatch: one thread for each vec4f of the totals.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { count: u32, shares: u32, fresh: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> totals: array<vec4f>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (index >= uniforms.count) { return; }
  var sum = vec4f(0.0);
  for (var share = 0u; share < uniforms.shares; share++) { sum += partials[share * uniforms.count + index]; }
  if (uniforms.fresh == 0u) { sum += totals[index]; }
  totals[index] = sum;
}
