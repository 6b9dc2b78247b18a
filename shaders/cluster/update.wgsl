// Sums and counts of the points of each cluster: in integers, so that their order does not matter. A coordinate counts as
// round(x * scale), below 2^30 in magnitude; a sum has 64 bits.
//
// points [rows][rowFloats] f32, scales [columns], labels [rows], sums [clusters][columns] (low, high), counts [clusters];
// sums and counts are added to.
// Conditions, of which at most one holds; without them every coordinate is added to memory at once:
// - owned: a workgroup adds up TILE columns of its rows in its own memory first. Each thread owns a column, so that it
//   needs no atomics: for SwiftShader, where those are slow. WIDTH >= TILE.
// - staged: the same with atomics on separate 16-bit halves, for at most 32,768 rows: for GPUs.
// Both have room for WORDS >= clusters * TILE sums and COUNTS >= clusters counts.
// Dispatch: for each rowsPerWorkgroup rows, one workgroup for each TILE columns.
import package::shared::dispatch::linearWorkgroup;
@if(owned) import package::shared::wide::add64;
import package::cluster::control::HALTED;
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
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> control: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> counts: array<atomic<u32>>;

// Adds a 64-bit number: the carry follows the low word, so the order of additions does not matter.
fn addSum(index: u32, low: u32, high: u32) {
  if ((low | high) == 0u) { return; }
  let before = atomicAdd(&sums[2u * index], low);
  let carried = high + select(0u, 1u, before + low < before);
  if (carried != 0u) { atomicAdd(&sums[2u * index + 1u], carried); }
}

fn fixedAt(row: u32, column: u32, scale: f32) -> i32 {
  return i32(round(points[row * uniforms.rowFloats + column] * scale));
}

@if(owned) var<workgroup> ownedSums: array<vec2u, WORDS>;
@if(owned) var<workgroup> ownedCounts: array<u32, COUNTS>;

@if(owned)
fn addRows(firstRow: u32, rowCount: u32, firstColumn: u32, local: u32) {
  let column = firstColumn + local;
  if (local >= TILE || column >= uniforms.columnCount) { return; }
  let scale = scales[column];
  // A constant bound spares the compiler a counter of its own.
  for (var i = 0u; i < 32768u; i++) {
    if (i >= rowCount) { break; }
    let cluster = labels[firstRow + i];
    let value = fixedAt(firstRow + i, column, scale);
    let index = cluster * TILE + local;
    ownedSums[index] = add64(ownedSums[index], vec2u(u32(value), u32(value >> 31u)));
    if (column == 0u) { ownedCounts[cluster] += 1u; }
  }
  for (var cluster = 0u; cluster < uniforms.clusterCount; cluster++) {
    let sum = ownedSums[cluster * TILE + local];
    addSum(cluster * uniforms.columnCount + column, sum.x, sum.y);
    if (column == 0u) { atomicAdd(&counts[cluster], ownedCounts[cluster]); }
  }
}

@if(staged) var<workgroup> lowHalves: array<atomic<u32>, WORDS>;
@if(staged) var<workgroup> highHalves: array<atomic<i32>, WORDS>;
@if(staged) var<workgroup> stagedCounts: array<atomic<u32>, COUNTS>;

@if(staged)
fn addRows(firstRow: u32, rowCount: u32, firstColumn: u32, local: u32) {
  for (var i = local; i < rowCount * TILE; i += WIDTH) {
    let column = firstColumn + i % TILE;
    if (column >= uniforms.columnCount) { continue; }
    let row = firstRow + i / TILE;
    let cluster = labels[row];
    let value = fixedAt(row, column, scales[column]);
    let index = cluster * TILE + i % TILE;
    atomicAdd(&lowHalves[index], u32(value) & 0xffffu);
    atomicAdd(&highHalves[index], value >> 16u);
    if (column == 0u) { atomicAdd(&stagedCounts[cluster], 1u); }
  }
  workgroupBarrier();
  for (var i = local; i < uniforms.clusterCount * TILE; i += WIDTH) {
    let column = firstColumn + i % TILE;
    if (column >= uniforms.columnCount) { continue; }
    let low = atomicLoad(&lowHalves[i]);
    let high = atomicLoad(&highHalves[i]);
    let sum = (u32(high) << 16u) + low;
    let carry = select(0u, 1u, sum < low);
    addSum(i / TILE * uniforms.columnCount + column, sum, u32(high >> 16u) + carry);
  }
  if (firstColumn == 0u) {
    for (var cluster = local; cluster < uniforms.clusterCount; cluster += WIDTH) {
      atomicAdd(&counts[cluster], atomicLoad(&stagedCounts[cluster]));
    }
  }
}

@if(!owned && !staged)
fn addRows(firstRow: u32, rowCount: u32, firstColumn: u32, local: u32) {
  for (var i = local; i < rowCount * TILE; i += WIDTH) {
    let row = firstRow + i / TILE;
    let column = firstColumn + i % TILE;
    if (column >= uniforms.columnCount) { continue; }
    let cluster = labels[row];
    let value = fixedAt(row, column, scales[column]);
    addSum(cluster * uniforms.columnCount + column, u32(value), u32(value >> 31u));
    if (column == 0u) { atomicAdd(&counts[cluster], 1u); }
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
  if (firstRow >= uniforms.endRow) { return; }
  let rowCount = min(uniforms.rowsPerWorkgroup, uniforms.endRow - firstRow);
  addRows(firstRow, rowCount, index % tiles * TILE, local);
}
