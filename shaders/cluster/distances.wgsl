// A key of the squared distance of every point to the centroid that its label names: the exact 128-bit integer as
// (bit length << 24) | (the 24 bits below its leading one). Keys have the order of the distances.
//
// points [rows][vectors] vec4f, centroids [clusters][vectors] vec4f, labels [rows], keys [rows].
// Dispatch: one thread a row.
import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::shiftLeft64;
import package::cluster::exact::add128;
import package::cluster::exact::squaredDifference;
import constants::WIDTH;

struct Uniforms { firstRow: u32, endRow: u32, vectors: u32, fraction: i32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> keys: array<u32>;

fn keyOf(distance: vec4u) -> u32 {
  for (var i = 0u; i < 4u; i++) {
    let place = 3u - i;
    let word = distance[place];
    if (word == 0u) { continue; }
    let below = select(0u, distance[max(place, 1u) - 1u], place > 0u);
    let zeros = countLeadingZeros(word);
    let top = shiftLeft64(vec2u(below, word), zeros).y;
    return ((place * 32u + 32u - zeros) << 24u) | ((top >> 7u) & 0xffffffu);
  }
  return 0u;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (row >= uniforms.endRow) { return; }
  let cluster = labels[row];
  var sum = vec4u(0u);
  for (var v = 0u; v < uniforms.vectors; v++) {
    let point = points[row * uniforms.vectors + v];
    let centroid = centroids[cluster * uniforms.vectors + v];
    for (var i = 0u; i < 4u; i++) {
      sum = add128(sum, squaredDifference(point[i], centroid[i], uniforms.fraction));
    }
  }
  keys[row] = keyOf(sum);
}
