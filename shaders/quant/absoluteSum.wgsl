// Sum of the absolute values of each output of a reduction, the same in any order: each is rounded (half up) to a whole
// number of 2^-7 units in the last place of the output's greatest, below 2^31 of them, and summed in 64 bits.
//
// x            float32, finite, as bits; the window of it that is bound
// minimum, maximum   float32 [outputs], as bits
// sums         two u32 (low, high) an output, cleared beforehand
// Conditions: nested, an output's elements lie in several runs.
// Constants: LANES, invocations that share an output: 1, 8 or 64.
// Dispatch: 64 / LANES slots a workgroup.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{magnitudeMask, magnitudeOf};
import package::shared::wide::add64;
import package::quant::reduction::{Reduction, shareOf, elementOf};
import constants::LANES;

@group(0) @binding(0) var<uniform> uniforms: Reduction;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> minimum: array<u32>;
@group(0) @binding(3) var<storage, read> maximum: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let slot = uniforms.firstSlot + linearWorkgroup(workgroup, workgroups) * (64u / LANES) + local / LANES;
  let share = shareOf(uniforms, slot, local % LANES, LANES);
  let greatest = max(minimum[share.output] & magnitudeMask, maximum[share.output] & magnitudeMask);
  let unit = magnitudeOf(greatest).exponent;
  var sum = vec2u(0u);
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let r = share.first + step * share.stride;
    if (r >= share.length) { break; }
    let place = elementOf(uniforms, share.start, r) - uniforms.windowStart;
    if (place >= uniforms.windowLength) { continue; }
    let magnitude = magnitudeOf(x[place]);
    let distance = u32(clamp(unit - magnitude.exponent, 0, 32));
    let half = (1u << (distance % 32u)) >> 1u;
    let count = ((magnitude.significand << 7u) + half) >> (distance % 32u);
    sum = add64(sum, vec2u(select(count, 0u, distance == 32u), 0u));
  }
  if (all(sum == vec2u(0u))) { return; }
  let before = atomicAdd(&sums[2u * share.output], sum.x);
  let high = sum.y + select(0u, 1u, before + sum.x < before);
  if (high != 0u) { atomicAdd(&sums[2u * share.output + 1u], high); }
}
