// Lays the weights of a convolution as its kernels read them: output channels of one tap and input channel side by side.
//
// source  weights as the model has them, element (group, input channel c, output channel o, tap t) at
//         group * groupStride + c * inputStride + o * outputStride + t
// goal    [group][tap][input channel][paddedChannels], zeros beyond the last output channel
// Dispatch: one invocation an element of the goal.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  count: u32,
  taps: u32,
  inputChannels: u32,
  outputChannels: u32,
  paddedChannels: u32,
  groupStride: u32,
  inputStride: u32,
  outputStride: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> goal: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.count) { return; }
  let output = index % uniforms.paddedChannels;
  var rest = index / uniforms.paddedChannels;
  let input = rest % uniforms.inputChannels;
  rest /= uniforms.inputChannels;
  let tap = rest % uniforms.taps;
  let group = rest / uniforms.taps;
  var value = 0.0;
  if (output < uniforms.outputChannels) {
    value = source[group * uniforms.groupStride + input * uniforms.inputStride + output * uniforms.outputStride + tap];
  }
  goal[index] = value;
}
