// Merges lists of the nearest points two by two: the first `kept` of each pair.
//
// lists [2 * pairs][kept], merged [pairs][kept]: (bits of the squared distance, row), ascending by both.
// Dispatch: one thread a pair.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms { pairs: u32, kept: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> lists: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> merged: array<vec2u>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let pair = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (pair >= uniforms.pairs) { return; }
  let kept = uniforms.kept;
  var left = 2u * pair * kept;
  var right = left + kept;
  // Neither list can run out before the last place, since each has as many as are taken.
  for (var i = 0u; i < kept; i++) {
    let a = lists[left];
    let b = lists[right];
    // Distances are not negative: their bits have their order.
    let takesLeft = a.x < b.x || (a.x == b.x && a.y < b.y);
    merged[pair * kept + i] = select(b, a, takesLeft);
    left += select(0u, 1u, takesLeft);
    right += select(1u, 0u, takesLeft);
  }
}
