// Smallest and largest value of every column, as keys in the order of the floats, and the first value that is not finite.
//
// x [rows][columns] f32; ranges [columns] keys of the largest values, then [columns] keys of the smallest, inverted; all
// 0 before the first run. Each thread takes one column of every `rowStep`-th row.
// Dispatch: columns * rowStep threads.
import package::shared::dispatch::linearWorkgroup;
import package::shared::fault::faultWord;
import package::shared::fault::isNonFinite;
import constants::WIDTH;

struct Uniforms { firstRow: u32, endRow: u32, columnCount: u32, rowStep: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> fault: atomic<u32>;

fn orderedKey(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let thread = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  let column = thread % uniforms.columnCount;
  let step = thread / uniforms.columnCount;
  if (step >= uniforms.rowStep || uniforms.firstRow + step >= uniforms.endRow) { return; }
  var largest = 0u;
  var smallest = 0u;
  for (var row = uniforms.firstRow + step; row < uniforms.endRow; row += uniforms.rowStep) {
    let index = row * uniforms.columnCount + column;
    let value = x[index];
    if (isNonFinite(value)) { atomicMax(&fault, faultWord(index)); }
    let key = orderedKey(value);
    largest = max(largest, key);
    smallest = max(smallest, ~key);
  }
  atomicMax(&ranges[column], largest);
  atomicMax(&ranges[uniforms.columnCount + column], smallest);
}
