// Distances of points to all centroids: |x - c| * scale, or on the condition `squared` |x - c|^2 * scale.
//
// points [rows][vectors] vec4f, centroids [clusters][vectors] vec4f, distances [rows][clusters], rows from firstRow on.
// Dispatch: one thread a distance.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { firstRow: u32, rowCount: u32, clusterCount: u32, vectors: u32, scale: f32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> distances: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (index >= uniforms.rowCount * uniforms.clusterCount) { return; }
  let point = (uniforms.firstRow + index / uniforms.clusterCount) * uniforms.vectors;
  let centroid = index % uniforms.clusterCount * uniforms.vectors;
  var sum = 0.0;
  for (var v = 0u; v < uniforms.vectors; v++) {
    let apart = points[point + v] - centroids[centroid + v];
    sum += dot(apart, apart);
  }
  @if(squared) { distances[index] = sum * uniforms.scale; }
  @else { distances[index] = sqrt(sum) * uniforms.scale; }
}
