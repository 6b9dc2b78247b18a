// Half the squared norm of each centroid, the largest squared norm and the largest coordinate, for the scores and error
// bounds of cluster/assign and the codes of cluster/quantizeRows.
//
// centroids [paddedCount][vectors] vec4f, norms [paddedCount]; clusters beyond clusterCount get a norm above every score.
// Dispatch: one workgroup.
import package::cluster::control::LARGEST_COORDINATE;
import package::cluster::control::LARGEST_NORM;
import package::cluster::nearest::FAR;
import constants::WIDTH;

struct Uniforms { clusterCount: u32, paddedCount: u32, vectors: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;
@group(0) @binding(3) var<storage, read_write> control: array<u32>;

// Of each thread: squared norm and coordinate.
var<workgroup> largests: array<vec2f, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(local_invocation_index) local: u32) {
  var largest = vec2f(0.0);
  for (var cluster = local; cluster < uniforms.paddedCount; cluster += WIDTH) {
    if (cluster >= uniforms.clusterCount) {
      norms[cluster] = FAR;
      continue;
    }
    var sum = 0.0;
    for (var v = 0u; v < uniforms.vectors; v++) {
      let part = centroids[cluster * uniforms.vectors + v];
      sum += dot(part, part);
      let greater = max(abs(part.xy), abs(part.zw));
      largest.y = max(largest.y, max(greater.x, greater.y));
    }
    norms[cluster] = 0.5 * sum;
    largest.x = max(largest.x, sum);
  }
  largests[local] = largest;
  workgroupBarrier();
  if (local == 0u) {
    for (var i = 1u; i < WIDTH; i++) { largest = max(largest, largests[i]); }
    control[LARGEST_NORM] = bitcast<u32>(largest.x);
    control[LARGEST_COORDINATE] = bitcast<u32>(largest.y);
  }
}
