// The scale of signs: the mean absolute value of each output of quant/absoluteSum, divided in integers and rounded once
// (nearest-even); 1 where that is 0. Zero points are 0.
//
// minimum, maximum   float32 [outputs], as bits
// sums         as quant/absoluteSum leaves them
// scales       float32 [outputs], as bits
// zeroPoints   int32 [outputs]
// Dispatch: one invocation an output.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{magnitudeMask, magnitudeOf, roundToFloat};
import package::shared::wide::{countLeadingZeros64, divide64, shiftLeft64};
import package::quant::reduction::{Reduction, lengthOf};

@group(0) @binding(0) var<uniform> uniforms: Reduction;
@group(0) @binding(1) var<storage, read> minimum: array<u32>;
@group(0) @binding(2) var<storage, read> maximum: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> scales: array<u32>;
@group(0) @binding(5) var<storage, read_write> zeroPoints: array<i32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let output = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (output >= uniforms.outputCount) { return; }
  let greatest = max(minimum[output] & magnitudeMask, maximum[output] & magnitudeMask);
  let sum = sums[output];
  let raised = countLeadingZeros64(sum);
  // The dividend has all 64 bits, so the quotient has at least 32.
  let division = divide64(shiftLeft64(sum, raised), lengthOf(uniforms, output));
  let quotientRaised = countLeadingZeros64(division.quotient);
  let top = shiftLeft64(division.quotient, quotientRaised);
  let exponent = magnitudeOf(greatest).exponent - 7 + 32 - i32(raised) - i32(quotientRaised);
  let mean = roundToFloat(top.y, exponent, top.x != 0u || division.remainder != 0u);
  scales[output] = select(mean, 0x3f800000u, mean == 0u);
  zeroPoints[output] = 0;
}
