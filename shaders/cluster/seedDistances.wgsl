// One step of k-means++: the squared distance of every point to its nearest seed so far, and their sum in each block of
// 1,024 rows, times their weights. In whole numbers below 2^32, on the grid of cluster/seedGrid.
//
// packed [rows][VECTORS] vec2u; newest [VECTORS] vec2u, the last seed; weights [rows], read on the condition `weighted`
// and below 2^32 in sum, otherwise every row weighs 1; squares [rows], the distances so far unless
// `first` is 1; blockSums [blocks] (low, high) from firstBlock on.
// Dispatch: one workgroup a block, for the rows firstRow … endRow of the part.
import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::add64;
@if(weighted) import package::shared::wide::umul64;
import package::cluster::grid::unpackGrid;
import constants::WIDTH;
import constants::VECTORS;

struct Uniforms { firstRow: u32, endRow: u32, firstBlock: u32, first: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> packed: array<vec2u>;
@group(0) @binding(2) var<storage, read> newest: array<vec2u>;
@group(0) @binding(3) var<storage, read> weights: array<u32>;
@group(0) @binding(4) var<storage, read_write> squares: array<u32>;
@group(0) @binding(5) var<storage, read_write> blockSums: array<vec2u>;

const BLOCK = 1024u;
var<workgroup> sums: array<vec2u, WIDTH>;

fn square(words: vec2u, seed: vec4i) -> u32 {
  let apart = unpackGrid(words) - seed;
  let squared = bitcast<vec4u>(apart * apart);
  return (squared.x + squared.y) + (squared.z + squared.w);
}

fn pointAt(row: u32) -> u32 {
  return min(row, uniforms.endRow - 1u) * VECTORS;
}

// The weighted square of a row, which is written down without the weight.
fn nearest(row: u32, distance: u32) -> vec2u {
  if (row >= uniforms.endRow) { return vec2u(0u); }
  var least = distance;
  if (uniforms.first == 0u) { least = min(least, squares[row]); }
  squares[row] = least;
  @if(weighted) { return umul64(least, weights[row]); }
  @else { return vec2u(least, 0u); }
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let block = linearWorkgroup(workgroup, workgroups);
  let firstRow = uniforms.firstRow + block * BLOCK;
  if (firstRow >= uniforms.endRow) { return; }
  var sum = vec2u(0u);
  for (var i = local; i < BLOCK; i += 4u * WIDTH) {
    let row = firstRow + i;
    let p0 = pointAt(row);
    let p1 = pointAt(row + WIDTH);
    let p2 = pointAt(row + 2u * WIDTH);
    let p3 = pointAt(row + 3u * WIDTH);
    var distances = vec4u(0u);
    for (var v = 0u; v < VECTORS; v++) {
      let seed = unpackGrid(newest[v]);
      distances += vec4u(
        square(packed[p0 + v], seed),
        square(packed[p1 + v], seed),
        square(packed[p2 + v], seed),
        square(packed[p3 + v], seed),
      );
    }
    sum = add64(sum, nearest(row, distances.x));
    sum = add64(sum, nearest(row + WIDTH, distances.y));
    sum = add64(sum, nearest(row + 2u * WIDTH, distances.z));
    sum = add64(sum, nearest(row + 3u * WIDTH, distances.w));
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local == 0u) {
    for (var i = 1u; i < WIDTH; i++) { sum = add64(sum, sums[i]); }
    blockSums[uniforms.firstBlock + block] = sum;
  }
}
