// The results of quant/range as floats.
//
// ranges    two u32 a parameter, as quant/range leaves them
// minimum, maximum   float32 [count], as bits
// Dispatch: one invocation a parameter.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::bitsFromOrdered;

struct Uniforms { count: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> ranges: array<u32>;
@group(0) @binding(2) var<storage, read_write> minimum: array<u32>;
@group(0) @binding(3) var<storage, read_write> maximum: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let parameter = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (parameter >= uniforms.count) { return; }
  minimum[parameter] = bitsFromOrdered(~ranges[2u * parameter]);
  maximum[parameter] = bitsFromOrdered(ranges[2u * parameter + 1u]);
}
