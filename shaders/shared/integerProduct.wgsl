// What the integer products have in common: their uniforms, the terms of rows and columns, and how a cell is finished.

// Positions are counted in their binding's elements; they wrap, so that a binding may start anywhere before its block.
struct Uniforms {
  // The block of the result: rows and columns [start, end), batches from batchStart on (one per workgroup in z).
  rowStart: u32,
  rowEnd: u32,
  columnStart: u32,
  columnEnd: u32,
  batchStart: u32,
  // Sixteen-byte vectors of a row of either operand, and the range of them that is multiplied.
  rowVectors: u32,
  vectorStart: u32,
  vectorCount: u32,
  // Number pairs in that range; in a group if there are several.
  depth: u32,
  // Groups with scales of their own, their vectors, and the pairs of the last one.
  groupCount: u32,
  groupVectors: u32,
  lastGroupDepth: u32,
  // XORed with the words of A: 0x80808080 makes unsigned bytes signed ones that are 128 less.
  flip: u32,
  aStart: u32,
  aBatch: u32,
  bStart: u32,
  bBatch: u32,
  rowTermStart: u32,
  rowTermBatch: u32,
  rowTermStride: u32,
  rowTermGroup: u32,
  columnTermStart: u32,
  columnTermBatch: u32,
  columnTermStride: u32,
  yStart: u32,
  yBatch: u32,
  yStride: u32,
  // 1 where the result is f32, 0 where it is the i32 sum.
  scaled: u32,
  hasBias: u32,
  // Bounds of an f32 result: its activation.
  lower: f32,
  upper: f32,
}

// Scale and zero point of a row or column (of a group of it), and the sum of its codes, 0 where nobody needs it.
struct Term {
  scale: f32,
  zeroPoint: i32,
  sum: i32,
}

// Σ (a − zeroA)(b − zeroB) from Σ a·b.
fn corrected(sum: i32, row: Term, column: Term, depth: u32) -> i32 {
  return sum - column.zeroPoint * row.sum - row.zeroPoint * (column.sum - i32(depth) * column.zeroPoint);
}

// The words of a result: its f32, scaled and with bias and activation, or its i32 with bias.
fn finishInteger(sum: i32, bias: u32) -> u32 {
  return bitcast<u32>(sum + bitcast<i32>(bias));
}

fn finishFloat(value: f32, bias: u32, lower: f32, upper: f32) -> u32 {
  return bitcast<u32>(clamp(value + bitcast<f32>(bias), lower, upper));
}
