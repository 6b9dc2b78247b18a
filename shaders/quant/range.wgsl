// Least and greatest element of each output of a reduction, in one pass over the data; and the first element that is not
// finite, as a fault. The results of all slots are merged by integer maxima, so their order does not matter.
//
// x        float32, as bits; the window of it that is bound
// ranges   two u32 an output, cleared beforehand: the greatest of the complements of the elements' ordered integers, and
//          the greatest of the ordered integers themselves; 0 stands for no element
// Conditions: nested, an output's elements lie in several runs; cooperative, LANES > 1.
// Constants: LANES, invocations that share an output: 1, 8 or 64.
// Dispatch: 64 / LANES slots a workgroup.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::orderedFromBits;
import package::shared::exactFloat::infinityBits;
import package::shared::fault::faultWord;
import package::quant::reduction::{Reduction, shareOf, elementOf};
import constants::LANES;

const width = 64u;

@group(0) @binding(0) var<uniform> uniforms: Reduction;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> fault: atomic<u32>;

@if(cooperative) var<workgroup> lowest: array<atomic<u32>, width / LANES>;
@if(cooperative) var<workgroup> highest: array<atomic<u32>, width / LANES>;

fn merge(output: u32, low: u32, high: u32) {
  if (high == 0u) { return; }
  atomicMax(&ranges[2u * output], low);
  atomicMax(&ranges[2u * output + 1u], high);
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
  var low = 0u;
  var high = 0u;
  var firstBad = 0xffffffffu;
  // A loop in this form is known to end, and so goes without the counter that Dawn adds to others.
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let r = share.first + step * share.stride;
    if (r >= share.length) { break; }
    let element = elementOf(uniforms, share.start, r);
    let place = element - uniforms.windowStart;
    if (place >= uniforms.windowLength) { continue; }
    let bits = x[place];
    if ((bits & infinityBits) == infinityBits) { firstBad = min(firstBad, element); }
    let ordered = orderedFromBits(bits);
    low = max(low, ~ordered);
    high = max(high, ordered);
  }
  if (firstBad != 0xffffffffu) { atomicMax(&fault, faultWord(firstBad)); }
  @if(cooperative) {
    atomicMax(&lowest[part], low);
    atomicMax(&highest[part], high);
    workgroupBarrier();
    if (local % LANES == 0u) { merge(share.output, atomicLoad(&lowest[part]), atomicLoad(&highest[part])); }
  }
  @else { merge(share.output, low, high); }
}
