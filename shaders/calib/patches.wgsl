// What a layer multiplies its weights with, as matrices: for each output position the inputs under its window, and a 1.
//
// x      f32; the element of batch n, channel c, row i, column j at n * batchStride + c * channelStride + i * rowStride + j * columnStride
// goal   f32 [groups][positions][columns + 1], or with its last two axes exchanged, by goalStride and goalPositionStride
//        The last column is 1. Padding is 0. Positions taken are every `positionStep`th of [batch][outputHeight][outputWidth].
// Dispatch: one invocation an element of the goal, from `start` up to `end`.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  start: u32,
  end: u32,
  columns: u32,
  positions: u32,
  positionStep: u32,
  goalColumnStride: u32,
  goalPositionStride: u32,
  channels: u32,
  height: u32,
  width: u32,
  batchStride: u32,
  channelStride: u32,
  rowStride: u32,
  columnStride: u32,
  outputHeight: u32,
  outputWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideHeight: u32,
  strideWidth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  padTop: i32,
  padLeft: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> goal: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.end) { return; }
  let width = uniforms.columns + 1u;
  let matrixSize = width * uniforms.positions;
  let matrix = element / matrixSize;
  let inside = element - matrix * matrixSize;
  let place = inside / width;
  let column = inside - place * width;
  let goalIndex = matrix * matrixSize + place * uniforms.goalPositionStride + column * uniforms.goalColumnStride;
  if (column == uniforms.columns) {
    goal[goalIndex] = 1.0;
    return;
  }
  let position = place * uniforms.positionStep;
  let line = position / uniforms.outputWidth;
  let outputColumn = position - line * uniforms.outputWidth;
  let batch = line / uniforms.outputHeight;
  let outputRow = line - batch * uniforms.outputHeight;
  let taps = uniforms.kernelHeight * uniforms.kernelWidth;
  let channel = column / taps;
  let tap = column - channel * taps;
  let tapRow = tap / uniforms.kernelWidth;
  let tapColumn = tap - tapRow * uniforms.kernelWidth;
  let i = i32(outputRow * uniforms.strideHeight + tapRow * uniforms.dilationHeight) - uniforms.padTop;
  let j = i32(outputColumn * uniforms.strideWidth + tapColumn * uniforms.dilationWidth) - uniforms.padLeft;
  var value = 0.0;
  if (i >= 0 && i < i32(uniforms.height) && j >= 0 && j < i32(uniforms.width)) {
    value = x[batch * uniforms.batchStride + (matrix * uniforms.channels + channel) * uniforms.channelStride
      + u32(i) * uniforms.rowStride + u32(j) * uniforms.columnStride];
  }
  goal[goalIndex] = value;
}
