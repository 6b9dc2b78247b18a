// Windows that move over the spatial axes of a tensor and leave one number each.
//
// x        [planes][depth][height][width], float32 (or int32, see below)
// y        [planes][output depth][height][width], of the same type
// indices  like y, int32: where in x the maximum was found, the first of equal ones; -1 where a window covers nothing
// Conditions: integer (of the maxima), elements are int32; power (of `mean`), the root of the sum of powers, not the mean.
// Dispatch: one invocation an element of y, from elementStart on.
import package::shared::dispatch::linearWorkgroup;
@if(power) import package::shared::power::{powered, rooted};

struct Uniforms {
  elementStart: u32,
  elementEnd: u32,
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
  // What an index counts for a step along each axis.
  indexDepth: u32,
  indexHeight: u32,
  indexWidth: u32,
  // The bits of the maximum of nothing.
  lowest: i32,
  // p of the power.
  exponent: f32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@if(integer) @group(0) @binding(1) var<storage, read> x: array<i32>;
@else @group(0) @binding(1) var<storage, read> x: array<f32>;
@if(integer) @group(0) @binding(2) var<storage, read_write> y: array<i32>;
@else @group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;

@if(integer) alias Element = i32;
@else alias Element = f32;

const unbounded = 0x7fffffffu;

// Where the window of an element of y begins.
struct Place {
  plane: u32,
  corner: vec3i,
}

fn placeOf(element: u32) -> Place {
  var rest = element;
  let column = rest % uniforms.outputWidth;
  rest /= uniforms.outputWidth;
  let row = rest % uniforms.outputHeight;
  rest /= uniforms.outputHeight;
  let at = vec3u(rest % uniforms.outputDepth, row, column)
    * vec3u(uniforms.strideDepth, uniforms.strideHeight, uniforms.strideWidth);
  let pad = vec3i(uniforms.padDepth, uniforms.padHeight, uniforms.padWidth);
  return Place(rest / uniforms.outputDepth, vec3i(at) - pad);
}

fn tapCount() -> u32 {
  return uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;
}

fn tapOf(tap: u32) -> vec3i {
  let plane = tap / uniforms.kernelWidth;
  let place = vec3u(plane / uniforms.kernelHeight, plane % uniforms.kernelHeight, tap % uniforms.kernelWidth);
  return vec3i(place * vec3u(uniforms.dilationDepth, uniforms.dilationHeight, uniforms.dilationWidth));
}

fn inputLengths() -> vec3u {
  return vec3u(uniforms.inputDepth, uniforms.inputHeight, uniforms.inputWidth);
}

struct Maximum {
  value: Element,
  index: i32,
}

fn maximumOf(element: u32) -> Maximum {
  let place = placeOf(element);
  let lengths = inputLengths();
  let first = place.plane * lengths.x * lengths.y * lengths.z;
  @if(integer) var found = Maximum(uniforms.lowest, -1);
  @else var found = Maximum(bitcast<f32>(uniforms.lowest), -1);
  let taps = tapCount();
  for (var tap = 0u; tap < unbounded; tap++) {
    if (tap >= taps) {
      break;
    }
    // Coordinates before the first element wrap to large ones.
    let at = vec3u(place.corner + tapOf(tap));
    if (all(at < lengths)) {
      let value = x[first + (at.x * lengths.y + at.y) * lengths.z + at.z];
      if (found.index < 0 || value > found.value) {
        let step = vec3u(uniforms.indexDepth, uniforms.indexHeight, uniforms.indexWidth);
        found = Maximum(value, i32(first + at.x * step.x + at.y * step.y + at.z * step.z));
      }
    }
  }
  return found;
}

@compute @workgroup_size(64)
fn maximum(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = uniforms.elementStart + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.elementEnd) { return; }
  y[element] = maximumOf(element).value;
}

@compute @workgroup_size(64)
fn indexedMaximum(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = uniforms.elementStart + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.elementEnd) { return; }
  let found = maximumOf(element);
  y[element] = found.value;
  indices[element] = found.index;
}

@if(!integer)
@compute @workgroup_size(64)
fn mean(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = uniforms.elementStart + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.elementEnd) { return; }
  let place = placeOf(element);
  let lengths = inputLengths();
  let first = place.plane * lengths.x * lengths.y * lengths.z;
  let end = vec3i(lengths) + vec3i(uniforms.afterDepth, uniforms.afterHeight, uniforms.afterWidth);
  var sum = 0.0;
  var count = 0u;
  let taps = tapCount();
  for (var tap = 0u; tap < unbounded; tap++) {
    if (tap >= taps) {
      break;
    }
    let coordinates = place.corner + tapOf(tap);
    let at = vec3u(coordinates);
    let inside = all(at < lengths);
    if (inside) {
      let value = x[first + (at.x * lengths.y + at.y) * lengths.z + at.z];
      @if(power) sum += powered(value, uniforms.exponent);
      @else sum += value;
    }
    if (inside || (uniforms.countPadding == 1u && all(coordinates < end))) {
      count++;
    }
  }
  @if(power) y[element] = rooted(sum, uniforms.exponent);
  @else y[element] = sum / f32(max(count, 1u));
}
