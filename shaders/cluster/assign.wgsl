// Nearest centroid of every point, for up to 32 columns: points in registers, no matrix of distances.
//
// points     [rows][VECTORS] vec4f, columns padded with zeros     labels    [rows], the former ones on entry
// centroids  [clusters][VECTORS] vec4f                            undecided rows left to cluster/decide
// norms      [clusters], half the squared norm of each centroid   counters  0: labels changed, `slot`: rows undecided
//
// Rows whose second best is within the error bound of the best are left as they are and listed. Does nothing once the
// iteration has halted, unless forced.
// Conditions: direct (scores are |x - c|^2 instead of |c|^2 / 2 - x.c), vectorsN (VECTORS >= N), points8 (eight points a
// thread instead of four), staged (centroids through workgroup memory, TILE at a time).
// Dispatch: one workgroup for each WIDTH * (points a thread) rows.
import package::shared::dispatch::linearWorkgroup;
import package::cluster::control::HALTED;
import package::cluster::control::LARGEST_NORM;
import package::cluster::nearest::Nearest;
import package::cluster::nearest::consider;
import package::cluster::nearest::errorBase;
import package::cluster::nearest::isUndecided;
import package::cluster::nearest::nobody;
import constants::VECTORS;
import constants::WIDTH;
import constants::TILE;

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  clusterCount: u32,
  slot: u32,
  forced: u32,
  fresh: u32,
  factor: f32,
  slack: f32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read> control: array<u32>;
@group(0) @binding(5) var<storage, read_write> labels: array<u32>;
@group(0) @binding(6) var<storage, read_write> undecided: array<u32>;
@group(0) @binding(7) var<storage, read_write> counters: array<atomic<u32>>;

@if(staged) var<workgroup> tile: array<vec4f, TILE * VECTORS>;
@if(staged) var<workgroup> tileNorms: array<f32, TILE>;

struct Row {
  v0: vec4f,
  @if(vectors2) v1: vec4f,
  @if(vectors3) v2: vec4f,
  @if(vectors4) v3: vec4f,
  @if(vectors5) v4: vec4f,
  @if(vectors6) v5: vec4f,
  @if(vectors7) v6: vec4f,
  @if(vectors8) v7: vec4f,
}

fn pointAt(row: u32) -> Row {
  let base = min(row, uniforms.endRow - 1u) * VECTORS;
  var loaded: Row;
  loaded.v0 = points[base];
  @if(vectors2) loaded.v1 = points[base + 1u];
  @if(vectors3) loaded.v2 = points[base + 2u];
  @if(vectors4) loaded.v3 = points[base + 3u];
  @if(vectors5) loaded.v4 = points[base + 4u];
  @if(vectors6) loaded.v5 = points[base + 5u];
  @if(vectors7) loaded.v6 = points[base + 6u];
  @if(vectors8) loaded.v7 = points[base + 7u];
  return loaded;
}

@if(staged)
fn centroidVector(position: u32) -> vec4f {
  return tile[position % (TILE * VECTORS)];
}
@else
fn centroidVector(position: u32) -> vec4f {
  return centroids[position];
}

fn centroidAt(cluster: u32) -> Row {
  let base = cluster * VECTORS;
  var loaded: Row;
  loaded.v0 = centroidVector(base);
  @if(vectors2) loaded.v1 = centroidVector(base + 1u);
  @if(vectors3) loaded.v2 = centroidVector(base + 2u);
  @if(vectors4) loaded.v3 = centroidVector(base + 3u);
  @if(vectors5) loaded.v4 = centroidVector(base + 4u);
  @if(vectors6) loaded.v5 = centroidVector(base + 5u);
  @if(vectors7) loaded.v6 = centroidVector(base + 6u);
  @if(vectors8) loaded.v7 = centroidVector(base + 7u);
  return loaded;
}

fn product(a: Row, b: Row) -> f32 {
  var sum = a.v0 * b.v0;
  @if(vectors2) sum += a.v1 * b.v1;
  @if(vectors3) sum += a.v2 * b.v2;
  @if(vectors4) sum += a.v3 * b.v3;
  @if(vectors5) sum += a.v4 * b.v4;
  @if(vectors6) sum += a.v5 * b.v5;
  @if(vectors7) sum += a.v6 * b.v6;
  @if(vectors8) sum += a.v7 * b.v7;
  return (sum.x + sum.y) + (sum.z + sum.w);
}

@if(direct)
fn difference(a: Row, b: Row) -> Row {
  var result: Row;
  result.v0 = a.v0 - b.v0;
  @if(vectors2) result.v1 = a.v1 - b.v1;
  @if(vectors3) result.v2 = a.v2 - b.v2;
  @if(vectors4) result.v3 = a.v3 - b.v3;
  @if(vectors5) result.v4 = a.v4 - b.v4;
  @if(vectors6) result.v5 = a.v5 - b.v5;
  @if(vectors7) result.v6 = a.v6 - b.v6;
  @if(vectors8) result.v7 = a.v7 - b.v7;
  return result;
}

@if(direct)
fn score(point: Row, centroid: Row, norm: f32) -> f32 {
  let apart = difference(point, centroid);
  return product(apart, apart);
}
@else
fn score(point: Row, centroid: Row, norm: f32) -> f32 {
  return norm - product(point, centroid);
}

// Writes the label, or lists the row; 1 if the label changed.
fn settle(row: u32, point: Row, nearest: Nearest) -> u32 {
  if (row >= uniforms.endRow) { return 0u; }
  let base = errorBase(nearest, product(point, point), bitcast<f32>(control[LARGEST_NORM]));
  if (isUndecided(nearest, base, uniforms.factor, uniforms.slack)) {
    undecided[atomicAdd(&counters[uniforms.slot], 1u)] = row;
    return 0u;
  }
  if (uniforms.fresh == 0u && labels[row] == nearest.cluster) { return 0u; }
  labels[row] = nearest.cluster;
  return 1u;
}

@if(points8) const POINTS = 8u;
@else const POINTS = 4u;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u && uniforms.forced == 0u) { return; }
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH * POINTS + local;
  let p0 = pointAt(row);
  let p1 = pointAt(row + WIDTH);
  let p2 = pointAt(row + 2u * WIDTH);
  let p3 = pointAt(row + 3u * WIDTH);
  var n0 = nobody();
  var n1 = nobody();
  var n2 = nobody();
  var n3 = nobody();
  @if(points8) let p4 = pointAt(row + 4u * WIDTH);
  @if(points8) let p5 = pointAt(row + 5u * WIDTH);
  @if(points8) let p6 = pointAt(row + 6u * WIDTH);
  @if(points8) let p7 = pointAt(row + 7u * WIDTH);
  @if(points8) var n4 = nobody();
  @if(points8) var n5 = nobody();
  @if(points8) var n6 = nobody();
  @if(points8) var n7 = nobody();

  for (var first = 0u; first < uniforms.clusterCount; first += TILE) {
    let count = min(TILE, uniforms.clusterCount - first);
    @if(staged) {
      workgroupBarrier();
      for (var i = local; i < count * VECTORS; i += WIDTH) { tile[i] = centroids[first * VECTORS + i]; }
      for (var i = local; i < count; i += WIDTH) { tileNorms[i] = norms[first + i]; }
      workgroupBarrier();
    }
    for (var i = 0u; i < count; i++) {
      let cluster = first + i;
      @if(staged) let centroid = centroidAt(i);
      @if(staged) let norm = tileNorms[i % TILE];
      @if(!staged) let centroid = centroidAt(cluster);
      @if(!staged) let norm = norms[cluster];
      n0 = consider(n0, score(p0, centroid, norm), cluster);
      n1 = consider(n1, score(p1, centroid, norm), cluster);
      n2 = consider(n2, score(p2, centroid, norm), cluster);
      n3 = consider(n3, score(p3, centroid, norm), cluster);
      @if(points8) n4 = consider(n4, score(p4, centroid, norm), cluster);
      @if(points8) n5 = consider(n5, score(p5, centroid, norm), cluster);
      @if(points8) n6 = consider(n6, score(p6, centroid, norm), cluster);
      @if(points8) n7 = consider(n7, score(p7, centroid, norm), cluster);
    }
  }

  var changed = settle(row, p0, n0) + settle(row + WIDTH, p1, n1);
  changed += settle(row + 2u * WIDTH, p2, n2) + settle(row + 3u * WIDTH, p3, n3);
  @if(points8) changed += settle(row + 4u * WIDTH, p4, n4) + settle(row + 5u * WIDTH, p5, n5);
  @if(points8) changed += settle(row + 6u * WIDTH, p6, n6) + settle(row + 7u * WIDTH, p7, n7);
  if (changed != 0u) { atomicAdd(&counters[0], changed); }
}
