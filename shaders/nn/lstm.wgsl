import package::shared::dispatch::linearWorkgroup;
import package::nn::recurrence::{Cell, Recurrence, cellOf, hyperbolicTangent, logistic, sampleOf};

// One step of an LSTM. Gates lie in the order input, output, forget, cell.
//
// projected    [direction][time and sample][4 units]: the input times its weights
// weights      [direction][4 units][units], of the state before
// parameters   [direction]: biases of the input [4 units] and of the state [4 units], then the peephole weights of input,
//              output and forget gate [3 units], where there are any
// initial      states before the first step, where there are any
// lengths      int32 [sample], where there are any
// y            states of every step; zeros beyond the length of a sample
// hidden       before the first step the initial states, after each the present ones
// memory       cell states, before the first step the initial ones, after each the present ones
// Dispatch: one invocation a cell, from cell `firstCell` on.

@group(0) @binding(0) var<uniform> uniforms: Recurrence;
@group(0) @binding(1) var<storage, read> projected: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read> initial: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<i32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(8) var<storage, read_write> memory: array<f32>;

fn stateBefore(cell: Cell, unit: u32) -> f32 {
  if (uniforms.step > 0u) {
    return y[cell.previous + unit];
  }
  return select(0.0, initial[cell.state + unit], uniforms.hasInitial == 1u);
}

fn bounded(x: f32) -> f32 {
  return clamp(x, -uniforms.clip, uniforms.clip);
}

fn peephole(cell: Cell, gate: u32, value: f32) -> f32 {
  let place = cell.direction * uniforms.parameterStride + uniforms.peepholes + gate * uniforms.unitCount + cell.unit;
  return select(0.0, parameters[place] * value, uniforms.hasPeepholes == 1u);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.firstCell + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.endCell) {
    return;
  }
  let cell = cellOf(uniforms, index, lengths[sampleOf(uniforms, index)]);
  let place = cell.state + cell.unit;
  if (uniforms.step >= cell.length) {
    y[cell.yBeyond + cell.unit] = 0.0;
    return;
  }
  let units = uniforms.unitCount;
  let weightRow = cell.direction * 4u * units + cell.unit;
  var sums = vec4f();
  for (var k = 0u; k < 0x7fffffffu; k++) {
    if (k >= units) {
      break;
    }
    let weight = weightRow * units + k;
    sums += stateBefore(cell, k) * vec4f(
      weights[weight],
      weights[weight + units * units],
      weights[weight + 2u * units * units],
      weights[weight + 3u * units * units],
    );
  }
  for (var gate = 0u; gate < 4u; gate++) {
    let parameter = cell.direction * uniforms.parameterStride + gate * units + cell.unit;
    let bias = parameters[parameter] + parameters[parameter + 4u * units];
    sums[gate] += projected[cell.row * 4u * units + gate * units + cell.unit] + select(0.0, bias, uniforms.hasBias == 1u);
  }
  let before = memory[place];
  let input = logistic(bounded(sums.x + peephole(cell, 0u, before)));
  let separate = logistic(bounded(sums.z + peephole(cell, 2u, before)));
  let forget = select(separate, 1.0 - input, uniforms.coupled == 1u);
  let now = forget * before + input * hyperbolicTangent(bounded(sums.w));
  let output = logistic(bounded(sums.y + peephole(cell, 1u, now)));
  let state = output * hyperbolicTangent(now);
  memory[place] = now;
  hidden[place] = state;
  y[cell.y + cell.unit] = state;
}
