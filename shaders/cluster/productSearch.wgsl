// The nearest coded points of each query: squared distances are sums of entries of the query's table, one for each code.
// A query has several lists of them; a thread keeps one, of every `lists`-th row. Equal distances: lowest row first.
//
// codes   [rows][rowWords] of which codeWords hold codes of BITS bits, lowest first; rows firstRow … endRow of a window
//         that begins with point windowRow
// tables  [queries][tableLength] f32, 2^BITS entries a code
// nearest [queries][lists][kept] (bits of the squared distance, row), ascending: what was found so far unless `fresh`;
//         places that are not yet taken come last and have row 0xffffffff
// Constants: SLOTS >= kept. invocations = queries * lists. Dispatch: one thread an invocation.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;
import constants::SLOTS;
import constants::BITS;

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  windowRow: u32,
  rowWords: u32,
  codeWords: u32,
  tableLength: u32,
  invocations: u32,
  lists: u32,
  kept: u32,
  fresh: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> tables: array<f32>;
@group(0) @binding(3) var<storage, read_write> nearest: array<vec2u>;

const FAR = 3.0e38;
const CODEWORDS = 1u << BITS;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let invocation = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (invocation >= uniforms.invocations) { return; }
  let table = invocation / uniforms.lists * uniforms.tableLength;
  let list = invocation * uniforms.kept;
  var best: array<f32, SLOTS>;
  var rows: array<u32, SLOTS>;
  for (var i = 0u; i < uniforms.kept; i++) {
    best[i] = FAR;
    rows[i] = 0xffffffffu;
    if (uniforms.fresh == 0u) {
      let former = nearest[list + i];
      best[i] = bitcast<f32>(former.x);
      rows[i] = former.y;
    }
  }
  let last = uniforms.kept - 1u;
  var largest = best[last];
  for (var row = uniforms.firstRow + invocation % uniforms.lists; row < uniforms.endRow; row += uniforms.lists) {
    var squared = 0.0;
    var entry = table;
    for (var w = 0u; w < uniforms.codeWords; w++) {
      var word = codes[row * uniforms.rowWords + w];
      for (var code = 0u; code < 32u / BITS; code++) {
        squared += tables[entry + (word & (CODEWORDS - 1u))];
        word >>= BITS;
        entry += CODEWORDS;
      }
    }
    if (squared >= largest) { continue; }
    var place = last;
    for (var i = 0u; i < SLOTS; i++) {
      if (place == 0u) { break; }
      let before = best[place - 1u];
      if (before <= squared) { break; }
      best[place] = before;
      rows[place] = rows[place - 1u];
      place--;
    }
    best[place] = squared;
    rows[place] = uniforms.windowRow + row;
    largest = best[last];
  }
  for (var i = 0u; i < uniforms.kept; i++) { nearest[list + i] = vec2u(bitcast<u32>(best[i]), rows[i]); }
}
