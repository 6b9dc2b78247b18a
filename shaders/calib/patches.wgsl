// What a layer multiplies its weights with, as matrices: for each output position the inputs under its window, and a 1.
//
// x      f32; the element of batch n, channel c, row i, column j at n * batchStride + c * channelStride + i * rowStride + j * columnStride
// goal   f32 [groups][positions][stride]: in each row the `columns` inputs, a 1, and zeros up to `stride`. Padding is 0.
//        Positions taken are every `positionStep`th of [batch][outputHeight][outputWidth].
// Dispatch: one invocation for a column of a block of `blockLength` positions, columns first, then blocks, then groups, from
// `start` up to `end`: it finds out once which tap of which channel it copies, and where the first position is.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  start: u32,
  end: u32,
  columns: u32,
  stride: u32,
  positions: u32,
  blockLength: u32,
  positionStep: u32,
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
  let item = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (item >= uniforms.end) { return; }
  let line = item / uniforms.stride;
  let column = item - line * uniforms.stride;
  let blocks = (uniforms.positions + uniforms.blockLength - 1u) / uniforms.blockLength;
  let group = line / blocks;
  let first = (line - group * blocks) * uniforms.blockLength;
  let last = min(first + uniforms.blockLength, uniforms.positions);

  let taps = uniforms.kernelHeight * uniforms.kernelWidth;
  let channel = column / taps;
  let tap = column - channel * taps;
  let tapRow = tap / uniforms.kernelWidth;
  let tapColumn = tap - tapRow * uniforms.kernelWidth;
  let top = i32(tapRow * uniforms.dilationHeight) - uniforms.padTop;
  let left = i32(tapColumn * uniforms.dilationWidth) - uniforms.padLeft;
  let plane = (group * uniforms.channels + channel) * uniforms.channelStride;

  let begin = first * uniforms.positionStep;
  let outputLine = begin / uniforms.outputWidth;
  var batch = outputLine / uniforms.outputHeight;
  var row = outputLine - batch * uniforms.outputHeight;
  var place = begin - outputLine * uniforms.outputWidth;
  let stepLines = uniforms.positionStep / uniforms.outputWidth;
  let stepPlaces = uniforms.positionStep - stepLines * uniforms.outputWidth;
  let stepBatches = stepLines / uniforms.outputHeight;
  let stepRows = stepLines - stepBatches * uniforms.outputHeight;

  var goalIndex = (group * uniforms.positions + first) * uniforms.stride + column;
  for (var position = first; position < 0x7fffffffu; position++) {
    if (position >= last) { break; }
    var value = select(0.0, 1.0, column == uniforms.columns);
    let i = i32(row * uniforms.strideHeight) + top;
    let j = i32(place * uniforms.strideWidth) + left;
    if (column < uniforms.columns && i >= 0 && i < i32(uniforms.height) && j >= 0 && j < i32(uniforms.width)) {
      value = x[batch * uniforms.batchStride + plane + u32(i) * uniforms.rowStride + u32(j) * uniforms.columnStride];
    }
    goal[goalIndex] = value;
    goalIndex += uniforms.stride;
    place += stepPlaces;
    row += stepRows;
    batch += stepBatches;
    if (place >= uniforms.outputWidth) {
      place -= uniforms.outputWidth;
      row++;
    }
    if (row >= uniforms.outputHeight) {
      row -= uniforms.outputHeight;
      batch++;
    }
  }
}
