// Squared distances of some points to the k nearest of all others, ascending, each next to those found before.
//
// points [rows][vectors] vec4f, queries [queryCount] rows of the points asked about,
// nearest [k][queryCount] squared distances, the ones so far unless firstOther is 0.
// Neighbours are looked for in rows firstOther … endOther. A point is no neighbour of its own; equal points are.
// Dispatch: one thread for each query from `first` to `end`. k <= SLOTS.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;
import constants::SLOTS;

struct Uniforms {
  first: u32,
  end: u32,
  firstOther: u32,
  endOther: u32,
  queryCount: u32,
  vectors: u32,
  k: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> queries: array<u32>;
@group(0) @binding(3) var<storage, read_write> nearest: array<f32>;

const FAR = 3.0e38;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let query = uniforms.first + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (query >= uniforms.end) { return; }
  let row = queries[query];
  var best: array<f32, SLOTS>;
  for (var i = 0u; i < uniforms.k; i++) {
    best[i] = FAR;
    if (uniforms.firstOther > 0u) { best[i] = nearest[i * uniforms.queryCount + query]; }
  }
  let last = uniforms.k - 1u;
  var largest = best[last];
  for (var other = uniforms.firstOther; other < uniforms.endOther; other++) {
    var squared = 0.0;
    for (var v = 0u; v < uniforms.vectors; v++) {
      let apart = points[row * uniforms.vectors + v] - points[other * uniforms.vectors + v];
      squared += dot(apart, apart);
    }
    if (squared >= largest || other == row) { continue; }
    var place = last;
    for (var i = 0u; i < SLOTS; i++) {
      if (place == 0u) { break; }
      let before = best[place - 1u];
      if (before <= squared) { break; }
      best[place] = before;
      place--;
    }
    best[place] = squared;
    largest = best[last];
  }
  for (var i = 0u; i < uniforms.k; i++) { nearest[i * uniforms.queryCount + query] = best[i]; }
}
