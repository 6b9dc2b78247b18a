import package::shared::dispatch::linearWorkgroup;
import package::shared::merge::{greatestOfLanes, sumOfLanes};
import constants::LANES;

// Softmax along an axis: the exponentials of the elements less their greatest, over their sum; or the logarithm of that.
//
// x, y     float32 [outer][length][inner]; a row is the `length` elements of one outer and one inner index
// Conditions: logarithm; cooperative, LANES > 1.
// Constants: LANES, invocations that share a row: 1 or 64.
// Dispatch: 64 / LANES rows a workgroup, from row `firstRow` on.

struct Uniforms {
  length: u32,
  inner: u32,
  firstRow: u32,
  endRow: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const width = 64u;
const lowest = -3.4028234e38;

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * (width / LANES) + local / LANES;
  let first = local % LANES;
  let length = select(0u, uniforms.length, row < uniforms.endRow);
  let inner = uniforms.inner;
  let start = row / inner * (uniforms.length * inner) + row % inner;

  var greatest = lowest;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let i = first + step * LANES;
    if (i >= length) {
      break;
    }
    greatest = max(greatest, x[start + i * inner]);
  }
  @if(cooperative) greatest = greatestOfLanes(greatest, local);

  var sum = 0.0;
  var part = 0.0;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let i = first + step * LANES;
    if (i >= length) {
      break;
    }
    part += exp(x[start + i * inner] - greatest);
    // Sums of sums: long rows stay accurate.
    if (step % 256u == 255u) {
      sum += part;
      part = 0.0;
    }
  }
  sum += part;
  @if(cooperative) sum = sumOfLanes(sum, local);

  @if(logarithm) let logarithm = log(sum);
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let i = first + step * LANES;
    if (i >= length) {
      break;
    }
    let place = start + i * inner;
    @if(logarithm) y[place] = x[place] - greatest - logarithm;
    @else y[place] = exp(x[place] - greatest) / sum;
  }
}
