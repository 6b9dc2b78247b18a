// Keeps a bounded sample of the rows of many matrices: each row belongs to one slot, by its hash, and each slot keeps the
// row of greatest priority, which is a function of its hash too. The sample is thereby one of all different rows and does
// not depend on the order in which they come; samples combine slot by slot.
//
// x        float32 [rows, length], as bits; from element `start` on what is bound
// hashes   u32 [rows], as calib/hashRows leaves them
// state    u32 [slots] priorities, 0 for an empty slot, and the bits of the rows, [slots, length]
// Dispatch: one workgroup a slot, from `firstSlot` to `endSlot`; rows from `first` to `end`. The slots are a power of two.
import package::shared::dispatch::linearWorkgroup;
import package::calib::mixing::mix;

struct Uniforms { first: u32, end: u32, length: u32, start: u32, slots: u32, firstSlot: u32, endSlot: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> hashes: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;

const width = 64u;

var<workgroup> greatest: atomic<u32>;
var<workgroup> complement: atomic<u32>;

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let slot = uniforms.firstSlot + linearWorkgroup(workgroup, workgroups);
  let within = slot < uniforms.endSlot;
  let before = state[select(0u, slot, within)];
  var priority = 0u;
  var best = 0u;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let row = uniforms.first + local + step * width;
    if (row >= uniforms.end || !within) { break; }
    let own = max(mix(hashes[row]), 1u);
    if ((own & (uniforms.slots - 1u)) != slot || own <= priority) { continue; }
    priority = own;
    best = row;
  }
  if (priority > before) { atomicMax(&greatest, priority); }
  workgroupBarrier();
  let winner = atomicLoad(&greatest);
  // Of equal rows the first.
  if (winner != 0u && priority == winner) { atomicMax(&complement, ~best); }
  workgroupBarrier();
  if (winner == 0u) { return; }
  let source = ~atomicLoad(&complement) * uniforms.length - uniforms.start;
  let destination = uniforms.slots + slot * uniforms.length;
  for (var column = local; column < uniforms.length; column += width) { state[destination + column] = x[source + column]; }
  if (local == 0u) { state[slot] = winner; }
}
