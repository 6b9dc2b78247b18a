// Finds the first parameter that cannot be used: a scale that is not finite and above 0, or a zero point that is no code.
//
// scales       float32 [count], as bits
// zeroPoints   int32 [count]
// Dispatch: one invocation a parameter.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::infinityBits;
import package::shared::fault::faultWord;

struct Uniforms { count: u32, low: i32, high: i32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> scales: array<u32>;
@group(0) @binding(2) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(3) var<storage, read_write> fault: atomic<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let parameter = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (parameter >= uniforms.count) { return; }
  let zeroPoint = zeroPoints[parameter];
  // Negative numbers are greatest as unsigned bits, and 0 - 1 is as well.
  let badScale = scales[parameter] - 1u >= infinityBits - 1u;
  if (badScale || zeroPoint < uniforms.low || zeroPoint > uniforms.high) { atomicMax(&fault, faultWord(parameter)); }
}
