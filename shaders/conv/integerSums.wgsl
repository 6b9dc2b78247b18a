// What the zero points of an integer convolution need of its packed weights: of each output channel the sum of its signed
// weights and the zero point of these.
//
// weights     as integerWeights.wgsl packs them
// zeroPoints  i32, one or one a channel, every `zeroStride`; not read where `hasZeroPoints` is 0
// channels    [output channels] of (sum, zero point less `shift`)
// Dispatch: one invocation an output channel.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  count: u32,
  // Words along the taps and channels that are added up, and those of all passes of a group; 0 where nobody needs sums.
  words: u32,
  groupWords: u32,
  mergedOutput: u32,
  weightChannels: u32,
  hasZeroPoints: u32,
  zeroStride: u32,
  shift: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(3) var<storage, read_write> channels: array<vec2i>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let channel = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (channel >= uniforms.count) {
    return;
  }
  var at = channel / uniforms.mergedOutput * uniforms.groupWords * uniforms.weightChannels
    + channel % uniforms.mergedOutput;
  var sum = 0;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    if (step >= uniforms.words) {
      break;
    }
    let bytes = bitcast<vec4i>(vec4u(weights[at]) * vec4u(0x1000000u, 0x10000u, 0x100u, 1u)) >> vec4u(24u);
    sum += bytes.x + bytes.y + bytes.z + bytes.w;
    at += uniforms.weightChannels;
  }
  let zeroPoint = select(0, zeroPoints[channel * uniforms.zeroStride], uniforms.hasZeroPoints == 1u);
  channels[channel] = vec2i(sum, zeroPoint - uniforms.shift);
}
