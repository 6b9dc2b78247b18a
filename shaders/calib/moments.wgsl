// Adds the products of all pairs of columns, summed over rows, to what is there: sums += PᵀP for each group.
//
// patches  f32 [groups][positions][stride], stride a multiple of 4; columns from `width` on are not looked at
// sums     f32 [groups][width][width], symmetric
// Dispatch: one invocation for 8 x 8 sums and those that mirror them, from `start` up to `end`. Of T x T such squares, T even,
// a group has those on and above the diagonal as a rectangle of T / 2 rows of T + 1: row r holds row r of the squares, and
// before it row T - 1 - r.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  start: u32,
  end: u32,
  width: u32,
  stride: u32,
  positions: u32,
  squares: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> patches: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let item = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (item >= uniforms.end) { return; }
  let squares = uniforms.squares;
  let perGroup = (squares / 2u) * (squares + 1u);
  let group = item / perGroup;
  let inside = item - group * perGroup;
  let r = inside / (squares + 1u);
  let c = inside - r * (squares + 1u);
  let mirrored = c <= r;
  let row = select(r, squares - 1u - r, mirrored) * 8u;
  let column = select(c - 1u, squares - 1u - c, mirrored) * 8u;
  if (row >= uniforms.width || column >= uniforms.width) { return; }

  let step = uniforms.stride / 4u;
  let base = group * uniforms.positions * step;
  var left = base + row / 4u;
  var right = base + column / 4u;
  var l0 = vec4f();
  var r0 = vec4f();
  var l1 = vec4f();
  var r1 = vec4f();
  var l2 = vec4f();
  var r2 = vec4f();
  var l3 = vec4f();
  var r3 = vec4f();
  var l4 = vec4f();
  var r4 = vec4f();
  var l5 = vec4f();
  var r5 = vec4f();
  var l6 = vec4f();
  var r6 = vec4f();
  var l7 = vec4f();
  var r7 = vec4f();
  for (var position = 0u; position < 0x7fffffffu; position++) {
    if (position >= uniforms.positions) { break; }
    // Past the last column these are of the next row, and not stored.
    let above = patches[left];
    let below = patches[left + 1u];
    let near = patches[right];
    let far = patches[right + 1u];
    l0 += above.x * near;
    r0 += above.x * far;
    l1 += above.y * near;
    r1 += above.y * far;
    l2 += above.z * near;
    r2 += above.z * far;
    l3 += above.w * near;
    r3 += above.w * far;
    l4 += below.x * near;
    r4 += below.x * far;
    l5 += below.y * near;
    r5 += below.y * far;
    l6 += below.z * near;
    r6 += below.z * far;
    l7 += below.w * near;
    r7 += below.w * far;
    left += step;
    right += step;
  }
  var found = array<vec4f, 16>(l0, r0, l1, r1, l2, r2, l3, r3, l4, r4, l5, r5, l6, r6, l7, r7);
  let start = group * uniforms.width * uniforms.width;
  for (var i = 0u; i < 8u; i++) {
    if (row + i >= uniforms.width) { break; }
    for (var j = 0u; j < 8u; j++) {
      if (column + j >= uniforms.width) { break; }
      let place = start + (row + i) * uniforms.width + column + j;
      let sum = sums[place] + found[i * 2u + j / 4u][j % 4u];
      sums[place] = sum;
      if (row != column) { sums[start + (column + j) * uniforms.width + row + i] = sum; }
    }
  }
}
