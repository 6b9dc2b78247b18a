import package::shared::floatProduct::{Uniforms, finish};

// f32 product without workgroup memory, for adapters that run shaders on the CPU (see integerRegister): one invocation
// makes 8 x 8 results. 512 x 512 x 512 on SwiftShader (two busy cores, with transfers):
// 1.6 GOPS in Node, 2.1 in Chromium.
//
// a: [batch][M][K], b: [batch][K][N], bias: [N], y: [batch][M][N].
// Dispatch: [columns / 64, rows / 64, batches].

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const unbounded = 0x7fffffffu;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = uniforms.rowStart + id.y * 8u;
  let column = uniforms.columnStart + id.x * 8u;
  if (row >= uniforms.rowEnd || column >= uniforms.columnEnd) {
    return;
  }
  let batch = uniforms.batchStart + id.z;
  // Rows and columns beyond the end are multiplied as well, from whatever is there, and not stored.
  let stride = uniforms.aStride;
  let aFirst = uniforms.aStart + batch * uniforms.aBatch + row * stride;
  var bk = uniforms.bStart + batch * uniforms.bBatch + column;
  var l0 = vec4f();
  var r0 = vec4f();
  var l1 = vec4f();
  var r1 = vec4f();
  var l2 = vec4f();
  var r2 = vec4f();
  var l3 = vec4f();
  var r3 = vec4f();
  var l4 = vec4f();
  var r4 = vec4f();
  var l5 = vec4f();
  var r5 = vec4f();
  var l6 = vec4f();
  var r6 = vec4f();
  var l7 = vec4f();
  var r7 = vec4f();
  for (var k = 0u; k < unbounded; k++) {
    if (k >= uniforms.depth) {
      break;
    }
    let left = vec4f(b[bk], b[bk + 1u], b[bk + 2u], b[bk + 3u]);
    let right = vec4f(b[bk + 4u], b[bk + 5u], b[bk + 6u], b[bk + 7u]);
    bk += uniforms.bStride;
    let ak = aFirst + k;
    let a0 = a[ak];
    l0 += a0 * left;
    r0 += a0 * right;
    let a1 = a[ak + stride];
    l1 += a1 * left;
    r1 += a1 * right;
    let a2 = a[ak + 2u * stride];
    l2 += a2 * left;
    r2 += a2 * right;
    let a3 = a[ak + 3u * stride];
    l3 += a3 * left;
    r3 += a3 * right;
    let a4 = a[ak + 4u * stride];
    l4 += a4 * left;
    r4 += a4 * right;
    let a5 = a[ak + 5u * stride];
    l5 += a5 * left;
    r5 += a5 * right;
    let a6 = a[ak + 6u * stride];
    l6 += a6 * left;
    r6 += a6 * right;
    let a7 = a[ak + 7u * stride];
    l7 += a7 * left;
    r7 += a7 * right;
  }
  var sums = array<vec4f, 16>(l0, r0, l1, r1, l2, r2, l3, r3, l4, r4, l5, r5, l6, r6, l7, r7);
  for (var i = 0u; i < 8u; i++) {
    if (row + i >= uniforms.rowEnd) {
      break;
    }
    let yRow = uniforms.yStart + batch * uniforms.yBatch + (row + i) * uniforms.yStride;
    for (var j = 0u; j < 8u; j++) {
      if (column + j >= uniforms.columnEnd) {
        break;
      }
      var sum = sums[i * 2u + j / 4u][j % 4u];
      if (uniforms.accumulate == 1u) {
        sum += y[yRow + column + j];
      }
      let added = select(0.0, bias[column + j], uniforms.hasBias == 1u);
      y[yRow + column + j] = finish(sum, added, uniforms.lower, uniforms.upper);
    }
  }
}
