import package::shared::convolution::{Uniforms, curveOf, gridStep, outputPixel, reachOf, tileOf};
import package::shared::curve::curveAt;
import package::shared::dispatch::linearWorkgroup;

// Float32 convolution without workgroup memory, for adapters that run shaders on the CPU: one invocation makes 8 channels
// of 8 pixels, tap by tap, and reads each input element straight from its place.
//
// x: [batch][group][inputChannels][depth][height][width], weights: as arrange.wgsl lays them, bias: [group][outputChannels],
// y: like x with the output's lengths.
// Conditions: transposed; whole, where every tap of every pixel lies in the input, so that none is checked; those of
// shared/curve.wgsl.
//
// Measured for 1 x 1, 240 to 240 channels, 12 x 80 on SwiftShader (busy cores, best of 7, GFLOP/s): 2.5 with checks, 2.9
// without; 16 channels 1.6; sums in 16 variables instead of an array 2.2; x read as vectors of 4 2.8, which would need rows
// of a multiple of 4. By time of the CPU: stores written out instead of in a loop 1.3 times as fast for
// 64 and 128 channels; 2 or 4 input channels a step slower (0.9, 0.5: too many values at once); pixels of neighbouring
// invocations interleaved no faster. The matrix product of src/gemm does as much as the version with checks, so 1 x 1 is not sent there.
// Dispatch: one invocation a tile of 8 channels x 8 pixels (see shared/convolution.wgsl).

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
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
  let tile = tileOf(index, uniforms);
  let pixel = tile.pixel * 8u;
  let channel = tile.channel * 8u;
  let left = pixel + vec4u(0u, 1u, 2u, 3u);
  let right = left + 4u;
  let step = gridStep(uniforms);
  let leftPlane = left / uniforms.gridWidth;
  let rightPlane = right / uniforms.gridWidth;
  let leftColumn = vec4i(left % uniforms.gridWidth) * step.z;
  let rightColumn = vec4i(right % uniforms.gridWidth) * step.z;
  let leftRow = vec4i(leftPlane % uniforms.gridHeight) * step.y;
  let rightRow = vec4i(rightPlane % uniforms.gridHeight) * step.y;
  let leftDepth = vec4i(leftPlane / uniforms.gridHeight) * step.x;
  let rightDepth = vec4i(rightPlane / uniforms.gridHeight) * step.x;

  let planeSize = uniforms.inputDepth * uniforms.inputHeight * uniforms.inputWidth;
  let image = (tile.batch * uniforms.groups + tile.group) * uniforms.inputChannels * planeSize;
  let weightStep = uniforms.weightChannels / 4u;
  let taps = uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;
  let firstWeight = tile.group * taps * uniforms.inputChannels * weightStep + channel / 4u;

  var sums: array<vec4f, 16>;
  for (var tap = 0u; tap < unbounded; tap++) {
    if (tap >= taps) {
      break;
    }
    let reach = reachOf(tap, tile.phase, uniforms);
    @if(transposed) {
      if (!reach.reaches) {
        continue;
      }
    }
    // Coordinates before the first element wrap to large ones; what is read there, and for pixels beyond the last, is not
    // used.
    let ld = vec4u(leftDepth + reach.shift.x);
    let lr = vec4u(leftRow + reach.shift.y);
    let lc = vec4u(leftColumn + reach.shift.z);
    let rd = vec4u(rightDepth + reach.shift.x);
    let rr = vec4u(rightRow + reach.shift.y);
    let rc = vec4u(rightColumn + reach.shift.z);
    @if(!whole) let lInside = (ld < vec4u(uniforms.inputDepth)) & (lr < vec4u(uniforms.inputHeight)) & (lc < vec4u(uniforms.inputWidth));
    @if(!whole) let rInside = (rd < vec4u(uniforms.inputDepth)) & (rr < vec4u(uniforms.inputHeight)) & (rc < vec4u(uniforms.inputWidth));
    let l = (ld * uniforms.inputHeight + lr) * uniforms.inputWidth + lc + image;
    let r = (rd * uniforms.inputHeight + rr) * uniforms.inputWidth + rc + image;
    var channelStart = 0u;
    var weight = firstWeight + tap * uniforms.inputChannels * weightStep;
    for (var c = 0u; c < unbounded; c++) {
      if (c >= uniforms.inputChannels) {
        break;
      }
      let atLeft = l + channelStart;
      let atRight = r + channelStart;
      var a = vec4f(x[atLeft.x], x[atLeft.y], x[atLeft.z], x[atLeft.w]);
      var b = vec4f(x[atRight.x], x[atRight.y], x[atRight.z], x[atRight.w]);
      @if(!whole) {
        a = select(vec4f(), a, lInside);
        b = select(vec4f(), b, rInside);
      }
      let w0 = weights[weight];
      let w1 = weights[weight + 1u];
      sums[0] += w0.x * a;
      sums[1] += w0.x * b;
      sums[2] += w0.y * a;
      sums[3] += w0.y * b;
      sums[4] += w0.z * a;
      sums[5] += w0.z * b;
      sums[6] += w0.w * a;
      sums[7] += w0.w * b;
      sums[8] += w1.x * a;
      sums[9] += w1.x * b;
      sums[10] += w1.y * a;
      sums[11] += w1.y * b;
      sums[12] += w1.z * a;
      sums[13] += w1.z * b;
      sums[14] += w1.w * a;
      sums[15] += w1.w * b;
      channelStart += planeSize;
      weight += weightStep;
    }
  }

  let outputSize = uniforms.outputDepth * uniforms.outputHeight * uniforms.outputWidth;
  let firstChannel = tile.group * uniforms.outputChannels;
  let goal = (tile.batch * uniforms.groups * uniforms.outputChannels + firstChannel) * outputSize;
  let curve = curveOf(uniforms);
  let place0 = outputPixel(pixel, tile.phase, uniforms);
  let place1 = outputPixel(pixel + 1u, tile.phase, uniforms);
  let place2 = outputPixel(pixel + 2u, tile.phase, uniforms);
  let place3 = outputPixel(pixel + 3u, tile.phase, uniforms);
  let place4 = outputPixel(pixel + 4u, tile.phase, uniforms);
  let place5 = outputPixel(pixel + 5u, tile.phase, uniforms);
  let place6 = outputPixel(pixel + 6u, tile.phase, uniforms);
  let place7 = outputPixel(pixel + 7u, tile.phase, uniforms);
  for (var i = 0u; i < 8u; i++) {
    if (channel + i >= uniforms.outputChannels) {
      break;
    }
    let added = select(0.0, bias[firstChannel + channel + i], uniforms.hasBias == 1u);
    let low = curveAt(sums[i * 2u] + added, curve);
    let high = curveAt(sums[i * 2u + 1u] + added, curve);
    let row = goal + (channel + i) * outputSize;
    // Written out: an element of a vector by a variable index takes four comparisons on SwiftShader.
    if (place0 < outputSize) { y[row + place0] = low.x; }
    if (place1 < outputSize) { y[row + place1] = low.y; }
    if (place2 < outputSize) { y[row + place2] = low.z; }
    if (place3 < outputSize) { y[row + place3] = low.w; }
    if (place4 < outputSize) { y[row + place4] = high.x; }
    if (place5 < outputSize) { y[row + place5] = high.y; }
    if (place6 < outputSize) { y[row + place6] = high.z; }
    if (place7 < outputSize) { y[row + place7] = high.w; }
  }
}
