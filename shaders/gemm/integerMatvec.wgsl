import package::shared::integerDot::dotVectors;
import package::shared::integerProduct::{Term, Uniforms, corrected, finishFloat, finishInteger};
import constants::LANES;

@if(packed) requires packed_4x8_integer_dot_product;

// Product of packed 8-bit matrices for few rows of A, where tiles would be mostly empty: the work is to read B once.
// LANES invocations share a column and take turns at its vectors, or at its groups; each holds up to 8 rows.
//
// a, b, terms, bias, y as in integerRegister. Conditions: grouped, for scales per group along K (f32 result only);
// cooperative, for LANES > 1; packed, for dot4I8Packed.
// Dispatch: [columns / (64 / LANES), rows / 8, batches].

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> a: array<vec4u>;
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read> rowTerms: array<Term>;
@group(0) @binding(4) var<storage, read> columnTerms: array<Term>;
@group(0) @binding(5) var<storage, read> bias: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<u32>;

const unbounded = 0x7fffffffu;

@if(grouped) alias Total = f32;
@else alias Total = i32;

@if(cooperative) var<workgroup> shares: array<array<Total, 64>, 8>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % LANES;
  let row = uniforms.rowStart + workgroup.y * 8u;
  let column = uniforms.columnStart + workgroup.x * (64u / LANES) + thread / LANES;
  let rows = min(uniforms.rowEnd - row, 8u);
  let batch = uniforms.batchStart + workgroup.z;
  let rowTerm = uniforms.rowTermStart + batch * uniforms.rowTermBatch + row * uniforms.rowTermStride;
  let columnTerm = uniforms.columnTermStart + batch * uniforms.columnTermBatch + column * uniforms.columnTermStride;
  let aFirst = uniforms.aStart + batch * uniforms.aBatch + row * uniforms.rowVectors + uniforms.vectorStart;
  let bFirst = uniforms.bStart + batch * uniforms.bBatch + column * uniforms.rowVectors + uniforms.vectorStart;

  var totals: array<Total, 8>;
  @if(!grouped) for (var step = 0u; step < unbounded; step++) {
    let vector = lane + step * LANES;
    if (vector >= uniforms.vectorCount) {
      break;
    }
    let ofColumn = b[bFirst + vector];
    for (var i = 0u; i < 8u; i++) {
      if (i >= rows) {
        break;
      }
      totals[i] += dotVectors(a[aFirst + i * uniforms.rowVectors + vector] ^ vec4u(uniforms.flip), ofColumn);
    }
  }
  @if(grouped) for (var step = 0u; step < unbounded; step++) {
    let group = lane + step * LANES;
    if (group >= uniforms.groupCount) {
      break;
    }
    let begin = group * uniforms.groupVectors;
    let vectors = min(uniforms.groupVectors, uniforms.vectorCount - begin);
    // Explicitly zero: without an initializer SwiftShader keeps the sums of the group before.
    var sums = array<i32, 8>();
    for (var k = 0u; k < unbounded; k++) {
      if (k >= vectors) {
        break;
      }
      let ofColumn = b[bFirst + begin + k];
      for (var i = 0u; i < 8u; i++) {
        if (i >= rows) {
          break;
        }
        sums[i] += dotVectors(a[aFirst + i * uniforms.rowVectors + begin + k] ^ vec4u(uniforms.flip), ofColumn);
      }
    }
    let depth = select(uniforms.depth, uniforms.lastGroupDepth, group + 1u == uniforms.groupCount);
    let ofColumn = columnTerms[columnTerm + group];
    for (var i = 0u; i < 8u; i++) {
      let ofRow = rowTerms[rowTerm + i * uniforms.rowTermStride + group * uniforms.rowTermGroup];
      totals[i] += f32(corrected(sums[i], ofRow, ofColumn, depth)) * ofColumn.scale;
    }
  }

  @if(cooperative) {
    for (var i = 0u; i < 8u; i++) {
      shares[i][thread] = totals[i];
    }
    workgroupBarrier();
  }
  if (column >= uniforms.columnEnd) {
    return;
  }
  // The lanes of a column share out its rows.
  for (var i = lane; i < 8u; i += LANES) {
    if (i >= rows) {
      break;
    }
    var total = totals[i];
    @if(cooperative) {
      total = Total();
      for (var share = 0u; share < LANES; share++) {
        total += shares[i][thread - lane + share];
      }
    }
    let ofRow = rowTerms[rowTerm + i * uniforms.rowTermStride];
    let yIndex = uniforms.yStart + batch * uniforms.yBatch + (row + i) * uniforms.yStride + column;
    let added = select(0u, bias[column], uniforms.hasBias == 1u);
    @if(grouped) {
      y[yIndex] = finishFloat(total * ofRow.scale, added, uniforms.lower, uniforms.upper);
    }
    @if(!grouped) {
      let ofColumn = columnTerms[columnTerm];
      let sum = corrected(total, ofRow, ofColumn, uniforms.depth);
      let value = f32(sum) * (ofRow.scale * ofColumn.scale);
      y[yIndex] = select(
        finishInteger(sum, added),
        finishFloat(value, added, uniforms.lower, uniforms.upper),
        uniforms.scaled == 1u,
      );
    }
  }
}
