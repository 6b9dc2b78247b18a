// Adds the ranges of one batch to those of the batches before it, for many values at once, and clears them for the next.
//
// batch   two u32 a parameter, as quant/range leaves them: complement of the least and greatest ordered integer; 0 for none
// state   four u32 a parameter: the least (complemented) and the greatest ordered integer, and both of the first batch
// Conditions: average, least and greatest move towards those of the batch by the share `weight`; otherwise they are those
// of all batches. The first batch is taken as it is.
// Dispatch: one invocation a parameter.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{bitsFromOrdered, orderedFromBits};

struct Uniforms { count: u32, weight: f32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read_write> batch: array<u32>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;

fn towards(average: u32, latest: u32) -> u32 {
  let before = bitcast<f32>(bitsFromOrdered(average));
  let after = bitcast<f32>(bitsFromOrdered(latest));
  // Not before + weight * (after - before), which may overflow.
  return orderedFromBits(bitcast<u32>(before * (1.0 - uniforms.weight) + after * uniforms.weight));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let parameter = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (parameter >= uniforms.count) { return; }
  let low = batch[2u * parameter];
  let high = batch[2u * parameter + 1u];
  if (high == 0u) { return; }
  batch[2u * parameter] = 0u;
  batch[2u * parameter + 1u] = 0u;
  let place = 4u * parameter;
  if (state[place + 3u] == 0u) {
    state[place] = low;
    state[place + 1u] = high;
    state[place + 2u] = low;
    state[place + 3u] = high;
    return;
  }
  @if(average) {
    state[place] = ~towards(~state[place], ~low);
    state[place + 1u] = towards(state[place + 1u], high);
  }
  @else {
    state[place] = max(state[place], low);
    state[place + 1u] = max(state[place + 1u], high);
  }
}
