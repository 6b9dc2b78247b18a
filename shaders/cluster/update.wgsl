// Sums and counts of the points of each cluster: in integers, so that their order does not matter. A coordinate counts as
// round(x * scale), below 2^30 in magnitude; a sum has 64 bits.
//
// points [rows][rowFloats] f32, scales [columns], labels [rows], sums [clusters][columns] (low, high), counts [clusters];
// sums and counts are added to.
// Condition: local, in which a workgroup adds up TILE columns of its rows (at most 32,768) in its own memory first,
// as separate 16-bit halves, in WORDS >= clusters * TILE words and COUNTS >= clusters words.
// Dispatch: for each rowsPerWorkgroup rows, one workgroup for each TILE columns.
import package::shared::dispatch::linearWorkgroup;
import package::cluster::control::HALTED;
import constants::WIDTH;
import constants::TILE;
@if(local) import constants::WORDS;
@if(local) import constants::COUNTS;

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

@if(local) var<workgroup> lowHalves: array<atomic<u32>, WORDS>;
@if(local) var<workgroup> highHalves: array<atomic<i32>, WORDS>;
@if(local) var<workgroup> localCounts: array<atomic<u32>, COUNTS>;

// Adds a 64-bit number: the carry follows the low word, so the order of additions does not matter.
fn addSum(index: u32, low: u32, high: u32) {
  let before = atomicAdd(&sums[2u * index], low);
  let carried = high + select(0u, 1u, before + low < before);
  if (carried != 0u) { atomicAdd(&sums[2u * index + 1u], carried); }
}

@if(local)
fn add(cluster: u32, column: u32, tileColumn: u32, value: i32) {
  let index = cluster * TILE + tileColumn;
  atomicAdd(&lowHalves[index], u32(value) & 0xffffu);
  atomicAdd(&highHalves[index], value >> 16u);
  if (column == 0u) { atomicAdd(&localCounts[cluster], 1u); }
}
@else
fn add(cluster: u32, column: u32, tileColumn: u32, value: i32) {
  addSum(cluster * uniforms.columnCount + column, u32(value), u32(value >> 31u));
  if (column == 0u) { atomicAdd(&counts[cluster], 1u); }
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
  let firstColumn = index % tiles * TILE;
  for (var i = local; i < rowCount * TILE; i += WIDTH) {
    let row = firstRow + i / TILE;
    let column = firstColumn + i % TILE;
    if (column >= uniforms.columnCount) { continue; }
    add(labels[row], column, i % TILE, i32(round(points[row * uniforms.rowFloats + column] * scales[column])));
  }
  @if(local) {
    workgroupBarrier();
    for (var i = local; i < uniforms.clusterCount * TILE; i += WIDTH) {
      let column = firstColumn + i % TILE;
      let low = atomicLoad(&lowHalves[i]);
      let high = atomicLoad(&highHalves[i]);
      let shifted = u32(high) << 16u;
      let sum = shifted + low;
      let carried = u32(high >> 16u) + select(0u, 1u, sum < low);
      if (column < uniforms.columnCount && (sum | carried) != 0u) {
        addSum(i / TILE * uniforms.columnCount + column, sum, carried);
      }
    }
    if (firstColumn == 0u) {
      for (var cluster = local; cluster < uniforms.clusterCount; cluster += WIDTH) {
        atomicAdd(&counts[cluster], atomicLoad(&localCounts[cluster]));
      }
    }
  }
}
