import package::shared::convolution::{Uniforms, curveOf, gridStep, outputPixel, reachOf, tileOf};
import package::shared::curve::curveAt;
import package::shared::dispatch::linearWorkgroup;
import constants::EDGE;

// Float32 convolution for GPUs, as an implicit matrix product: a workgroup of 16 x 16 invocations makes 16 EDGE channels of
// 16 EDGE pixels from tiles of 16 input channels of one tap in workgroup memory, [channel][output channel] and
// [channel][pixel]. An invocation (a, b) has output channels b + 16 i and pixels a + 16 j. EDGE: 4 or 2.
//
// x: [batch][group][inputChannels][depth][height][width], weights: as arrange.wgsl lays them, bias: [group][outputChannels],
// y: like x with the output's lengths.
// Conditions: transposed; those of shared/curve.wgsl.
// Dispatch: one workgroup a tile (see shared/convolution.wgsl).

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const unbounded = 0x7fffffffu;
const side = 16u * EDGE;
// Rows of a tile that all invocations together load at once.
const rowsAtOnce = 256u / side;

var<workgroup> weightTile: array<f32, 16u * side>;
var<workgroup> pixelTile: array<f32, 16u * side>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = uniforms.tileStart + linearWorkgroup(workgroup, workgroups);
  if (index >= uniforms.tileEnd) {
    return;
  }
  let tile = tileOf(index, uniforms);
  let pixelFirst = tile.pixel * side;
  let channelFirst = tile.channel * side;
  // What this invocation loads: one pixel and one output channel, of several input channels.
  let loaded = pixelFirst + thread % side;
  let loadedRow = thread / side;
  let plane = loaded / uniforms.gridWidth;
  let place = gridStep(uniforms)
    * vec3i(vec3u(plane / uniforms.gridHeight, plane % uniforms.gridHeight, loaded % uniforms.gridWidth));
  let output = channelFirst + thread % side;
  let lengths = vec3u(uniforms.inputDepth, uniforms.inputHeight, uniforms.inputWidth);
  let planeSize = lengths.x * lengths.y * lengths.z;
  let image = (tile.batch * uniforms.groups + tile.group) * uniforms.inputChannels * planeSize;
  let taps = uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;
  let columnOfLanes = thread % 16u;
  let rowOfLanes = thread / 16u;
  var sums: array<f32, EDGE * EDGE>;

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
    // Coordinates before the first element wrap to large ones.
    let at = vec3u(place + reach.shift);
    let inside = all(at < lengths);
    let offset = image + (at.x * lengths.y + at.y) * lengths.z + at.z;
    let firstWeight = (tile.group * taps + tap) * uniforms.inputChannels;
    for (var begin = 0u; begin < unbounded; begin++) {
      let first = begin * 16u;
      if (first >= uniforms.inputChannels) {
        break;
      }
      for (var load = 0u; load < EDGE; load++) {
        let row = load * rowsAtOnce + loadedRow;
        let input = first + row;
        let exists = input < uniforms.inputChannels;
        var element = 0.0;
        if (exists && inside) {
          element = x[offset + input * planeSize];
        }
        pixelTile[load * 256u + thread] = element;
        var weight = 0.0;
        if (exists && output < uniforms.weightChannels) {
          weight = weights[(firstWeight + input) * uniforms.weightChannels + output];
        }
        weightTile[load * 256u + thread] = weight;
      }
      workgroupBarrier();
      for (var k = 0u; k < 16u; k++) {
        if (first + k >= uniforms.inputChannels) {
          break;
        }
        var rows: array<f32, EDGE>;
        for (var i = 0u; i < EDGE; i++) {
          rows[i] = weightTile[k * side + i * 16u + rowOfLanes];
        }
        for (var j = 0u; j < EDGE; j++) {
          let column = pixelTile[k * side + j * 16u + columnOfLanes];
          for (var i = 0u; i < EDGE; i++) {
            sums[i * EDGE + j] += rows[i] * column;
          }
        }
      }
      workgroupBarrier();
    }
  }

  let outputSize = uniforms.outputDepth * uniforms.outputHeight * uniforms.outputWidth;
  let firstChannel = tile.group * uniforms.outputChannels;
  let goal = (tile.batch * uniforms.groups * uniforms.outputChannels + firstChannel) * outputSize;
  let curve = curveOf(uniforms);
  for (var j = 0u; j < EDGE; j++) {
    let position = outputPixel(pixelFirst + j * 16u + columnOfLanes, tile.phase, uniforms);
    if (position >= outputSize) {
      continue;
    }
    for (var i = 0u; i < EDGE; i++) {
      let channel = channelFirst + i * 16u + rowOfLanes;
      if (channel >= uniforms.outputChannels) {
        break;
      }
      let added = select(0.0, bias[firstChannel + channel], uniforms.hasBias == 1u);
      y[goal + channel * outputSize + position] = curveAt(vec4f(sums[i * EDGE + j] + added), curve).x;
    }
  }
}
