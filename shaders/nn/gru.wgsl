import package::shared::dispatch::linearWorkgroup;
import package::nn::recurrence::{Cell, Recurrence, cellOf, hyperbolicTangent, logistic, sampleOf};

// One step of a GRU. Gates lie in the order update, reset, candidate.
//
// projected    [direction][time and sample][3 units]: the input times its weights
// weights      [direction][3 units][units], of the state before
// parameters   [direction]: biases of the input [3 units] and of the state [3 units], where there are any
// initial      states before the first step, where there are any
// lengths      int32 [sample], where there are any
// y            states of every step; zeros beyond the length of a sample
// hidden       before the first step the initial states, after each the present ones
// gated        [direction][sample][2][units]: the update gates, and the states before as the reset gates leave them
// Conditions: none where a candidate's sum over the states is reset as a whole. Where the states themselves are reset, all
//   gates have to be known before: gates writes `gated`, candidate reads it.
// Dispatch: one invocation a cell, from cell `firstCell` on.

@group(0) @binding(0) var<uniform> uniforms: Recurrence;
@group(0) @binding(1) var<storage, read> projected: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read> initial: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<i32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(8) var<storage, read_write> gated: array<f32>;

fn stateBefore(cell: Cell, unit: u32) -> f32 {
  if (uniforms.step > 0u) {
    return y[cell.previous + unit];
  }
  return select(0.0, initial[cell.state + unit], uniforms.hasInitial == 1u);
}

fn bounded(x: f32) -> f32 {
  return clamp(x, -uniforms.clip, uniforms.clip);
}

// What a gate gets from the input, and the bias of its state.
fn inputOf(cell: Cell, gate: u32) -> f32 {
  let units = uniforms.unitCount;
  let bias = parameters[cell.direction * uniforms.parameterStride + gate * units + cell.unit];
  return projected[cell.row * 3u * units + gate * units + cell.unit] + select(0.0, bias, uniforms.hasBias == 1u);
}

fn stateBias(cell: Cell, gate: u32) -> f32 {
  let units = uniforms.unitCount;
  let bias = parameters[cell.direction * uniforms.parameterStride + (3u + gate) * units + cell.unit];
  return select(0.0, bias, uniforms.hasBias == 1u);
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
  let units = uniforms.unitCount;
  let place = cell.state + cell.unit;
  let sample = index / units * 2u * units;
  if (uniforms.step >= cell.length) {
    @if(!gates) y[cell.yBeyond + cell.unit] = 0.0;
    return;
  }
  let weightRow = cell.direction * 3u * units + cell.unit;
  var sums = vec3f();
  for (var k = 0u; k < 0x7fffffffu; k++) {
    if (k >= units) {
      break;
    }
    let weight = weightRow * units + k;
    @if(candidate) sums.z += gated[sample + units + k] * weights[weight + 2u * units * units];
    @if(!candidate) {
      let state = stateBefore(cell, k);
      sums.x += state * weights[weight];
      sums.y += state * weights[weight + units * units];
      @if(!gates) sums.z += state * weights[weight + 2u * units * units];
    }
  }
  @if(candidate) let update = gated[sample + cell.unit];
  @else let update = logistic(bounded(sums.x + inputOf(cell, 0u) + stateBias(cell, 0u)));
  @if(!candidate) let reset = logistic(bounded(sums.y + inputOf(cell, 1u) + stateBias(cell, 1u)));
  @if(gates) {
    gated[sample + cell.unit] = update;
    gated[sample + units + cell.unit] = reset * stateBefore(cell, cell.unit);
  }
  @if(!gates) {
    @if(candidate) let fromState = sums.z + stateBias(cell, 2u);
    @else let fromState = reset * (sums.z + stateBias(cell, 2u));
    let proposed = hyperbolicTangent(bounded(fromState + inputOf(cell, 2u)));
    let state = (1.0 - update) * proposed + update * stateBefore(cell, cell.unit);
    y[cell.y + cell.unit] = state;
    hidden[place] = state;
  }
}
