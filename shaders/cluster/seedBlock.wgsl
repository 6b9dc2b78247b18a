// The block of rows that the next seed of k-means++ lies in: the first at which the running sum of the blocks' sums
// exceeds floor(random * total), where random is a 64-bit fraction.
//
// blockSums [blocks] (low, high); choice: block, what remains of the target within it (low, high), and 0, or 1 + row
// where the total is 0 because every point coincides with a seed: then any row is as good, and a random one is taken.
// Dispatch: one workgroup.
import package::shared::wide::add64;
import package::shared::wide::compare64;
import package::shared::wide::sub64;
import package::shared::wide::umul64;
import constants::WIDTH;

struct Uniforms { blockCount: u32, rowCount: u32, randomLow: u32, randomHigh: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> blockSums: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> choice: array<u32>;

var<workgroup> sums: array<vec2u, WIDTH>;

// floor(a * b / 2^64)
fn highProduct(a: vec2u, b: vec2u) -> vec2u {
  let low = umul64(a.x, b.x);
  let first = add64(umul64(a.x, b.y), vec2u(low.y, 0u));
  let second = add64(umul64(a.y, b.x), vec2u(first.x, 0u));
  return add64(umul64(a.y, b.y), add64(vec2u(first.y, 0u), vec2u(second.y, 0u)));
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(local_invocation_index) local: u32) {
  let share = (uniforms.blockCount + WIDTH - 1u) / WIDTH;
  let end = min(uniforms.blockCount, (local + 1u) * share);
  var sum = vec2u(0u);
  for (var block = local * share; block < end; block++) { sum = add64(sum, blockSums[block]); }
  sums[local] = sum;
  workgroupBarrier();
  if (local != 0u) { return; }
  var total = vec2u(0u);
  for (var i = 0u; i < WIDTH; i++) { total = add64(total, sums[i]); }
  let random = vec2u(uniforms.randomLow, uniforms.randomHigh);
  if (all(total == vec2u(0u))) {
    choice[3] = highProduct(random, vec2u(uniforms.rowCount, 0u)).x + 1u;
    return;
  }
  var remaining = highProduct(random, total);
  var owner = 0u;
  while (owner < WIDTH - 1u && compare64(remaining, sums[owner]) >= 0) {
    remaining = sub64(remaining, sums[owner]);
    owner++;
  }
  var block = owner * share;
  while (block < uniforms.blockCount - 1u && compare64(remaining, blockSums[block]) >= 0) {
    remaining = sub64(remaining, blockSums[block]);
    block++;
  }
  choice[0] = block;
  choice[1] = remaining.x;
  choice[2] = remaining.y;
  choice[3] = 0u;
}
