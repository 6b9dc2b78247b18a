// Counts the elements of a tensor in the histograms of their parameters, whose grids hold them.
//
// x       float32, as bits; the window of it that is bound. Elements that are not finite are left out.
// state   of each parameter: see calib/histogramGrid
// Conditions: nested, a parameter's elements lie in several runs; cooperative, LANES is 64 and the workgroup counts in memory
// of its own first.
// Constants: LANES, invocations that share a parameter: 1, 8 or 64.
// Dispatch: 64 / LANES slots a workgroup.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{infinityBits, magnitudeMask};
import package::quant::reduction::{Reduction, shareOf, elementOf};
import package::calib::histogramGrid::{cellOf, cellCount, countsAt, stateWords, exponentBias};
import constants::LANES;

const width = 64u;

@group(0) @binding(0) var<uniform> uniforms: Reduction;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> state: array<atomic<u32>>;

@if(cooperative) var<workgroup> cells: array<atomic<u32>, cellCount>;

fn add(place: u32, count: u32) {
  if (count == 0u) { return; }
  @if(cooperative) atomicAdd(&cells[place], count);
  @else atomicAdd(&state[place], count);
}

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let part = local / LANES;
  let slot = uniforms.firstSlot + linearWorkgroup(workgroup, workgroups) * (width / LANES) + part;
  let share = shareOf(uniforms, slot, local % LANES, LANES);
  let base = share.output * stateWords;
  let counts = base + countsAt;
  @if(cooperative) let origin = 0u;
  @else let origin = counts;
  let exponent = i32(atomicLoad(&state[base])) - exponentBias;
  let first = bitcast<i32>(atomicLoad(&state[base + 1u]));
  var zeros = 0u;
  // Neighbours are often alike: one addition serves a run of equal cells.
  var run = 0u;
  var last = 0u;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let r = share.first + step * share.stride;
    if (r >= share.length) { break; }
    let place = elementOf(uniforms, share.start, r) - uniforms.windowStart;
    if (place >= uniforms.windowLength) { continue; }
    let bits = x[place];
    if ((bits & infinityBits) == infinityBits) { continue; }
    if ((bits & magnitudeMask) == 0u) {
      zeros++;
      continue;
    }
    let cell = min(u32(max(cellOf(bits, exponent) - first, 0)), cellCount - 1u);
    if (cell != last) {
      add(origin + last, run);
      run = 0u;
      last = cell;
    }
    run++;
  }
  add(origin + last, run);
  if (zeros > 0u) { atomicAdd(&state[counts + cellCount], zeros); }
  @if(cooperative) {
    workgroupBarrier();
    for (var cell = local; cell < cellCount; cell += width) {
      let count = atomicLoad(&cells[cell]);
      if (count > 0u) { atomicAdd(&state[counts + cell], count); }
    }
  }
}
