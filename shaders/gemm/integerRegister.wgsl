import package::shared::integerDot::{bytePairScale, scaledByteMatrix, scaledBytes};
import package::shared::integerProduct::{Term, Uniforms, corrected, finishFloat, finishInteger};

// Product of packed 8-bit matrices without workgroup memory, for adapters that run shaders on the CPU: a barrier would
// make a coroutine of every workgroup there, each load is one scalar load per lane however wide it is, and dot4I8Packed
// is a scalar loop. So one invocation makes 16 x 8 results from words, unpacked to f32, in which sums of up to 1,024
// products of signed bytes are exact integers.
//
// a: [batch][M][rowVectors] and b: [batch][N][rowVectors], 16 codes along K to a vector, padded with zeros (bound as
// words here). rowTerms, columnTerms: see integerProduct. bias: [N], f32 or i32 as the result. y: [batch][M][N].
// Condition: grouped, for scales per group along K (f32 result only).
// Dispatch: [columns / 64, rows / 128, batches].
//
// Measured at 512 x 512 x 512 on SwiftShader (two busy cores, kernel alone, median GOPS): 8 x 8 from vectors in i32 1.2;
// the same in f32 1.5; from words 1.7; 16 x 8 1.8; 16 x 16 2.0, with three times the compilation; lanes sharing loads by
// subgroup broadcast, the same. Loads were 15 % of the time and unpacking by shifts more than half: without shifts (see
// integerDot) 8 x 8 3.0, 16 x 8 3.4, 16 x 16 3.6. With quantizing x and
// reading the result: 2.4 in Node, 3.2 in Chromium.

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read> rowTerms: array<Term>;
@group(0) @binding(4) var<storage, read> columnTerms: array<Term>;
@group(0) @binding(5) var<storage, read> bias: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<u32>;

// 1,024 products of -128 and -128 are 2^24.
const chunkWords = 256u;
const unbounded = 0x7fffffffu;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = uniforms.rowStart + id.y * 16u;
  let column = uniforms.columnStart + id.x * 8u;
  if (row >= uniforms.rowEnd || column >= uniforms.columnEnd) {
    return;
  }
  let batch = uniforms.batchStart + id.z;
  let rowTerm = uniforms.rowTermStart + batch * uniforms.rowTermBatch + row * uniforms.rowTermStride;
  let columnTerm = uniforms.columnTermStart + batch * uniforms.columnTermBatch + column * uniforms.columnTermStride;
  // Rows and columns beyond the end are multiplied as well, from whatever is there, and not stored.
  let stride = uniforms.rowVectors * 4u;
  let first = uniforms.vectorStart * 4u;
  let aFirst = (uniforms.aStart + batch * uniforms.aBatch) * 4u + row * stride + first;
  let bFirst = (uniforms.bStart + batch * uniforms.bBatch) * 4u + column * stride + first;
  let flip = uniforms.flip;

  var sums: array<vec4i, 32>;
  @if(grouped) var totals: array<vec4f, 32>;
  @if(grouped) let groupWords = uniforms.groupVectors * 4u;
  @if(!grouped) let groupWords = uniforms.vectorCount * 4u;
  let wordCount = uniforms.vectorCount * 4u;
  var begin = 0u;
  for (var group = 0u; group < unbounded; group++) {
    if (group >= uniforms.groupCount) {
      break;
    }
    let groupEnd = min(begin + groupWords, wordCount);
    for (var chunk = 0u; chunk < unbounded; chunk++) {
      if (begin >= groupEnd) {
        break;
      }
      let end = min(begin + chunkWords, groupEnd);
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
      var l8 = vec4f();
      var r8 = vec4f();
      var l9 = vec4f();
      var r9 = vec4f();
      var l10 = vec4f();
      var r10 = vec4f();
      var l11 = vec4f();
      var r11 = vec4f();
      var l12 = vec4f();
      var r12 = vec4f();
      var l13 = vec4f();
      var r13 = vec4f();
      var l14 = vec4f();
      var r14 = vec4f();
      var l15 = vec4f();
      var r15 = vec4f();
      let aWord = aFirst + begin;
      let bWord = bFirst + begin;
      let words = end - begin;
      for (var k = 0u; k < unbounded; k++) {
        if (k >= words) {
          break;
        }
        let bk = bWord + k;
        let left = scaledByteMatrix(vec4u(b[bk], b[bk + stride], b[bk + 2u * stride], b[bk + 3u * stride]));
        let br = bk + 4u * stride;
        let right = scaledByteMatrix(vec4u(b[br], b[br + stride], b[br + 2u * stride], b[br + 3u * stride]));
        let ak = aWord + k;
        let a0 = scaledBytes(a[ak] ^ flip);
        l0 += left * a0;
        r0 += right * a0;
        let a1 = scaledBytes(a[ak + stride] ^ flip);
        l1 += left * a1;
        r1 += right * a1;
        let a2 = scaledBytes(a[ak + 2u * stride] ^ flip);
        l2 += left * a2;
        r2 += right * a2;
        let a3 = scaledBytes(a[ak + 3u * stride] ^ flip);
        l3 += left * a3;
        r3 += right * a3;
        let a4 = scaledBytes(a[ak + 4u * stride] ^ flip);
        l4 += left * a4;
        r4 += right * a4;
        let a5 = scaledBytes(a[ak + 5u * stride] ^ flip);
        l5 += left * a5;
        r5 += right * a5;
        let a6 = scaledBytes(a[ak + 6u * stride] ^ flip);
        l6 += left * a6;
        r6 += right * a6;
        let a7 = scaledBytes(a[ak + 7u * stride] ^ flip);
        l7 += left * a7;
        r7 += right * a7;
        let a8 = scaledBytes(a[ak + 8u * stride] ^ flip);
        l8 += left * a8;
        r8 += right * a8;
        let a9 = scaledBytes(a[ak + 9u * stride] ^ flip);
        l9 += left * a9;
        r9 += right * a9;
        let a10 = scaledBytes(a[ak + 10u * stride] ^ flip);
        l10 += left * a10;
        r10 += right * a10;
        let a11 = scaledBytes(a[ak + 11u * stride] ^ flip);
        l11 += left * a11;
        r11 += right * a11;
        let a12 = scaledBytes(a[ak + 12u * stride] ^ flip);
        l12 += left * a12;
        r12 += right * a12;
        let a13 = scaledBytes(a[ak + 13u * stride] ^ flip);
        l13 += left * a13;
        r13 += right * a13;
        let a14 = scaledBytes(a[ak + 14u * stride] ^ flip);
        l14 += left * a14;
        r14 += right * a14;
        let a15 = scaledBytes(a[ak + 15u * stride] ^ flip);
        l15 += left * a15;
        r15 += right * a15;
      }
      sums[0] += vec4i(l0 * bytePairScale);
      sums[1] += vec4i(r0 * bytePairScale);
      sums[2] += vec4i(l1 * bytePairScale);
      sums[3] += vec4i(r1 * bytePairScale);
      sums[4] += vec4i(l2 * bytePairScale);
      sums[5] += vec4i(r2 * bytePairScale);
      sums[6] += vec4i(l3 * bytePairScale);
      sums[7] += vec4i(r3 * bytePairScale);
      sums[8] += vec4i(l4 * bytePairScale);
      sums[9] += vec4i(r4 * bytePairScale);
      sums[10] += vec4i(l5 * bytePairScale);
      sums[11] += vec4i(r5 * bytePairScale);
      sums[12] += vec4i(l6 * bytePairScale);
      sums[13] += vec4i(r6 * bytePairScale);
      sums[14] += vec4i(l7 * bytePairScale);
      sums[15] += vec4i(r7 * bytePairScale);
      sums[16] += vec4i(l8 * bytePairScale);
      sums[17] += vec4i(r8 * bytePairScale);
      sums[18] += vec4i(l9 * bytePairScale);
      sums[19] += vec4i(r9 * bytePairScale);
      sums[20] += vec4i(l10 * bytePairScale);
      sums[21] += vec4i(r10 * bytePairScale);
      sums[22] += vec4i(l11 * bytePairScale);
      sums[23] += vec4i(r11 * bytePairScale);
      sums[24] += vec4i(l12 * bytePairScale);
      sums[25] += vec4i(r12 * bytePairScale);
      sums[26] += vec4i(l13 * bytePairScale);
      sums[27] += vec4i(r13 * bytePairScale);
      sums[28] += vec4i(l14 * bytePairScale);
      sums[29] += vec4i(r14 * bytePairScale);
      sums[30] += vec4i(l15 * bytePairScale);
      sums[31] += vec4i(r15 * bytePairScale);
      begin = end;
    }
    @if(grouped) {
      let isLast = group + 1u == uniforms.groupCount;
      let depth = select(uniforms.depth, uniforms.lastGroupDepth, isLast);
      for (var i = 0u; i < 16u; i++) {
        let ofRow = rowTerms[rowTerm + i * uniforms.rowTermStride + group * uniforms.rowTermGroup];
        for (var j = 0u; j < 8u; j++) {
          let ofColumn = columnTerms[columnTerm + j * uniforms.columnTermStride + group];
          let cell = i * 2u + j / 4u;
          let sum = corrected(sums[cell][j % 4u], ofRow, ofColumn, depth);
          totals[cell][j % 4u] += f32(sum) * ofColumn.scale;
          sums[cell][j % 4u] = 0;
        }
      }
    }
  }

  for (var i = 0u; i < 16u; i++) {
    if (row + i >= uniforms.rowEnd) {
      break;
    }
    let ofRow = rowTerms[rowTerm + i * uniforms.rowTermStride];
    let yRow = uniforms.yStart + batch * uniforms.yBatch + (row + i) * uniforms.yStride;
    for (var j = 0u; j < 8u; j++) {
      if (column + j >= uniforms.columnEnd) {
        break;
      }
      let cell = i * 2u + j / 4u;
      let added = select(0u, bias[column + j], uniforms.hasBias == 1u);
      @if(grouped) {
        let value = totals[cell][j % 4u] * ofRow.scale;
        y[yRow + column + j] = finishFloat(value, added, uniforms.lower, uniforms.upper);
      }
      @if(!grouped) {
        let ofColumn = columnTerms[columnTerm + j * uniforms.columnTermStride];
        let sum = corrected(sums[cell][j % 4u], ofRow, ofColumn, uniforms.depth);
        let value = f32(sum) * (ofRow.scale * ofColumn.scale);
        y[yRow + column + j] = select(
          finishInteger(sum, added),
          finishFloat(value, added, uniforms.lower, uniforms.upper),
          uniforms.scaled == 1u,
        );
      }
    }
  }
}
