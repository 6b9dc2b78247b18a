import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::normalMagnitudeOf;
import package::shared::wide::{add64, countLeadingZeros64, divide64, shiftLeft64, umul64};

// The factor of each column from integer sums to 8-bit results, scaleX * scaleW / scaleY, as a 31-bit multiplier and a
// shift: factor ≈ multiplier * 2^-shift with 2^30 <= multiplier < 2^31, rounded half to even from the exact quotient of
// the scales' significands. Integers only, so the same on every adapter.
//
// xScale: one. wScales: one or [N]. multipliers: [N] of (multiplier, shift).
// Dispatch: one invocation a column.

struct Uniforms {
  count: u32,
  wStride: u32,
  // Bits of the f32 scales that are on the CPU; x's is used where it is not 0.
  xScaleBits: u32,
  yScaleBits: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> xScale: array<u32>;
@group(0) @binding(2) var<storage, read> wScales: array<u32>;
@group(0) @binding(3) var<storage, read_write> multipliers: array<vec2i>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = linearWorkgroup(workgroup, workgroups) * 64u + lane;
  if (index >= uniforms.count) {
    return;
  }
  let x = normalMagnitudeOf(select(xScale[0], uniforms.xScaleBits, uniforms.xScaleBits != 0u));
  let w = normalMagnitudeOf(wScales[index * uniforms.wStride]);
  let y = normalMagnitudeOf(uniforms.yScaleBits);
  // Below 2^48, then at least 2^55 over a divisor below 2^24: a quotient of more than 31 bits, with a remainder.
  let division = divide64(shiftLeft64(umul64(x.significand, w.significand), 9u), y.significand);
  let quotient = division.quotient;
  let excess = 33u - countLeadingZeros64(quotient);
  let mask = (1u << excess) - 1u;
  let half = 1u << (excess - 1u);
  var multiplier = (quotient.x >> excess) | (quotient.y << (32u - excess));
  let rest = quotient.x & mask;
  let isAbove = rest > half || (rest == half && (division.remainder != 0u || (multiplier & 1u) == 1u));
  multiplier += select(0u, 1u, isAbove);
  var exponent = x.exponent + w.exponent - y.exponent - 9 + i32(excess);
  if (multiplier == 0x80000000u) {
    multiplier = 0x40000000u;
    exponent += 1;
  }
  multipliers[index] = vec2i(i32(multiplier), -exponent);
}
