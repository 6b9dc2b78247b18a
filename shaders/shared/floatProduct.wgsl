// What the f32 products have in common: their uniforms and how a result is finished.

// Positions are counted in elements; they wrap, so that a binding may start anywhere before its block.
struct Uniforms {
  // The block of the result: rows and columns [start, end), batches from batchStart on (one per workgroup in z).
  rowStart: u32,
  rowEnd: u32,
  columnStart: u32,
  columnEnd: u32,
  batchStart: u32,
  // Elements along K that are multiplied.
  depth: u32,
  aStart: u32,
  aBatch: u32,
  aStride: u32,
  bStart: u32,
  bBatch: u32,
  bStride: u32,
  yStart: u32,
  yBatch: u32,
  yStride: u32,
  hasBias: u32,
  // 1 where y holds the sum over what of K came before.
  accumulate: u32,
  // Bounds of the result: its activation.
  lower: f32,
  upper: f32,
}

fn finish(sum: f32, bias: f32, lower: f32, upper: f32) -> f32 {
  return clamp(sum + bias, lower, upper);
}
