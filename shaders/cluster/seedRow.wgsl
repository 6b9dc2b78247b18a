// The next seed of k-means++, within the block that cluster/seedBlock chose: the first row at which the running sum of
// the squared distances exceeds what remains of the target; or the row that was chosen outright. Its coordinates become the
// centroid at `seed`, and on the grid of cluster/seedGrid the newest seed.
//
// points [rowCount][vectors] vec4f, the rows firstRow … of all; packed [rowCount][vectors] vec2u; squares and (on the
// condition `weighted`) weights [rowCount]; choice as in cluster/seedBlock; centroids [seeds][vectors] vec4f; newest
// [vectors] vec2u; rows [seeds].
// Does nothing if the block is in another part. Dispatch: one workgroup.
import package::shared::wide::add64;
import package::shared::wide::compare64;
import package::shared::wide::sub64;
@if(weighted) import package::shared::wide::umul64;
import constants::WIDTH;

struct Uniforms { firstRow: u32, rowCount: u32, seed: u32, vectors: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> packed: array<vec2u>;
@group(0) @binding(3) var<storage, read> squares: array<u32>;
@group(0) @binding(4) var<storage, read> weights: array<u32>;
@group(0) @binding(5) var<storage, read> choice: array<u32>;
@group(0) @binding(6) var<storage, read_write> centroids: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> newest: array<vec2u>;
@group(0) @binding(8) var<storage, read_write> rows: array<u32>;

const BLOCK = 1024u;
const SHARE = BLOCK / WIDTH;
var<workgroup> sums: array<vec2u, WIDTH>;
var<workgroup> chosen: u32;

fn squareAt(row: u32) -> vec2u {
  let place = min(row, uniforms.rowCount - 1u);
  let square = select(0u, squares[place], row < uniforms.rowCount);
  @if(weighted) { return umul64(square, weights[place]); }
  @else { return vec2u(square, 0u); }
}

fn find(firstRow: u32) -> u32 {
  var remaining = vec2u(choice[1], choice[2]);
  var owner = 0u;
  while (owner < WIDTH - 1u && compare64(remaining, sums[owner]) >= 0) {
    remaining = sub64(remaining, sums[owner]);
    owner++;
  }
  var row = firstRow + owner * SHARE;
  while (row < uniforms.rowCount - 1u && compare64(remaining, squareAt(row)) >= 0) {
    remaining = sub64(remaining, squareAt(row));
    row++;
  }
  return row;
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(local_invocation_index) local: u32) {
  let anyRow = choice[3];
  let first = select(choice[0] * BLOCK, anyRow - 1u, anyRow != 0u) - uniforms.firstRow;
  // Earlier rows wrap around to large numbers.
  if (first >= uniforms.rowCount) { return; }
  var sum = vec2u(0u);
  for (var i = 0u; i < SHARE; i++) { sum = add64(sum, squareAt(first + local * SHARE + i)); }
  sums[local] = sum;
  workgroupBarrier();
  if (local == 0u) {
    chosen = first;
    if (anyRow == 0u) { chosen = find(first); }
    rows[uniforms.seed] = uniforms.firstRow + chosen;
  }
  let row = workgroupUniformLoad(&chosen);
  for (var v = local; v < uniforms.vectors; v += WIDTH) {
    centroids[uniforms.seed * uniforms.vectors + v] = points[row * uniforms.vectors + v];
    newest[v] = packed[row * uniforms.vectors + v];
  }
}
