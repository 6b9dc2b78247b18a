// The matrix of distances after merges, by the formula of Lance and Williams: of clusters that are made of one or two
// former ones.
//
// matrix  [formerCount][formerCount] f32
// rows    [rowCount], columns [columnCount]: (first, second, bits of the share of the first, and of the second); a cluster
//         that was not merged is made of itself twice, with shares 1 and 0
// merged  [rowCount][columnCount] f32: the mean of the former distances by their shares, or `complete`, the greatest
// Dispatch: one thread an element.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { firstElement: u32, endElement: u32, formerCount: u32, columnCount: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<vec4u>;
@group(0) @binding(3) var<storage, read> columns: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> merged: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = uniforms.firstElement + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (element >= uniforms.endElement) { return; }
  let row = rows[element / uniforms.columnCount];
  let column = columns[element % uniforms.columnCount];
  let first = row.x * uniforms.formerCount;
  let second = row.y * uniforms.formerCount;
  let former = vec4f(
    matrix[first + column.x],
    matrix[first + column.y],
    matrix[second + column.x],
    matrix[second + column.y],
  );
  @if(complete) merged[element] = max(max(former.x, former.y), max(former.z, former.w));
  @if(!complete) {
    let share = bitcast<vec2f>(column.zw);
    merged[element] = dot(former, vec4f(bitcast<f32>(row.z) * share, bitcast<f32>(row.w) * share));
  }
}
