import package::shared::floatProduct::{Uniforms, finish};
import constants::EDGE;

// f32 product for GPUs: a workgroup of 16 x 16 invocations makes a square of 16 EDGE results a side from tiles of 16
// along K in workgroup memory, [k][row] and [k][column]. An invocation (x, y) has rows y + 16 i and columns x + 16 j.
// EDGE: 8, 4 or 2.
//
// a: [batch][M][K], b: [batch][K][N], bias: [N], y: [batch][M][N].
// Dispatch: [columns / (16 EDGE), rows / (16 EDGE), batches].

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const unbounded = 0x7fffffffu;
const side = 16u * EDGE;

var<workgroup> aTile: array<f32, 16u * side>;
var<workgroup> bTile: array<f32, 16u * side>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let x = thread % 16u;
  let yy = thread / 16u;
  let rowFirst = uniforms.rowStart + workgroup.y * side;
  let columnFirst = uniforms.columnStart + workgroup.x * side;
  let batch = uniforms.batchStart + workgroup.z;
  let aFirst = uniforms.aStart + batch * uniforms.aBatch;
  let bFirst = uniforms.bStart + batch * uniforms.bBatch;
  var sums: array<f32, EDGE * EDGE>;

  let tileCount = (uniforms.depth + 15u) / 16u;
  for (var tile = 0u; tile < unbounded; tile++) {
    if (tile >= tileCount) {
      break;
    }
    let begin = tile * 16u;
    for (var load = 0u; load < EDGE; load++) {
      let slot = load * 256u + thread;
      let row = rowFirst + load * 16u + yy;
      var fromA = 0.0;
      if (row < uniforms.rowEnd && begin + x < uniforms.depth) {
        fromA = a[aFirst + row * uniforms.aStride + begin + x];
      }
      aTile[x * side + load * 16u + yy] = fromA;
      let k = begin + slot / side;
      let column = columnFirst + slot % side;
      var fromB = 0.0;
      if (k < uniforms.depth && column < uniforms.columnEnd) {
        fromB = b[bFirst + k * uniforms.bStride + column];
      }
      bTile[slot] = fromB;
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      var rows: array<f32, EDGE>;
      for (var i = 0u; i < EDGE; i++) {
        rows[i] = aTile[k * side + i * 16u + yy];
      }
      for (var j = 0u; j < EDGE; j++) {
        let column = bTile[k * side + j * 16u + x];
        for (var i = 0u; i < EDGE; i++) {
          sums[i * EDGE + j] += rows[i] * column;
        }
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < EDGE; i++) {
    let row = rowFirst + i * 16u + yy;
    if (row >= uniforms.rowEnd) {
      break;
    }
    let yRow = uniforms.yStart + batch * uniforms.yBatch + row * uniforms.yStride;
    for (var j = 0u; j < EDGE; j++) {
      let column = columnFirst + j * 16u + x;
      if (column >= uniforms.columnEnd) {
        break;
      }
      var sum = sums[i * EDGE + j];
      if (uniforms.accumulate == 1u) {
        sum += y[yRow + column];
      }
      let added = select(0.0, bias[column], uniforms.hasBias == 1u);
      y[yRow + column] = finish(sum, added, uniforms.lower, uniforms.upper);
    }
  }
}
