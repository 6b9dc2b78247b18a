// A bijection of 32-bit words whose output bits depend on all input bits alike: MurmurHash3's finalizer (A. Appleby, public
// domain). The same in TypeScript: test/reference/calib.ts.
fn mix(word: u32) -> u32 {
  let a = (word ^ (word >> 16u)) * 0x85ebca6bu;
  let b = (a ^ (a >> 13u)) * 0xc2b2ae35u;
  return b ^ (b >> 16u);
}
