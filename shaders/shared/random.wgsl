// Counter-based random numbers, as in src/cluster/random.ts: Philox4x32-10 (J. Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", 2011). The same counter and key give the same number everywhere.
import package::shared::wide::umul64;

fn philox(start: vec4u, seed: vec2u) -> vec4u {
  var counter = start;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let first = umul64(0xd2511f53u, counter.x);
    let second = umul64(0xcd9e8d57u, counter.z);
    counter = vec4u(second.y ^ counter.y ^ key.x, second.x, first.y ^ counter.w ^ key.y, first.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return counter;
}
