// Labels of the points that cluster/assign could not decide: exactly, in integers, the lowest index winning a tie.
// Only the centroids whose f32 distance is within its error bound of the smallest are compared exactly.
//
// points [rows][vectors] vec4f, centroids [clusters][vectors] vec4f, undecided: counters[slot] rows, labels [rows].
// Dispatch: any number of workgroups; they share the listed rows with positions in [first, end).
import package::shared::dispatch::linearWorkgroup;
import package::cluster::exact::add128;
import package::cluster::exact::less128;
import package::cluster::exact::squaredDifference;
import constants::WIDTH;

struct Uniforms {
  first: u32,
  end: u32,
  clusterCount: u32,
  vectors: u32,
  slot: u32,
  fresh: u32,
  fraction: i32,
  factor: f32,
  slack: f32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(3) var<storage, read> undecided: array<u32>;
@group(0) @binding(4) var<storage, read_write> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> counters: array<atomic<u32>>;

fn squaredDistance(row: u32, cluster: u32) -> f32 {
  var sum = 0.0;
  for (var v = 0u; v < uniforms.vectors; v++) {
    let apart = points[row * uniforms.vectors + v] - centroids[cluster * uniforms.vectors + v];
    sum += dot(apart, apart);
  }
  return sum;
}

fn exactSquaredDistance(row: u32, cluster: u32) -> vec4u {
  var sum = vec4u(0u);
  for (var v = 0u; v < uniforms.vectors; v++) {
    let point = points[row * uniforms.vectors + v];
    let centroid = centroids[cluster * uniforms.vectors + v];
    for (var i = 0u; i < 4u; i++) {
      sum = add128(sum, squaredDifference(point[i], centroid[i], uniforms.fraction));
    }
  }
  return sum;
}

fn decide(row: u32) -> u32 {
  var nearest = squaredDistance(row, 0u);
  for (var cluster = 1u; cluster < uniforms.clusterCount; cluster++) {
    nearest = min(nearest, squaredDistance(row, cluster));
  }
  let limit = nearest + (nearest * uniforms.factor + uniforms.slack);
  var best = 0u;
  var smallest = vec4u(0xffffffffu);
  for (var cluster = 0u; cluster < uniforms.clusterCount; cluster++) {
    if (squaredDistance(row, cluster) > limit) { continue; }
    let exact = exactSquaredDistance(row, cluster);
    if (less128(exact, smallest)) {
      smallest = exact;
      best = cluster;
    }
  }
  return best;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let end = min(uniforms.end, atomicLoad(&counters[uniforms.slot]));
  let first = uniforms.first + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  var changed = 0u;
  for (var position = first; position < end; position += workgroups.x * workgroups.y * WIDTH) {
    let row = undecided[position];
    let cluster = decide(row);
    if (uniforms.fresh != 0u || labels[row] != cluster) { changed += 1u; }
    labels[row] = cluster;
  }
  if (changed != 0u) { atomicAdd(&counters[0], changed); }
}
