// The rows whose label is not the former one, with the former label, in any order; it is the former label from then on.
//
// labels and former [rows]; changes: how many there are (added to), then (row, former label) each. Does nothing once the
// iteration has halted.
// Dispatch: one thread a row, for the rows firstRow … endRow of the part.
import package::shared::dispatch::linearWorkgroup;
import package::cluster::control::HALTED;
import constants::WIDTH;

struct Uniforms { firstRow: u32, endRow: u32 }
struct Changes { count: atomic<u32>, padding: u32, entries: array<vec2u> }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> control: array<u32>;
@group(0) @binding(3) var<storage, read_write> former: array<u32>;
@group(0) @binding(4) var<storage, read_write> changes: Changes;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u) { return; }
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (row >= uniforms.endRow) { return; }
  let label = labels[row];
  let before = former[row];
  if (label == before) { return; }
  changes.entries[atomicAdd(&changes.count, 1u)] = vec2u(row, before);
  former[row] = label;
}
