import package::shared::convolution::{Uniforms, curveOf};
import package::shared::curve::curveAt;
import package::shared::dispatch::linearWorkgroup;

// Float32 convolution with one input channel a group: one invocation makes 8 neighbours of an output row.
//
// x: [batch][group][depth][height][width], weights: [group][outputChannels][kernel depth][height][width],
// bias: [group][outputChannels], y: [batch][group][outputChannels][depth][height][width].
// Conditions: rolling, for stride and dilation 1 along the width: the neighbours' input moves through registers, so that
// each element of a row is read once instead of once a tap; three, five: such rows with that many taps, written out; and
// those of shared/curve.wgsl.
//
// Measured for 5 x 5 over 240 x 12 x 80 on SwiftShader (busy cores, best of 7, GFLOP/s): 0.58 as first written; clamped
// reads left to the robustness that every binding has and comparisons made once, 0.68; the last step of the row's loop like
// the others, 0.74; without any check of the borders 0.83. By time of the CPU, relative to other kernels of the same run:
// 5 taps written out 1.6 times as fast as rolling, 3 taps 1.4 times, because sums kept in variables are masked on SwiftShader
// whenever they change.
// Dispatch: one invocation a tile: 8 pixels of a row (pixelTiles = tiles a row), rows counted after them, then output
// channels of all groups, then batches.

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const unbounded = 0x7fffffffu;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.tileStart + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.tileEnd) {
    return;
  }
  let column = (index % uniforms.pixelTiles) * 8u;
  let line = index / uniforms.pixelTiles;
  let row = line % uniforms.outputHeight;
  let planes = line / uniforms.outputHeight;
  let depth = planes % uniforms.outputDepth;
  // Output channel of all groups and batches.
  let plane = planes / uniforms.outputDepth;
  let channel = plane % (uniforms.groups * uniforms.outputChannels);
  let image = (plane / uniforms.outputChannels) * uniforms.inputDepth;
  let width = uniforms.inputWidth;
  let tapsOfRow = uniforms.kernelWidth;

  // Coordinates before the first element wrap to large ones; what is read there is not used.
  let stepWidth = uniforms.strideWidth;
  let firstColumn = column * stepWidth - bitcast<u32>(uniforms.padWidth);
  let left = firstColumn + vec4u(0u, 1u, 2u, 3u) * stepWidth;
  let right = left + 4u * stepWidth;

  let leftInside = left < vec4u(width);
  let rightInside = right < vec4u(width);
  var low = vec4f();
  var high = vec4f();
  for (var kd = 0u; kd < unbounded; kd++) {
    if (kd >= uniforms.kernelDepth) {
      break;
    }
    let atDepth = depth * uniforms.strideDepth + kd * uniforms.dilationDepth - bitcast<u32>(uniforms.padDepth);
    if (atDepth >= uniforms.inputDepth) {
      continue;
    }
    for (var kh = 0u; kh < unbounded; kh++) {
      if (kh >= uniforms.kernelHeight) {
        break;
      }
      let atRow = row * uniforms.strideHeight + kh * uniforms.dilationHeight - bitcast<u32>(uniforms.padHeight);
      if (atRow >= uniforms.inputHeight) {
        continue;
      }
      let first = ((image + atDepth) * uniforms.inputHeight + atRow) * width;
      let weight = ((channel * uniforms.kernelDepth + kd) * uniforms.kernelHeight + kh) * tapsOfRow;
      @if(three || five) {
        let l = first + left;
        let r = first + right;
        let a = select(vec4f(), vec4f(x[l.x], x[l.y], x[l.z], x[l.w]), leftInside);
        let b = select(vec4f(), vec4f(x[r.x], x[r.y], x[r.z], x[r.w]), rightInside);
        let next = left + 8u;
        let n = first + next;
        @if(three) let c = select(vec4f(), vec4f(x[n.x], x[n.y], 0.0, 0.0), next < vec4u(width));
        @if(five) let c = select(vec4f(), vec4f(x[n.x], x[n.y], x[n.z], x[n.w]), next < vec4u(width));
        let w0 = weights[weight];
        let w1 = weights[weight + 1u];
        let w2 = weights[weight + 2u];
        @if(three) {
          low += w0 * a + w1 * vec4f(a.yzw, b.x) + w2 * vec4f(a.zw, b.xy);
          high += w0 * b + w1 * vec4f(b.yzw, c.x) + w2 * vec4f(b.zw, c.xy);
        }
        @if(five) {
          let w3 = weights[weight + 3u];
          let w4 = weights[weight + 4u];
          low += w0 * a + w1 * vec4f(a.yzw, b.x) + w2 * vec4f(a.zw, b.xy) + w3 * vec4f(a.w, b.xyz) + w4 * b;
          high += w0 * b + w1 * vec4f(b.yzw, c.x) + w2 * vec4f(b.zw, c.xy) + w3 * vec4f(b.w, c.xyz) + w4 * c;
        }
      }
      @elif(rolling) {
        let l = first + left;
        let r = first + right;
        var a = select(vec4f(), vec4f(x[l.x], x[l.y], x[l.z], x[l.w]), leftInside);
        var b = select(vec4f(), vec4f(x[r.x], x[r.y], x[r.z], x[r.w]), rightInside);
        for (var kw = 0u; kw < unbounded; kw++) {
          if (kw >= tapsOfRow) {
            break;
          }
          let w = weights[weight + kw];
          low += w * a;
          high += w * b;
          let at = firstColumn + 8u + kw;
          let next = select(0.0, x[first + at], at < width);
          a = vec4f(a.yzw, b.x);
          b = vec4f(b.yzw, next);
        }
      }
      @else {
        for (var kw = 0u; kw < unbounded; kw++) {
          if (kw >= tapsOfRow) {
            break;
          }
          let w = weights[weight + kw];
          let lc = left + kw * uniforms.dilationWidth;
          let rc = right + kw * uniforms.dilationWidth;
          let l = first + lc;
          let r = first + rc;
          low += w * select(vec4f(), vec4f(x[l.x], x[l.y], x[l.z], x[l.w]), lc < vec4u(width));
          high += w * select(vec4f(), vec4f(x[r.x], x[r.y], x[r.z], x[r.w]), rc < vec4u(width));
        }
      }
    }
  }

  let added = select(0.0, bias[channel], uniforms.hasBias == 1u);
  let curve = curveOf(uniforms);
  let lowResult = curveAt(low + added, curve);
  let highResult = curveAt(high + added, curve);
  let goal = line * uniforms.outputWidth + column;
  // Written out: an element of a vector by a variable index takes four comparisons on SwiftShader.
  let count = uniforms.outputWidth - column;
  y[goal] = lowResult.x;
  if (count > 1u) { y[goal + 1u] = lowResult.y; }
  if (count > 2u) { y[goal + 2u] = lowResult.z; }
  if (count > 3u) { y[goal + 3u] = lowResult.w; }
  if (count > 4u) { y[goal + 4u] = highResult.x; }
  if (count > 5u) { y[goal + 5u] = highResult.y; }
  if (count > 6u) { y[goal + 6u] = highResult.z; }
  if (count > 7u) { y[goal + 7u] = highResult.w; }
}
