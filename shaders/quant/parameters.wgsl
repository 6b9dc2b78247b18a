// Scale and zero point of each parameter from its range, which is widened to include 0.
//   asymmetric: scale = fround(fround(maximum - minimum) / steps), steps = 2^bits - 1,
//               zeroPoint = low + min(halfEven(fround(-minimum / scale)), steps)
//   symmetric:  scale = fround(max(-minimum, maximum) / steps), steps = 2^(bits-1) - 1, zeroPoint = middle
// A scale that would be 0 is 1; one that would be infinite is the largest float. A range wider than the largest float
// is divided before it is doubled, not after.
//
// minimum, maximum   float32 [count], as bits
// scales             float32 [count], as bits
// zeroPoints         int32 [count]
// Dispatch: one invocation a parameter.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{addFloats, divideFloats, infinityBits, largestBits, magnitudeMask};
import package::quant::exactQuantize::nearestSteps;

struct Uniforms { count: u32, symmetric: u32, steps: u32, low: i32, middle: i32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> minimum: array<u32>;
@group(0) @binding(2) var<storage, read> maximum: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<u32>;
@group(0) @binding(4) var<storage, read_write> zeroPoints: array<i32>;

const one = 0x3f800000u;

fn asymmetricScale(below: u32, above: u32, steps: u32) -> u32 {
  let extent = addFloats(below, above, 0);
  if (extent < infinityBits) { return divideFloats(extent, steps); }
  // One more in the exponent field doubles a float of this size.
  return min(divideFloats(addFloats(below, above, -1), steps) + 0x800000u, largestBits);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let parameter = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (parameter >= uniforms.count) { return; }
  let low = minimum[parameter];
  let high = maximum[parameter];
  // How far the range reaches below and above 0.
  let below = select(0u, low & magnitudeMask, (low >> 31u) == 1u);
  let above = select(high, 0u, (high >> 31u) == 1u);
  let steps = bitcast<u32>(f32(uniforms.steps));
  var scale: u32;
  if (uniforms.symmetric == 1u) {
    scale = divideFloats(max(below, above), steps);
  } else {
    scale = asymmetricScale(below, above, steps);
  }
  scale = select(scale, one, scale == 0u);
  let zeroPoint = uniforms.low + i32(nearestSteps(below, scale, uniforms.steps));
  scales[parameter] = scale;
  zeroPoints[parameter] = select(zeroPoint, uniforms.middle, uniforms.symmetric == 1u);
}
