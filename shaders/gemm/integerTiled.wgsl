import package::shared::integerDot::{bytePairScale, dotVectors, scaledBytes};
import package::shared::integerProduct::{Term, Uniforms, corrected, finishFloat, finishInteger};
import constants::EDGE;

@if(packed) requires packed_4x8_integer_dot_product;

// Product of packed 8-bit matrices for GPUs: a workgroup of 16 x 16 invocations makes a square of 16 EDGE results a side
// from tiles of 64 codes along K in workgroup memory, kept as [vector][row] so that neighbours read neighbours. An
// invocation (x, y) has rows y + 16 i and columns x + 16 j. The next tile is loaded into registers during the work on
// this one. EDGE: 8, 4 or 2.
//
// a, b, terms, bias, y as in integerRegister. Conditions: grouped, for scales per group along K (f32 result only);
// packed, for dot4I8Packed instead of f32 products of unpacked bytes.
// Dispatch: [columns / (16 EDGE), rows / (16 EDGE), batches].

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> a: array<vec4u>;
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read> rowTerms: array<Term>;
@group(0) @binding(4) var<storage, read> columnTerms: array<Term>;
@group(0) @binding(5) var<storage, read> bias: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<u32>;

const unbounded = 0x7fffffffu;
const side = 16u * EDGE;
const cells = EDGE * EDGE;
// A tile has 4 vectors of `side` rows; each of the 256 invocations loads so many of them. Neighbours load the vectors of
// one row; the two spare columns keep what they write in different banks.
const tileVectors = 4u * side;
const loads = (tileVectors + 255u) / 256u;
const pitch = side + 2u;

// The packed path sums in i32. The other sums in f32, exactly for up to 16 tiles, and moves to i32 in between.
@if(packed) alias Partial = i32;
@else alias Partial = f32;
const exactTiles = 16u;

var<workgroup> aTile: array<vec4u, 4u * pitch>;
var<workgroup> bTile: array<vec4u, 4u * pitch>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let x = thread % 16u;
  let yy = thread / 16u;
  let rowFirst = uniforms.rowStart + workgroup.y * side;
  let columnFirst = uniforms.columnStart + workgroup.x * side;
  let batch = uniforms.batchStart + workgroup.z;
  let aFirst = uniforms.aStart + batch * uniforms.aBatch + uniforms.vectorStart;
  let bFirst = uniforms.bStart + batch * uniforms.bBatch + uniforms.vectorStart;
  let rowTermFirst = uniforms.rowTermStart + batch * uniforms.rowTermBatch;
  let columnTermFirst = uniforms.columnTermStart + batch * uniforms.columnTermBatch;

  var partials: array<Partial, cells>;
  var sums: array<i32, cells>;
  @if(grouped) var totals: array<f32, cells>;
  var aNext: array<vec4u, loads>;
  var bNext: array<vec4u, loads>;

  @if(grouped) let groupVectors = uniforms.groupVectors;
  @if(!grouped) let groupVectors = uniforms.vectorCount;
  let tilesOfGroup = (groupVectors + 3u) / 4u;
  let tileCount = tilesOfGroup * uniforms.groupCount;
  // One round more than there are tiles: each round loads a tile and multiplies the one before.
  for (var round = 0u; round < unbounded; round++) {
    if (round > tileCount) {
      break;
    }
    if (round < tileCount) {
      let group = round / tilesOfGroup;
      let begin = group * groupVectors + round % tilesOfGroup * 4u;
      let end = min((group + 1u) * groupVectors, uniforms.vectorCount);
      for (var load = 0u; load < loads; load++) {
        let slot = load * 256u + thread;
        let row = slot / 4u;
        let vector = begin + slot % 4u;
        let inside = vector < end && slot < tileVectors;
        aNext[load] = vec4u();
        bNext[load] = vec4u();
        if (inside && rowFirst + row < uniforms.rowEnd) {
          aNext[load] = a[aFirst + (rowFirst + row) * uniforms.rowVectors + vector] ^ vec4u(uniforms.flip);
        }
        if (inside && columnFirst + row < uniforms.columnEnd) {
          bNext[load] = b[bFirst + (columnFirst + row) * uniforms.rowVectors + vector];
        }
      }
    }
    if (round > 0u) {
      for (var vector = 0u; vector < 4u; vector++) {
        var rows: array<vec4u, EDGE>;
        for (var i = 0u; i < EDGE; i++) {
          rows[i] = aTile[vector * pitch + i * 16u + yy];
        }
        @if(packed) for (var j = 0u; j < EDGE; j++) {
          let column = bTile[vector * pitch + j * 16u + x];
          for (var i = 0u; i < EDGE; i++) {
            partials[i * EDGE + j] += dotVectors(rows[i], column);
          }
        }
        @if(!packed) for (var word = 0u; word < 4u; word++) {
          var bytes: array<vec4f, EDGE>;
          for (var i = 0u; i < EDGE; i++) {
            bytes[i] = scaledBytes(rows[i][word]);
          }
          for (var j = 0u; j < EDGE; j++) {
            let column = scaledBytes(bTile[vector * pitch + j * 16u + x][word]);
            for (var i = 0u; i < EDGE; i++) {
              partials[i * EDGE + j] += dot(bytes[i], column);
            }
          }
        }
      }
      let endsGroup = round % tilesOfGroup == 0u;
      if (endsGroup || round % tilesOfGroup % exactTiles == 0u) {
        for (var cell = 0u; cell < cells; cell++) {
          @if(packed) sums[cell] += partials[cell];
          @if(!packed) sums[cell] += i32(partials[cell] * bytePairScale);
          partials[cell] = Partial();
        }
      }
      @if(grouped) if (endsGroup) {
        let group = round / tilesOfGroup - 1u;
        let depth = select(uniforms.depth, uniforms.lastGroupDepth, group + 1u == uniforms.groupCount);
        for (var i = 0u; i < EDGE; i++) {
          let row = rowFirst + i * 16u + yy;
          let ofRow = rowTerms[rowTermFirst + row * uniforms.rowTermStride + group * uniforms.rowTermGroup];
          for (var j = 0u; j < EDGE; j++) {
            let column = columnFirst + j * 16u + x;
            let ofColumn = columnTerms[columnTermFirst + column * uniforms.columnTermStride + group];
            let cell = i * EDGE + j;
            totals[cell] += f32(corrected(sums[cell], ofRow, ofColumn, depth)) * ofColumn.scale;
            sums[cell] = 0;
          }
        }
      }
    }
    workgroupBarrier();
    for (var load = 0u; load < loads; load++) {
      let slot = load * 256u + thread;
      if (slot < tileVectors) {
        aTile[slot % 4u * pitch + slot / 4u] = aNext[load];
        bTile[slot % 4u * pitch + slot / 4u] = bNext[load];
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < EDGE; i++) {
    let row = rowFirst + i * 16u + yy;
    if (row >= uniforms.rowEnd) {
      break;
    }
    let ofRow = rowTerms[rowTermFirst + row * uniforms.rowTermStride];
    let yRow = uniforms.yStart + batch * uniforms.yBatch + row * uniforms.yStride;
    for (var j = 0u; j < EDGE; j++) {
      let column = columnFirst + j * 16u + x;
      if (column >= uniforms.columnEnd) {
        break;
      }
      let added = select(0u, bias[column], uniforms.hasBias == 1u);
      @if(grouped) {
        let value = totals[i * EDGE + j] * ofRow.scale;
        y[yRow + column] = finishFloat(value, added, uniforms.lower, uniforms.upper);
      }
      @if(!grouped) {
        let ofColumn = columnTerms[columnTermFirst + column * uniforms.columnTermStride];
        let sum = corrected(sums[i * EDGE + j], ofRow, ofColumn, uniforms.depth);
        let value = f32(sum) * (ofRow.scale * ofColumn.scale);
        y[yRow + column] = select(
          finishInteger(sum, added),
          finishFloat(value, added, uniforms.lower, uniforms.upper),
          uniforms.scaled == 1u,
        );
      }
    }
  }
}
