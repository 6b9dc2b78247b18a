// The terms of an integer convolution: what turns the sums of each output channel into results (Term of
// shared/integerConvolution). Scales are combined with the roundings of float32, fround(fround(x * w) / y), in integers,
// so the same on every adapter.
//
// channels: as integerSums.wgsl makes them. wScales: one or one a channel. xScale, yScale, xZeroPoint, yZeroPoint: one.
// bias: [count], i32, or f32 for an f32 result. Those that a result does not need are not read. terms: [count + 1].
// Dispatch: one invocation a term.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{divideFloats, multiplyFloats};
import package::shared::integerConvolution::Term;

struct Uniforms {
  count: u32,
  // 0: i32 sums, 1: bytes, 2: f32.
  result: u32,
  wStride: u32,
  // Subtracted from the zero point of x, as from its codes.
  xShift: i32,
  hasXZeroPoint: u32,
  hasYZeroPoint: u32,
  hasBias: u32,
  // Weights of one output channel; 0 where the kernel subtracts the zero points itself.
  depth: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> channels: array<vec2i>;
@group(0) @binding(2) var<storage, read> wScales: array<u32>;
@group(0) @binding(3) var<storage, read> xScale: array<u32>;
@group(0) @binding(4) var<storage, read> yScale: array<u32>;
@group(0) @binding(5) var<storage, read> xZeroPoint: array<i32>;
@group(0) @binding(6) var<storage, read> yZeroPoint: array<i32>;
@group(0) @binding(7) var<storage, read> bias: array<i32>;
@group(0) @binding(8) var<storage, read_write> terms: array<Term>;

// Factors are at most 2^40, with which every sum but 0 is beyond any bound, and at least the smallest normal one, with
// which every sum is 0.
const largestFactor = 0x53800000u;
const smallestFactor = 0x00800000u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index > uniforms.count) {
    return;
  }
  let zeroOfX = select(0, xZeroPoint[0], uniforms.hasXZeroPoint == 1u) - uniforms.xShift;
  if (index == uniforms.count) {
    let fill = (bitcast<u32>(zeroOfX) & 0xffu) * 0x1010101u;
    let zeroOfY = select(0, yZeroPoint[0], uniforms.hasYZeroPoint == 1u);
    terms[index] = Term(bitcast<i32>(fill), zeroOfY, bitcast<u32>(zeroOfX), 0);
    return;
  }
  let channel = channels[index];
  let added = select(0, bias[index], uniforms.hasBias == 1u);
  var offset = -zeroOfX * (channel.x - uniforms.depth * channel.y);
  var factor = 0u;
  if (uniforms.result != 0u) {
    factor = multiplyFloats(xScale[0], wScales[index * uniforms.wStride]);
  }
  if (uniforms.result == 1u) {
    factor = clamp(divideFloats(factor, yScale[0]), smallestFactor, largestFactor);
  }
  let isFloat = uniforms.result == 2u;
  offset += select(added, 0, isFloat);
  terms[index] = Term(offset, channel.y, factor, select(0.0, bitcast<f32>(added), isFloat));
}
