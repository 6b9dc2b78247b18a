// The nearest of some clusters, by a matrix of distances.
//
// matrix [clusterCount][clusterCount] f32, rows [rowCount]
// results [rowCount][LANES][index, best, second best], values as bits of f32: each lane has every LANES-th cluster. The
// cluster itself does not count; index 0xffffffff and values above 1e38 where there is no other.
// Dispatch: LANES threads a row.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;
import constants::LANES;

struct Uniforms { firstRow: u32, endRow: u32, clusterCount: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read_write> results: array<u32>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let thread = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  let place = uniforms.firstRow + thread / LANES;
  if (place >= uniforms.endRow) { return; }
  let row = rows[place];
  var index = 0xffffffffu;
  var best = 3e38;
  var second = 3e38;
  for (var other = thread % LANES; other < uniforms.clusterCount; other += LANES) {
    let value = select(matrix[row * uniforms.clusterCount + other], 3e38, other == row);
    let closer = value < best;
    second = select(min(second, value), best, closer);
    index = select(index, other, closer);
    best = min(best, value);
  }
  let first = (place * LANES + thread % LANES) * 3u;
  results[first] = index;
  results[first + 1u] = bitcast<u32>(best);
  results[first + 2u] = bitcast<u32>(second);
}
