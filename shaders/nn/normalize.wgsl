import package::shared::dispatch::linearWorkgroup;
import package::shared::merge::sumOfLanes;
import constants::LANES;

// Normalizes rows: y = (x - mean) / deviation · scale + bias, in two passes over a row for mean and deviation.
//
// x, y             float32 [outer][length][inner]; a row is the `length` elements of one outer and one inner index
// scale, bias      float32 [parameterCount], where there are any; element i of row r has parameter
//                  (r % rowPeriod · rowParameters + i / elementsPerParameter) % parameterCount
// mean, inverse    float32, one a row: what is subtracted, and what is multiplied by
// Conditions: centred, the mean is subtracted (0 without); cooperative, LANES > 1.
// Constants: LANES, invocations that share a row: 1 or 64.
// Dispatch: 64 / LANES rows a workgroup, from row `firstRow` on.

struct Uniforms {
  length: u32,
  inner: u32,
  firstRow: u32,
  endRow: u32,
  rowPeriod: u32,
  rowParameters: u32,
  elementsPerParameter: u32,
  parameterCount: u32,
  hasScale: u32,
  hasBias: u32,
  // The deviation: 0 the root of the mean of squares + epsilon, 1 the root of the sum of squares, 2 the sum of magnitudes.
  measure: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> inverse: array<f32>;

const width = 64u;

fn inverseOf(sum: f32) -> f32 {
  switch uniforms.measure {
    case 0u: {
      return 1.0 / sqrt(sum / f32(uniforms.length) + uniforms.epsilon);
    }
    case 1u: {
      return select(1.0 / sqrt(sum), 0.0, sum == 0.0);
    }
    default: {
      return select(1.0 / sum, 0.0, sum == 0.0);
    }
  }
}

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * (width / LANES) + local / LANES;
  let first = local % LANES;
  let inside = row < uniforms.endRow;
  let length = select(0u, uniforms.length, inside);
  let inner = uniforms.inner;
  let start = row / inner * (uniforms.length * inner) + row % inner;

  var centre = 0.0;
  @if(centred) {
    var part = 0.0;
    for (var step = 0u; step < 0x7fffffffu; step++) {
      let i = first + step * LANES;
      if (i >= length) {
        break;
      }
      part += x[start + i * inner];
      // Sums of sums: long rows stay accurate.
      if (step % 256u == 255u) {
        centre += part;
        part = 0.0;
      }
    }
    centre += part;
    @if(cooperative) centre = sumOfLanes(centre, local);
    centre /= f32(uniforms.length);
  }

  var sum = 0.0;
  var part = 0.0;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let i = first + step * LANES;
    if (i >= length) {
      break;
    }
    let value = x[start + i * inner] - centre;
    part += select(value * value, abs(value), uniforms.measure == 2u);
    if (step % 256u == 255u) {
      sum += part;
      part = 0.0;
    }
  }
  sum += part;
  @if(cooperative) sum = sumOfLanes(sum, local);
  let factor = inverseOf(sum);
  if (inside && first == 0u) {
    mean[row] = centre;
    inverse[row] = factor;
  }

  let parameterFirst = row % uniforms.rowPeriod * uniforms.rowParameters;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let i = first + step * LANES;
    if (i >= length) {
      break;
    }
    let place = start + i * inner;
    let parameter = (parameterFirst + i / uniforms.elementsPerParameter) % uniforms.parameterCount;
    let multiplied = (x[place] - centre) * factor * select(1.0, scale[parameter], uniforms.hasScale == 1u);
    y[place] = multiplied + select(0.0, bias[parameter], uniforms.hasBias == 1u);
  }
}
