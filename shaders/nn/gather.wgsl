// Picks slices of a tensor along an axis by their indices, which count from the back where negative.
//
// source    32-bit words [outer][length][inner]
// indices   int32; the index for element [o][j][n] of the goal is at o * outerStep + j * indexStep + n * innerStep
// goal      32-bit words [outer][indexCount][inner]; 0 where an index is outside of the axis
// fault     gets the place in `indices` of the first such index
// Dispatch: one invocation a word of the goal.
import package::shared::dispatch::linearWorkgroup;
import package::shared::fault::faultWord;

struct Uniforms {
  count: u32,
  length: u32,
  inner: u32,
  indexCount: u32,
  outerStep: u32,
  indexStep: u32,
  innerStep: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> goal: array<u32>;
@group(0) @binding(4) var<storage, read_write> fault: atomic<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.count) { return; }
  let slice = element / uniforms.inner;
  let n = element - slice * uniforms.inner;
  let outer = slice / uniforms.indexCount;
  let j = slice - outer * uniforms.indexCount;
  let place = outer * uniforms.outerStep + j * uniforms.indexStep + n * uniforms.innerStep;
  var index = indices[place];
  if (index < 0) { index += i32(uniforms.length); }
  if (index < 0 || index >= i32(uniforms.length)) {
    atomicMax(&fault, faultWord(place));
    goal[element] = 0u;
    return;
  }
  goal[element] = source[(outer * uniforms.length + u32(index)) * uniforms.inner + n];
}
