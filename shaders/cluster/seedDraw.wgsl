// One draw of k-means||: a row becomes a candidate with the probability drawn * weight * square / total, where it is below
// 1. In integers: if drawn * weight * square > floor(random * total / 2^32), with 32 random bits that depend on the row, the
// round and the key alone.
//
// squares [rows]: the squared distance to the nearest candidate on the grid of cluster/seedGrid; weights [rows], read on the
// condition `weighted`, otherwise every row weighs 1; chosen: a bit a row, from bit 0 of the first word on.
// Dispatch: one thread for each 32 rows of the part, whose first row is partRow of all.
import package::shared::dispatch::linearWorkgroup;
import package::shared::random::philox;
import package::shared::wide::add64;
import package::shared::wide::compare64;
import package::shared::wide::umul64;
import constants::WIDTH;

struct Uniforms {
  firstWord: u32,
  endWord: u32,
  rowCount: u32,
  partRow: u32,
  drawn: u32,
  round: u32,
  stream: u32,
  keyLow: u32,
  keyHigh: u32,
  totalLow: u32,
  totalHigh: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> squares: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read_write> chosen: array<u32>;

fn isDrawn(row: u32) -> bool {
  let square = squares[row];
  if (square == 0u) { return false; }
  var weighted = vec2u(square, 0u);
  @if(weighted) { weighted = umul64(square, weights[row]); }
  let low = umul64(weighted.x, uniforms.drawn);
  let high = add64(umul64(weighted.y, uniforms.drawn), vec2u(low.y, 0u));
  if (high.y != 0u) { return true; }
  let counter = vec4u(uniforms.partRow + row, uniforms.round, uniforms.stream, 0u);
  let random = philox(counter, vec2u(uniforms.keyLow, uniforms.keyHigh)).x;
  let limit = add64(umul64(random, uniforms.totalHigh), vec2u(umul64(random, uniforms.totalLow).y, 0u));
  return compare64(vec2u(low.x, high.x), limit) > 0;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let word = uniforms.firstWord + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (word >= uniforms.endWord) { return; }
  var bits = 0u;
  for (var bit = 0u; bit < 32u; bit++) {
    let row = word * 32u + bit;
    if (row < uniforms.rowCount && isDrawn(row)) { bits |= 1u << bit; }
  }
  chosen[word] = bits;
}
