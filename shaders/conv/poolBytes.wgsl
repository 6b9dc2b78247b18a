// Maxima or means of 8-bit elements in windows that move over the spatial axes of a tensor with its channels last.
//
// x        [batch][depth][height][width][channels], rows of channels padded with zeros to `quads` vectors of 16 bytes;
//          signed, or unsigned with their highest bits flipped by xFlip
// y        [batch][output depth][height][width][channels], likewise
// factors  for `mean`, as (multiplier, shift): what the sum of a window with n elements is scaled by
// Conditions: padded, rows of channels end within a vector.
// Dispatch: one invocation 16 bytes of y, from `start` on.
//
// On SwiftShader 3 by 3 maxima of [1, 96, 80, 80] take 35 ms, in float32 290 ms, means 90 and 287 ms.
import package::shared::dispatch::linearWorkgroup;
import package::shared::bytes::{bytesOnTop, signedBytes};
import package::shared::requantize::scaledBytesHalfEven;
@if(padded) import package::shared::bytes::bytesInRow;

struct Uniforms {
  start: u32,
  end: u32,
  channels: u32,
  quads: u32,
  inputDepth: u32,
  inputHeight: u32,
  inputWidth: u32,
  outputDepth: u32,
  outputHeight: u32,
  outputWidth: u32,
  kernelDepth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideDepth: u32,
  strideHeight: u32,
  strideWidth: u32,
  dilationDepth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  padDepth: i32,
  padHeight: i32,
  padWidth: i32,
  // Places after the last element that a mean counts.
  afterDepth: i32,
  afterHeight: i32,
  afterWidth: i32,
  // 1 where a mean is over the places in the padding too.
  countPadding: u32,
  xFlip: u32,
  // Zero point of signed codes of x.
  xZero: i32,
  yZero: i32,
  lowest: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(3) var<storage, read> factors: array<vec2i>;

const unbounded = 0x7fffffffu;

struct Place {
  batch: u32,
  quad: u32,
  corner: vec3i,
}

fn placeOf(index: u32) -> Place {
  var rest = index / uniforms.quads;
  let quad = index - rest * uniforms.quads;
  let column = rest % uniforms.outputWidth;
  rest /= uniforms.outputWidth;
  let row = rest % uniforms.outputHeight;
  rest /= uniforms.outputHeight;
  let at = vec3u(rest % uniforms.outputDepth, row, column)
    * vec3u(uniforms.strideDepth, uniforms.strideHeight, uniforms.strideWidth);
  let pad = vec3i(uniforms.padDepth, uniforms.padHeight, uniforms.padWidth);
  return Place(rest / uniforms.outputDepth, quad, vec3i(at) - pad);
}

fn tapOf(tap: u32) -> vec3i {
  let plane = tap / uniforms.kernelWidth;
  let place = vec3u(plane / uniforms.kernelHeight, plane % uniforms.kernelHeight, tap - plane * uniforms.kernelWidth);
  return vec3i(place * vec3u(uniforms.dilationDepth, uniforms.dilationHeight, uniforms.dilationWidth));
}

fn inputLengths() -> vec3u {
  return vec3u(uniforms.inputDepth, uniforms.inputHeight, uniforms.inputWidth);
}

fn elementsAt(place: Place, at: vec3u) -> vec4u {
  let pixel = ((place.batch * uniforms.inputDepth + at.x) * uniforms.inputHeight + at.y) * uniforms.inputWidth + at.z;
  return x[pixel * uniforms.quads + place.quad] ^ vec4u(uniforms.xFlip);
}

fn write(index: u32, codes: vec4u) {
  @if(padded) y[index] = codes & bytesInRow((index % uniforms.quads) * 16u, uniforms.channels);
  @else y[index] = codes;
}

// Four bytes that lie on top of integers, as a word.
fn packedTops(bytes: vec4i) -> u32 {
  let tops = vec4u(bytes);
  return (tops.x >> 24u) | (tops.y >> 16u) | (tops.z >> 8u) | tops.w;
}

@compute @workgroup_size(64)
fn maximum(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.end) { return; }
  let place = placeOf(index);
  let lengths = inputLengths();
  let least = vec4i(-0x7fffffff - 1);
  var found0 = least;
  var found1 = least;
  var found2 = least;
  var found3 = least;
  let taps = uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;
  for (var tap = 0u; tap < unbounded; tap++) {
    if (tap >= taps) {
      break;
    }
    // Coordinates before the first element wrap to large ones.
    let at = vec3u(place.corner + tapOf(tap));
    if (all(at < lengths)) {
      let words = elementsAt(place, at);
      found0 = max(found0, bytesOnTop(words.x));
      found1 = max(found1, bytesOnTop(words.y));
      found2 = max(found2, bytesOnTop(words.z));
      found3 = max(found3, bytesOnTop(words.w));
    }
  }
  let codes = vec4u(packedTops(found0), packedTops(found1), packedTops(found2), packedTops(found3));
  write(index, codes ^ vec4u(uniforms.xFlip));
}

@compute @workgroup_size(64)
fn mean(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.end) { return; }
  let place = placeOf(index);
  let lengths = inputLengths();
  let end = vec3i(lengths) + vec3i(uniforms.afterDepth, uniforms.afterHeight, uniforms.afterWidth);
  var sum0 = vec4i();
  var sum1 = vec4i();
  var sum2 = vec4i();
  var sum3 = vec4i();
  var count = 0u;
  let zero = vec4i(uniforms.xZero);
  let taps = uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;
  for (var tap = 0u; tap < unbounded; tap++) {
    if (tap >= taps) {
      break;
    }
    let coordinates = place.corner + tapOf(tap);
    let at = vec3u(coordinates);
    let inside = all(at < lengths);
    if (inside) {
      let words = elementsAt(place, at);
      sum0 += signedBytes(words.x) - zero;
      sum1 += signedBytes(words.y) - zero;
      sum2 += signedBytes(words.z) - zero;
      sum3 += signedBytes(words.w) - zero;
    }
    if (inside || (uniforms.countPadding == 1u && all(coordinates < end))) {
      count++;
    }
  }
  let factor = factors[count];
  write(index, vec4u(
    scaledBytesHalfEven(sum0, factor, uniforms.yZero, uniforms.lowest),
    scaledBytesHalfEven(sum1, factor, uniforms.yZero, uniforms.lowest),
    scaledBytesHalfEven(sum2, factor, uniforms.yZero, uniforms.lowest),
    scaledBytesHalfEven(sum3, factor, uniforms.yZero, uniforms.lowest),
  ));
}
