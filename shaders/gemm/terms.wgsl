import package::shared::dispatch::linearWorkgroup;
import package::shared::integerProduct::Term;

// Scale, zero point and (condition: summed) the sum of the codes of every row of a packed 8-bit matrix, or of every
// group of a row: what the epilogue of an integer product needs.
//
// codes: [batch][row][rowVectors], 16 to a vector, padded with zeros, XORed with `flip`. scales, zeroPoints: addressed by
// strides over batch, row and group. terms: [batch][row][group].
// Condition: together, for sums made by a workgroup each; else one invocation makes a term, which suits short rows, and
// CPUs, where a barrier makes a coroutine of each workgroup.
// Dispatch: one workgroup a term if summed together, else one invocation a term, from term `start` on.

struct Uniforms {
  start: u32,
  end: u32,
  rowCount: u32,
  groupCount: u32,
  rowVectors: u32,
  groupVectors: u32,
  codeStart: u32,
  flip: u32,
  // Added to the sum of the last group, for the padding that was flipped along.
  paddingSum: i32,
  // Subtracted from the zero points, as from the codes.
  shift: i32,
  // 1 where the parameters are the two constants in place of the tensors.
  constant: u32,
  constantScale: f32,
  constantZeroPoint: i32,
  parameterBatch: u32,
  parameterRow: u32,
  parameterGroup: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> codes: array<vec4u>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(4) var<storage, read_write> terms: array<Term>;

fn termOf(index: u32, sum: i32) -> Term {
  let row = index / uniforms.groupCount;
  let parameter = row / uniforms.rowCount * uniforms.parameterBatch + row % uniforms.rowCount * uniforms.parameterRow +
    index % uniforms.groupCount * uniforms.parameterGroup;
  if (uniforms.constant == 1u) {
    return Term(uniforms.constantScale, uniforms.constantZeroPoint - uniforms.shift, sum);
  }
  return Term(scales[parameter], zeroPoints[parameter] - uniforms.shift, sum);
}

@if(together)
var<workgroup> total: atomic<i32>;

@if(summed)
fn byteSum(words: vec4u) -> i32 {
  let flipped = words ^ vec4u(uniforms.flip);
  let ones = vec4i(1);
  return dot(vec4i(flipped << vec4u(24u)) >> vec4u(24u), ones) + dot(vec4i(flipped << vec4u(16u)) >> vec4u(24u), ones) +
    dot(vec4i(flipped << vec4u(8u)) >> vec4u(24u), ones) + dot(vec4i(flipped) >> vec4u(24u), ones);
}

// The sum of the codes of a term that are `step` vectors from one another, from the given one on.
@if(summed)
fn sumFrom(index: u32, first: u32, step: u32) -> i32 {
  let group = index % uniforms.groupCount;
  let rowFirst = uniforms.codeStart + index / uniforms.groupCount * uniforms.rowVectors;
  let begin = group * uniforms.groupVectors;
  let end = min(begin + uniforms.groupVectors, uniforms.rowVectors);
  var sum = 0;
  for (var turn = 0u; turn < 0x7fffffffu; turn++) {
    let vector = begin + first + turn * step;
    if (vector >= end) {
      break;
    }
    sum += byteSum(codes[rowFirst + vector]);
  }
  return sum;
}

@if(summed)
fn paddingOf(index: u32) -> i32 {
  return select(0, uniforms.paddingSum, index % uniforms.groupCount + 1u == uniforms.groupCount);
}

@if(together)
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups);
  if (index >= uniforms.end) {
    return;
  }
  atomicAdd(&total, sumFrom(index, lane, 64u));
  workgroupBarrier();
  if (lane == 0u) {
    terms[index] = termOf(index, atomicLoad(&total) + paddingOf(index));
  }
}

@if(!together)
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + lane;
  if (index < uniforms.end) {
    @if(summed) terms[index] = termOf(index, sumFrom(index, 0u, 1u) + paddingOf(index));
    @else terms[index] = termOf(index, 0);
  }
}
