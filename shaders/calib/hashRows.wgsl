// A hash of each row of a matrix, from all bits and their places in the row. Sums of mixed words, so that invocations need
// not agree on an order; to be mixed once more by whoever uses it.
//
// x        float32 [rows, length], as bits; from element `start` on what is bound
// hashes   u32 [rows], cleared beforehand
// Dispatch: one workgroup a row, from `first` to `end`.
import package::shared::dispatch::linearWorkgroup;
import package::calib::mixing::mix;

struct Uniforms { first: u32, end: u32, length: u32, start: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> hashes: array<atomic<u32>>;

const width = 64u;

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = uniforms.first + linearWorkgroup(workgroup, workgroups);
  if (row >= uniforms.end) { return; }
  let base = row * uniforms.length - uniforms.start;
  var sum = 0u;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let column = local + step * width;
    if (column >= uniforms.length) { break; }
    sum += mix(x[base + column] ^ mix(column));
  }
  if (sum != 0u) { atomicAdd(&hashes[row], sum); }
}
