// The nearest candidate of every point so far, its squared distance on the grid of cluster/seedGrid, and the sum of those,
// times the weights of the points, in each block of 1,024 rows. The earliest candidate keeps a tie.
//
// packed [rows][VECTORS] vec2u; candidates [count][VECTORS] vec2u, the ones from firstCandidate on; squares and nearest
// [rows], unless `first` is 1 those of the candidates before; weights [rows], read on the condition `weighted`; blockSums
// [blocks] (low, high) from firstBlock on.
// Dispatch: one workgroup a block, for the rows firstRow … endRow of the part.
import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::add64;
@if(weighted) import package::shared::wide::umul64;
import package::cluster::grid::unpackGrid;
import constants::WIDTH;
import constants::VECTORS;

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  firstBlock: u32,
  first: u32,
  candidateStart: u32,
  candidateEnd: u32,
  firstCandidate: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> packed: array<vec2u>;
@group(0) @binding(2) var<storage, read> candidates: array<vec2u>;
@group(0) @binding(3) var<storage, read> weights: array<u32>;
@group(0) @binding(4) var<storage, read_write> squares: array<u32>;
@group(0) @binding(5) var<storage, read_write> nearest: array<u32>;
@group(0) @binding(6) var<storage, read_write> blockSums: array<vec2u>;

const BLOCK = 1024u;
var<workgroup> sums: array<vec2u, WIDTH>;

fn squaredDistance(row: u32, candidate: u32) -> u32 {
  var sum = vec4u(0u);
  for (var v = 0u; v < VECTORS; v++) {
    let apart = unpackGrid(packed[row * VECTORS + v]) - unpackGrid(candidates[candidate * VECTORS + v]);
    sum += bitcast<vec4u>(apart * apart);
  }
  return (sum.x + sum.y) + (sum.z + sum.w);
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
  let end = min(firstRow + BLOCK, uniforms.endRow);
  for (var row = firstRow + local; row < end; row += WIDTH) {
    var least = 0xffffffffu;
    var best = uniforms.firstCandidate;
    if (uniforms.first == 0u) {
      least = squares[row];
      best = nearest[row];
    }
    for (var candidate = uniforms.candidateStart; candidate < uniforms.candidateEnd; candidate++) {
      let square = squaredDistance(row, candidate);
      if (square < least) {
        least = square;
        best = uniforms.firstCandidate + candidate;
      }
    }
    squares[row] = least;
    nearest[row] = best;
    @if(weighted) { sum = add64(sum, umul64(least, weights[row])); }
    @else { sum = add64(sum, vec2u(least, 0u)); }
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local == 0u) {
    for (var i = 1u; i < WIDTH; i++) { sum = add64(sum, sums[i]); }
    blockSums[uniforms.firstBlock + block] = sum;
  }
}
