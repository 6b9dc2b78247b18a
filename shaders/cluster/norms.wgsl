// Half the squared norm of each centroid, and the largest squared norm, for the scores and error bounds of cluster/assign.
//
// centroids [paddedCount][vectors] vec4f, norms [paddedCount]; clusters beyond clusterCount get a norm above every score.
// Dispatch: one workgroup.
import package::cluster::control::LARGEST_NORM;
import package::cluster::nearest::FAR;
import constants::WIDTH;

struct Uniforms { clusterCount: u32, paddedCount: u32, vectors: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;
@group(0) @binding(3) var<storage, read_write> control: array<u32>;

var<workgroup> largestNorms: array<f32, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(local_invocation_index) local: u32) {
  var largest = 0.0;
  for (var cluster = local; cluster < uniforms.paddedCount; cluster += WIDTH) {
    if (cluster >= uniforms.clusterCount) {
      norms[cluster] = FAR;
      continue;
    }
    var sum = 0.0;
    for (var v = 0u; v < uniforms.vectors; v++) {
      let part = centroids[cluster * uniforms.vectors + v];
      sum += dot(part, part);
    }
    norms[cluster] = 0.5 * sum;
    largest = max(largest, sum);
  }
  largestNorms[local] = largest;
  workgroupBarrier();
  if (local == 0u) {
    for (var i = 1u; i < WIDTH; i++) { largest = max(largest, largestNorms[i]); }
    control[LARGEST_NORM] = bitcast<u32>(largest);
  }
}
