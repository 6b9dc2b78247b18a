// Merges a value of each of the 64 invocations of a workgroup into one that all of them get.

const mergeWidth = 64u;

var<workgroup> merged: array<f32, mergeWidth>;

fn sumOfLanes(part: f32, lane: u32) -> f32 {
  workgroupBarrier();
  merged[lane % mergeWidth] = part;
  for (var half = mergeWidth / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      merged[lane % mergeWidth] += merged[(lane + half) % mergeWidth];
    }
  }
  return workgroupUniformLoad(&merged[0]);
}

fn greatestOfLanes(part: f32, lane: u32) -> f32 {
  workgroupBarrier();
  merged[lane % mergeWidth] = part;
  for (var half = mergeWidth / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      merged[lane % mergeWidth] = max(merged[lane % mergeWidth], merged[(lane + half) % mergeWidth]);
    }
  }
  return workgroupUniformLoad(&merged[0]);
}
