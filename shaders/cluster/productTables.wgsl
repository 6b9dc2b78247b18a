// Squared distances of queries to the codewords of every subspace, entries first … end of all tables together.
//
// queries [queries][subspaces][vectors] vec4f, codebooks [subspaces][codewords][vectors] vec4f,
// tables [queries][tableLength]: [subspaces][codewords], then zeros.
// Dispatch: one thread an entry.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { first: u32, end: u32, tableLength: u32, codewords: u32, subspaces: u32, vectors: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> queries: array<vec4f>;
@group(0) @binding(2) var<storage, read> codebooks: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> tables: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.first + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (index >= uniforms.end) { return; }
  let query = index / uniforms.tableLength;
  let entry = index % uniforms.tableLength;
  let subspace = entry / uniforms.codewords;
  var sum = 0.0;
  if (subspace < uniforms.subspaces) {
    let coordinate = (query * uniforms.subspaces + subspace) * uniforms.vectors;
    let codeword = entry * uniforms.vectors;
    for (var i = 0u; i < uniforms.vectors; i++) {
      let apart = queries[coordinate + i] - codebooks[codeword + i];
      sum += dot(apart, apart);
    }
  }
  tables[index] = sum;
}
