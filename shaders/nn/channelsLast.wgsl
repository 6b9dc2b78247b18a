// Moves the channels of an 8-bit tensor from behind the batch to the end, or back.
//
// source, goal     one [batch, channels, …spatial], the other [batch, …spatial, channels]; rows along the last axis are
//                  padded with zeros to whole words, 16 bytes at a time. The last spatial axis has `width` elements, all
//                  spatial axes together `pixels`.
// Conditions: back, from channels last to channels first.
// Dispatch: one invocation a 32-bit word of the goal.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  start: u32,
  end: u32,
  channels: u32,
  pixels: u32,
  width: u32,
  // Words of a row: of `channels` and of `width` elements.
  channelWords: u32,
  widthWords: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> goal: array<u32>;

// Powers of 256 instead of shifts: shifts by amounts that are not constant are slow on CPUs.
fn place(byte: u32) -> u32 {
  return select(select(1u, 256u, byte == 1u), select(65536u, 16777216u, byte == 3u), byte >= 2u);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.end) {
    return;
  }
  let rows = uniforms.pixels / uniforms.width;
  var packed = 0u;
  @if(!back) {
    let first = (index % uniforms.channelWords) * 4u;
    let at = index / uniforms.channelWords;
    let batch = at / uniforms.pixels;
    let pixel = at % uniforms.pixels;
    let column = pixel % uniforms.width;
    let scale = place(column % 4u);
    var word = ((batch * uniforms.channels + first) * rows + pixel / uniforms.width) * uniforms.widthWords + column / 4u;
    for (var n = 0u; n < 4u; n++) {
      if (first + n < uniforms.channels) {
        packed |= ((source[word] / scale) & 0xffu) * place(n);
      }
      word += rows * uniforms.widthWords;
    }
  }
  @else {
    let first = (index % uniforms.widthWords) * 4u;
    let at = index / uniforms.widthWords;
    let plane = at / rows;
    let channel = plane % uniforms.channels;
    let scale = place(channel % 4u);
    var word = ((plane / uniforms.channels) * uniforms.pixels + (at % rows) * uniforms.width + first) * uniforms.channelWords
      + channel / 4u;
    for (var n = 0u; n < 4u; n++) {
      if (first + n < uniforms.width) {
        packed |= ((source[word] / scale) & 0xffu) * place(n);
      }
      word += uniforms.channelWords;
    }
  }
  goal[index] = packed;
}
