import package::shared::dispatch::linearWorkgroup;
import package::shared::integerProduct::{Term, finishFloat};

// Adds up the partial sums of a product whose K was cut because 32 bits may not hold the whole of a sum, and scales them.
// The high and the low 16 bits are added apart, so that the total is exact and rounded once on its way to f32 (up to 256
// parts; beyond that the halves themselves may be rounded).
//
// partials: [part][batch][M][N] exact i32 sums. bias: [N] f32. y: [batch][M][N] f32.
// Dispatch: one invocation a result, from result `start` on.

struct Uniforms {
  start: u32,
  end: u32,
  partCount: u32,
  partStride: u32,
  rowCount: u32,
  columnCount: u32,
  // Index of the first result of this run of batches, and what its terms begin with.
  first: u32,
  rowTermStart: u32,
  rowTermBatch: u32,
  rowTermStride: u32,
  columnTermStart: u32,
  columnTermBatch: u32,
  columnTermStride: u32,
  hasBias: u32,
  lower: f32,
  upper: f32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> partials: array<i32>;
@group(0) @binding(2) var<storage, read> rowTerms: array<Term>;
@group(0) @binding(3) var<storage, read> columnTerms: array<Term>;
@group(0) @binding(4) var<storage, read> bias: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + lane;
  if (index >= uniforms.end) {
    return;
  }
  let column = index % uniforms.columnCount;
  let line = index / uniforms.columnCount;
  let row = line % uniforms.rowCount;
  let batch = line / uniforms.rowCount;
  let ofRow = rowTerms[uniforms.rowTermStart + batch * uniforms.rowTermBatch + row * uniforms.rowTermStride];
  let ofColumn = columnTerms[
    uniforms.columnTermStart + batch * uniforms.columnTermBatch + column * uniforms.columnTermStride
  ];
  var high = 0;
  var low = 0;
  for (var part = 0u; part < uniforms.partCount; part++) {
    let sum = partials[part * uniforms.partStride + uniforms.first + index];
    high += sum >> 16u;
    low += sum & 0xffff;
  }
  // Carried, so that the halves do not cancel.
  high += low >> 16u;
  low &= 0xffff;
  let value = (f32(high) * 65536.0 + f32(low)) * (ofRow.scale * ofColumn.scale);
  let added = select(0u, bias[column], uniforms.hasBias == 1u);
  y[uniforms.first + index] = finishFloat(value, added, uniforms.lower, uniforms.upper);
}
