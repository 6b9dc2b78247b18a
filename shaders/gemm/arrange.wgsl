import package::shared::dispatch::linearWorkgroup;

// Brings codes of 1 to 8 bits in any layout into the form that integer products read: signed bytes along K, one row
// after the other, each padded with zeros to whole 16-byte vectors, and so each group of a row.
//
// source: words of a bit stream, the lowest bit first. Code (batch, row, k) is number e of the stream that begins at word
// w, where w and e are sums of a stride for each of the three. arranged: [batch][row][group][groupWords]. Both are bound in
// windows of the whole.
// Condition: parts, where the source has several windows: each adds the codes that lie in it, the first to nothing.
// Dispatch: one invocation a word of the result, words `start` to `end` of the window.

struct Uniforms {
  start: u32,
  end: u32,
  sourceStart: u32,
  sourceLength: u32,
  arrangedStart: u32,
  rowCount: u32,
  rowWords: u32,
  groupWords: u32,
  groupSize: u32,
  depth: u32,
  bits: u32,
  // 1 where the codes are signed, in two's complement.
  signedCodes: u32,
  // Value = code * factor - offset: the shift of unsigned codes, or the two signs of a single bit.
  factor: i32,
  offset: i32,
  wordBatch: u32,
  wordRow: u32,
  wordDepth: u32,
  elementBatch: u32,
  elementRow: u32,
  elementDepth: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> arranged: array<u32>;

fn codeAt(batch: u32, row: u32, k: u32) -> i32 {
  let base = batch * uniforms.wordBatch + row * uniforms.wordRow + k * uniforms.wordDepth;
  let element = batch * uniforms.elementBatch + row * uniforms.elementRow + k * uniforms.elementDepth;
  // 32 codes are `bits` words.
  let bit = element % 32u * uniforms.bits;
  let word = base + element / 32u * uniforms.bits + bit / 32u - uniforms.sourceStart;
  let shift = bit % 32u;
  let straddles = shift + uniforms.bits > 32u;
  @if(parts) {
    if (word >= uniforms.sourceLength || (straddles && word + 1u >= uniforms.sourceLength)) { return 0; }
  }
  var code = source[word] >> shift;
  if (straddles) {
    code |= source[word + 1u] << (32u - shift);
  }
  let value = i32(code << (32u - uniforms.bits));
  let unused = 32u - uniforms.bits;
  let raw = select(i32(bitcast<u32>(value) >> unused), value >> unused, uniforms.signedCodes == 1u);
  return raw * uniforms.factor - uniforms.offset;
}

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
  let line = (uniforms.arrangedStart + index) / uniforms.rowWords;
  let word = (uniforms.arrangedStart + index) % uniforms.rowWords;
  let group = word / uniforms.groupWords;
  let within = word % uniforms.groupWords * 4u;
  @if(parts) var packed = select(arranged[index], 0u, uniforms.sourceStart == 0u);
  @else var packed = 0u;
  for (var byte = 0u; byte < 4u; byte++) {
    let k = group * uniforms.groupSize + within + byte;
    if (within + byte < uniforms.groupSize && k < uniforms.depth) {
      let value = codeAt(line / uniforms.rowCount, line % uniforms.rowCount, k);
      packed |= (u32(value) & 0xffu) << (byte * 8u);
    }
  }
  arranged[index] = packed;
}
