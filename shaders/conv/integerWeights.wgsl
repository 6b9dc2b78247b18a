// Packs the 8-bit weights of a convolution as its integer kernels read them: signed, four input channels of one tap to a
// word, the words of neighbouring output channels side by side.
//
// source  [output channels][inputChannels of a group][taps] of bytes in rows of `columns` bytes that begin every `rowBytes`
// goal    [group][pass][tap][depthWords][weightChannels] words, an even number of them along the depth. Groups are merged
//         ones: several of the convolution's groups, so that each begins at a pair of words of x; zeros where an output
//         channel does not see an input channel. The second pass has ones in place of weights.
// Condition: depthwise, for [tap][depthWords] words of four output channels each, for one input channel a group.
// Dispatch: one invocation a word of the goal.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  start: u32,
  end: u32,
  columns: u32,
  rowBytes: u32,
  taps: u32,
  // Of the convolution's groups.
  inputChannels: u32,
  outputChannels: u32,
  // Of the merged groups.
  mergedInput: u32,
  mergedOutput: u32,
  depthWords: u32,
  weightChannels: u32,
  passes: u32,
  // 0x80 for unsigned weights.
  flip: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> goal: array<u32>;

fn weightAt(element: u32) -> u32 {
  let byte = element / uniforms.columns * uniforms.rowBytes + element % uniforms.columns;
  return ((source[byte / 4u] >> (byte % 4u * 8u)) & 0xffu) ^ uniforms.flip;
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
  var packed = 0u;
  @if(depthwise) {
    let first = index % uniforms.depthWords * 4u;
    let tap = index / uniforms.depthWords;
    for (var byte = 0u; byte < 4u; byte++) {
      if (first + byte < uniforms.mergedOutput) {
        packed |= weightAt((first + byte) * uniforms.taps + tap) << (byte * 8u);
      }
    }
  }
  @else {
    let channel = index % uniforms.weightChannels;
    var rest = index / uniforms.weightChannels;
    let first = rest % uniforms.depthWords * 4u;
    rest /= uniforms.depthWords;
    let tap = rest % uniforms.taps;
    rest /= uniforms.taps;
    let turn = rest % uniforms.passes;
    let output = rest / uniforms.passes * uniforms.mergedOutput + channel;
    for (var byte = 0u; byte < 4u; byte++) {
      let input = first + byte;
      let sees = input / uniforms.inputChannels == channel / uniforms.outputChannels;
      if (sees && input < uniforms.mergedInput && channel < uniforms.mergedOutput) {
        let element = (output * uniforms.inputChannels + input % uniforms.inputChannels) * uniforms.taps + tap;
        packed |= select(weightAt(element), 1u, turn == 1u) << (byte * 8u);
      }
    }
  }
  goal[index] = packed;
}
