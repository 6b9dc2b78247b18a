// Moves the counts of histograms to the grids of ranges that have grown, and carries what is about to overflow.
//
// ranges   two u32 a parameter, as quant/range leaves them
// state    of each parameter: see calib/histogramGrid
// former   scratch memory as large as the counts of all states, 2 * 2,049 u32 a parameter
// Dispatch: one workgroup a parameter.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::bitsFromOrdered;
import package::calib::histogramGrid::{
  Grid, gridOf, cellCount, counters, countsAt, carriesAt, stateWords, exponentBias,
};

struct Uniforms { first: u32, end: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> ranges: array<u32>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> former: array<u32>;

const width = 64u;
const carry = 0x80000000u;

var<workgroup> moves: bool;

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let parameter = uniforms.first + linearWorkgroup(workgroup, workgroups);
  let given = parameter < uniforms.end && ranges[2u * parameter + 1u] != 0u;
  let place = select(0u, parameter, given);
  let base = place * stateWords;
  let grid = gridOf(bitsFromOrdered(~ranges[2u * place]), bitsFromOrdered(ranges[2u * place + 1u]));
  let before = Grid(i32(state[base]) - exponentBias, bitcast<i32>(state[base + 1u]));
  let counted = state[base] != 0u;
  let same = grid.exponent == before.exponent && grid.first == before.first;
  if (local == 0u) { moves = given && counted && !same; }
  if (!workgroupUniformLoad(&moves)) {
    if (!given) { return; }
    for (var counter = local; counter < counters; counter += width) {
      let count = state[base + countsAt + counter];
      if (count >= carry) {
        state[base + countsAt + counter] = count - carry;
        state[base + carriesAt + counter]++;
      }
    }
    if (local == 0u && !counted) {
      state[base] = u32(grid.exponent + exponentBias);
      state[base + 1u] = bitcast<u32>(grid.first);
    }
    return;
  }
  let own = place * 2u * counters;
  for (var word = local; word < 2u * counters; word += width) { former[own + word] = state[base + countsAt + word]; }
  storageBarrier();
  // Both cells of a coarser grid that the cells of the former one may lie in are -1 and 0 from a shift of 12 on.
  let shift = u32(clamp(grid.exponent - before.exponent, 0, 12));
  for (var counter = local; counter < counters; counter += width) {
    var low = 0u;
    var high = 0u;
    let cell = grid.first + i32(counter);
    let zeros = counter == cellCount;
    let start = select((cell << shift) - before.first, i32(cellCount), zeros);
    let end = select(min(start + (1 << shift), i32(cellCount)), i32(counters), zeros);
    for (var source = u32(max(start, 0)); i32(source) < end; source++) {
      let count = former[own + source];
      low += count & (carry - 1u);
      high += former[own + counters + source] + (count >> 31u) + (low >> 31u);
      low &= carry - 1u;
    }
    state[base + countsAt + counter] = low;
    state[base + carriesAt + counter] = high;
  }
  if (local == 0u) {
    state[base] = u32(grid.exponent + exponentBias);
    state[base + 1u] = bitcast<u32>(grid.first);
  }
}
