// Nearest centroid of every point, for any number of columns: eight points a thread against four centroids at a time.
//
// Operands and conditions as in cluster/assign, without vectorsN, points8 and staged. There are centroids for a multiple
// of four clusters; those beyond the last have a norm above every score.
// Condition relisted: only the rows that cluster/assignInt8 has listed, counters[listedSlot] of them; firstRow and endRow
// are positions in that list.
// Dispatch: one workgroup for each WIDTH * 8 rows.
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

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  clusterCount: u32,
  slot: u32,
  forced: u32,
  fresh: u32,
  factor: f32,
  slack: f32,
  listedSlot: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read> control: array<u32>;
@group(0) @binding(5) var<storage, read_write> labels: array<u32>;
@group(0) @binding(6) var<storage, read_write> undecided: array<u32>;
@group(0) @binding(7) var<storage, read_write> counters: array<atomic<u32>>;
@if(relisted) @group(0) @binding(8) var<storage, read> listed: array<u32>;

// Where the rows, or positions, of this dispatch end.
@if(relisted)
fn endOfRows() -> u32 {
  return min(uniforms.endRow, atomicLoad(&counters[uniforms.listedSlot]));
}
@else
fn endOfRows() -> u32 {
  return uniforms.endRow;
}

@if(relisted)
fn rowAt(position: u32) -> u32 {
  return listed[position];
}
@else
fn rowAt(position: u32) -> u32 {
  return position;
}

struct Centroids { c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f }

// The part of four scores that four columns contribute.
@if(direct)
fn term(point: vec4f, four: Centroids) -> vec4f {
  let e0 = point - four.c0;
  let e1 = point - four.c1;
  let e2 = point - four.c2;
  let e3 = point - four.c3;
  return vec4f(dot(e0, e0), dot(e1, e1), dot(e2, e2), dot(e3, e3));
}
@else
fn term(point: vec4f, four: Centroids) -> vec4f {
  return vec4f(dot(point, four.c0), dot(point, four.c1), dot(point, four.c2), dot(point, four.c3));
}

@if(direct)
fn scores(sums: vec4f, norm: vec4f) -> vec4f {
  // The clusters beyond the last are as far as they are said to be.
  return max(sums, select(vec4f(0.0), norm, norm > vec4f(1.0e38)));
}
@else
fn scores(sums: vec4f, norm: vec4f) -> vec4f {
  return norm - sums;
}

fn considerFour(nearest: Nearest, four: vec4f, cluster: u32) -> Nearest {
  let first = consider(consider(nearest, four.x, cluster), four.y, cluster + 1u);
  return consider(consider(first, four.z, cluster + 2u), four.w, cluster + 3u);
}

fn squaredNorm(row: u32) -> f32 {
  var sum = 0.0;
  for (var v = 0u; v < VECTORS; v++) {
    let part = points[row * VECTORS + v];
    sum += dot(part, part);
  }
  return sum;
}

// Writes the label, or lists the row; 1 if the label changed.
fn settle(position: u32, end: u32, nearest: Nearest) -> u32 {
  if (position >= end) { return 0u; }
  let row = rowAt(position);
  let base = errorBase(nearest, squaredNorm(row), bitcast<f32>(control[LARGEST_NORM]));
  if (isUndecided(nearest, base, uniforms.factor, uniforms.slack)) {
    undecided[atomicAdd(&counters[uniforms.slot], 1u)] = row;
    return 0u;
  }
  if (uniforms.fresh == 0u && labels[row] == nearest.cluster) { return 0u; }
  labels[row] = nearest.cluster;
  return 1u;
}

fn baseOf(position: u32, end: u32) -> u32 {
  return rowAt(min(position, end - 1u)) * VECTORS;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u && uniforms.forced == 0u) { return; }
  let end = endOfRows();
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH * 8u + local;
  @if(relisted) { if (row >= end) { return; } }
  let p0 = baseOf(row, end);
  let p1 = baseOf(row + WIDTH, end);
  let p2 = baseOf(row + 2u * WIDTH, end);
  let p3 = baseOf(row + 3u * WIDTH, end);
  let p4 = baseOf(row + 4u * WIDTH, end);
  let p5 = baseOf(row + 5u * WIDTH, end);
  let p6 = baseOf(row + 6u * WIDTH, end);
  let p7 = baseOf(row + 7u * WIDTH, end);
  var n0 = nobody();
  var n1 = nobody();
  var n2 = nobody();
  var n3 = nobody();
  var n4 = nobody();
  var n5 = nobody();
  var n6 = nobody();
  var n7 = nobody();
  for (var cluster = 0u; cluster < uniforms.clusterCount; cluster += 4u) {
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    var s4 = vec4f();
    var s5 = vec4f();
    var s6 = vec4f();
    var s7 = vec4f();
    let base = cluster * VECTORS;
    for (var v = 0u; v < VECTORS; v++) {
      let four = Centroids(
        centroids[base + v],
        centroids[base + VECTORS + v],
        centroids[base + 2u * VECTORS + v],
        centroids[base + 3u * VECTORS + v],
      );
      s0 += term(points[p0 + v], four);
      s1 += term(points[p1 + v], four);
      s2 += term(points[p2 + v], four);
      s3 += term(points[p3 + v], four);
      s4 += term(points[p4 + v], four);
      s5 += term(points[p5 + v], four);
      s6 += term(points[p6 + v], four);
      s7 += term(points[p7 + v], four);
    }
    let norm = vec4f(norms[cluster], norms[cluster + 1u], norms[cluster + 2u], norms[cluster + 3u]);
    n0 = considerFour(n0, scores(s0, norm), cluster);
    n1 = considerFour(n1, scores(s1, norm), cluster);
    n2 = considerFour(n2, scores(s2, norm), cluster);
    n3 = considerFour(n3, scores(s3, norm), cluster);
    n4 = considerFour(n4, scores(s4, norm), cluster);
    n5 = considerFour(n5, scores(s5, norm), cluster);
    n6 = considerFour(n6, scores(s6, norm), cluster);
    n7 = considerFour(n7, scores(s7, norm), cluster);
  }
  var changed = settle(row, end, n0) + settle(row + WIDTH, end, n1);
  changed += settle(row + 2u * WIDTH, end, n2) + settle(row + 3u * WIDTH, end, n3);
  changed += settle(row + 4u * WIDTH, end, n4) + settle(row + 5u * WIDTH, end, n5);
  changed += settle(row + 6u * WIDTH, end, n6) + settle(row + 7u * WIDTH, end, n7);
  if (changed != 0u) { atomicAdd(&counters[0], changed); }
}
