// Sums and weights of the points of each cluster: in integers, so that their order does not matter. A coordinate counts as
// round(x * scale), below 2^30 in magnitude, times the point's weight; a sum has 64 bits, the weights of all points
// together 32.
//
// points [rows][rowFloats] f32, scales [columns], labels [rows], changes as cluster/changes lists them, weights [rows], sums
// [clusters][columns] (low, high), counts [clusters]; sums and counts are added to. If `fresh` is 1, every point is added to
// its cluster; otherwise those that are listed are, and are taken from their former cluster. They are listed because
// SwiftShader runs whatever a condition guards, however it turns out.
// Conditions: weighted; without it `weights` is not read, and every point weighs 1. Of the following at most one holds;
// without them every coordinate is added to memory at once:
// - owned: a workgroup adds up TILE columns of its rows in its own memory first. Each thread owns a column, so that it
//   needs no atomics: for SwiftShader, where those are slow. WIDTH >= TILE.
// - staged: the same with atomics on separate 16-bit parts, for at most 32,768 rows: for GPUs.
//   Both have room for WORDS >= clusters * TILE sums and COUNTS >= clusters counts.
// Dispatch: for each rowsPerWorkgroup rows, one workgroup for each TILE columns.
//
// `segments` is another way, for rows that cluster/labelOrder has sorted: `changes` has its entries. A thread adds up one column
// of rowsPerWorkgroup entries in registers, and adds to memory once for each cluster among them: however many rows a cluster
// has, few meet at its sums. Dispatch: for each rowsPerWorkgroup entries, one thread for each column.
import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::add64;
import package::shared::wide::sub64;
@if(weighted) import package::shared::wide::umul64;
import package::cluster::control::HALTED;
import package::cluster::labelOrder::LEAVES;
import constants::WIDTH;
import constants::TILE;
@if(owned || staged) import constants::WORDS;
@if(owned || staged) import constants::COUNTS;

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  rowsPerWorkgroup: u32,
  clusterCount: u32,
  columnCount: u32,
  rowFloats: u32,
  fresh: u32,
}
struct Changes { count: u32, padding: u32, entries: array<vec2u> }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> changes: Changes;
@group(0) @binding(5) var<storage, read> weights: array<u32>;
@group(0) @binding(6) var<storage, read> control: array<u32>;
@group(0) @binding(7) var<storage, read_write> sums: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> counts: array<atomic<u32>>;

// Adds a 64-bit number: the carry follows the low word, so the order of additions does not matter.
fn addSum(index: u32, low: u32, high: u32) {
  if ((low | high) == 0u) { return; }
  let before = atomicAdd(&sums[2u * index], low);
  let carried = high + select(0u, 1u, before + low < before);
  if (carried != 0u) { atomicAdd(&sums[2u * index + 1u], carried); }
}

fn addCount(cluster: u32, count: u32) {
  if (count != 0u) { atomicAdd(&counts[cluster], count); }
}

@if(weighted)
fn weightOf(row: u32) -> u32 {
  return weights[row];
}
@else
fn weightOf(row: u32) -> u32 {
  return 1u;
}

fn negative64(value: vec2u) -> vec2u {
  return sub64(vec2u(0u), value);
}

// A coordinate times its weight, in two's complement.
fn fixedAt(row: u32, column: u32, scale: f32) -> vec2u {
  let value = i32(round(points[row * uniforms.rowFloats + column] * scale));
  @if(weighted) {
    let product = umul64(u32(abs(value)), weights[row]);
    return select(product, negative64(product), value < 0);
  }
  @else {
    return vec2u(u32(value), u32(value >> 31u));
  }
}

// A row to add, its cluster, and the one that it leaves.
struct Step { row: u32, cluster: u32, before: u32 }

// Without a branch, which would cost more than the reading.
fn stepAt(position: u32) -> Step {
  let entry = changes.entries[position];
  let row = select(entry.x, position, uniforms.fresh != 0u);
  return Step(row, labels[row], entry.y);
}

@if(owned) var<workgroup> ownedSums: array<vec2u, WORDS>;
@if(owned) var<workgroup> ownedCounts: array<u32, COUNTS>;

@if(owned)
fn addRows(firstRow: u32, rowCount: u32, firstColumn: u32, local: u32) {
  let column = firstColumn + local;
  if (local >= TILE || column >= uniforms.columnCount) { return; }
  let scale = scales[column];
  let fresh = uniforms.fresh != 0u;
  // A constant bound spares the compiler a counter of its own.
  for (var i = 0u; i < 32768u; i++) {
    if (i >= rowCount) { break; }
    let step = stepAt(firstRow + i);
    let value = fixedAt(step.row, column, scale);
    let index = step.cluster * TILE + local;
    ownedSums[index] = add64(ownedSums[index], value);
    if (column == 0u) { ownedCounts[step.cluster] += weightOf(step.row); }
    if (fresh) { continue; }
    let left = step.before * TILE + local;
    ownedSums[left] = sub64(ownedSums[left], value);
    if (column == 0u) { ownedCounts[step.before] -= weightOf(step.row); }
  }
  for (var cluster = 0u; cluster < uniforms.clusterCount; cluster++) {
    let sum = ownedSums[cluster * TILE + local];
    addSum(cluster * uniforms.columnCount + column, sum.x, sum.y);
    if (column == 0u) { addCount(cluster, ownedCounts[cluster]); }
  }
}

@if(staged) var<workgroup> lowParts: array<atomic<u32>, WORDS>;
@if(staged && weighted) var<workgroup> middleParts: array<atomic<u32>, WORDS>;
@if(staged) var<workgroup> highParts: array<atomic<i32>, WORDS>;
@if(staged) var<workgroup> stagedCounts: array<atomic<u32>, COUNTS>;

@if(staged)
fn gather(cluster: u32, column: u32, local: u32, value: vec2u) {
  let index = cluster * TILE + local;
  atomicAdd(&lowParts[index], value.x & 0xffffu);
  @if(weighted) atomicAdd(&middleParts[index], value.x >> 16u);
  @if(weighted) atomicAdd(&highParts[index], i32(value.y));
  @if(!weighted) atomicAdd(&highParts[index], i32(value.x) >> 16u);
}
@else
fn gather(cluster: u32, column: u32, local: u32, value: vec2u) {
  addSum(cluster * uniforms.columnCount + column, value.x, value.y);
}

@if(staged)
fn gatherCount(cluster: u32, count: u32) {
  atomicAdd(&stagedCounts[cluster], count);
}
@else
fn gatherCount(cluster: u32, count: u32) {
  addCount(cluster, count);
}

// What the sums of a workgroup come to.
@if(staged)
fn stagedSum(index: u32) -> vec2u {
  let low = atomicLoad(&lowParts[index]);
  let high = atomicLoad(&highParts[index]);
  @if(weighted) {
    let middle = atomicLoad(&middleParts[index]);
    return add64(vec2u(low, u32(high)), vec2u(middle << 16u, middle >> 16u));
  }
  @else {
    return add64(vec2u(low, 0u), vec2u(u32(high) << 16u, u32(high >> 16u)));
  }
}

@if(!owned)
fn addRows(firstRow: u32, rowCount: u32, firstColumn: u32, local: u32) {
  for (var i = local; i < rowCount * TILE; i += WIDTH) {
    let step = stepAt(firstRow + i / TILE);
    let column = firstColumn + i % TILE;
    if (column >= uniforms.columnCount) { continue; }
    let value = fixedAt(step.row, column, scales[column]);
    gather(step.cluster, column, i % TILE, value);
    if (column == 0u) { gatherCount(step.cluster, weightOf(step.row)); }
    if (uniforms.fresh != 0u) { continue; }
    gather(step.before, column, i % TILE, negative64(value));
    if (column == 0u) { gatherCount(step.before, 0u - weightOf(step.row)); }
  }
  @if(staged) {
    workgroupBarrier();
    for (var i = local; i < uniforms.clusterCount * TILE; i += WIDTH) {
      let column = firstColumn + i % TILE;
      if (column >= uniforms.columnCount) { continue; }
      let sum = stagedSum(i);
      addSum(i / TILE * uniforms.columnCount + column, sum.x, sum.y);
    }
    if (firstColumn == 0u) {
      for (var cluster = local; cluster < uniforms.clusterCount; cluster += WIDTH) {
        addCount(cluster, atomicLoad(&stagedCounts[cluster]));
      }
    }
  }
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u) { return; }
  let tiles = (uniforms.columnCount + TILE - 1u) / TILE;
  let index = linearWorkgroup(workgroup, workgroups);
  let firstRow = uniforms.firstRow + index / tiles * uniforms.rowsPerWorkgroup;
  let end = min(uniforms.endRow, select(changes.count, uniforms.endRow, uniforms.fresh != 0u));
  if (firstRow >= end) { return; }
  let rowCount = min(uniforms.rowsPerWorkgroup, end - firstRow);
  addRows(firstRow, rowCount, index % tiles * TILE, local);
}

fn addEntries(firstEntry: u32, end: u32, column: u32) {
  let scale = scales[column];
  var cluster = changes.entries[firstEntry].y;
  var sum = vec2u(0u);
  var count = 0u;
  for (var i = firstEntry; i < 0x7fffffffu; i++) {
    if (i >= end) { break; }
    let entry = changes.entries[i];
    if (entry.y != cluster) {
      addSum(cluster * uniforms.columnCount + column, sum.x, sum.y);
      if (column == 0u) { addCount(cluster, count); }
      cluster = entry.y;
      sum = vec2u(0u);
      count = 0u;
    }
    let row = entry.x & ~LEAVES;
    let leaves = (entry.x & LEAVES) != 0u;
    let value = fixedAt(row, column, scale);
    sum = add64(sum, select(value, negative64(value), leaves));
    let weight = weightOf(row);
    count += select(weight, 0u - weight, leaves);
  }
  addSum(cluster * uniforms.columnCount + column, sum.x, sum.y);
  if (column == 0u) { addCount(cluster, count); }
}

@compute @workgroup_size(WIDTH)
fn segments(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u) { return; }
  let index = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  let firstEntry = uniforms.firstRow + index / uniforms.columnCount * uniforms.rowsPerWorkgroup;
  let end = min(uniforms.endRow, changes.count);
  if (firstEntry >= end) { return; }
  addEntries(firstEntry, min(end, firstEntry + uniforms.rowsPerWorkgroup), index % uniforms.columnCount);
}
