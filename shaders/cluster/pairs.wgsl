// What a row has to do with other points: its nearest, its distances, or their sums. Four rows against four points at a
// time, in the direct form |a - b|^2.
//
// points    [pointCount][vectors] vec4f, columns padded with zeros
// rows      [rowCount], which points the rows are             segments  [segmentCount], (first, end) of some points each
// tags      [pointCount] u32 and sizes [pointCount] f32, read by `nearest` only
// results   bits of floats: `nearest`: [rowCount][segmentCount][index, best, second best] of 2 s t / (s + t) |a - b|^2, s
//           and t being the sizes, over the points of another tag; index 0xffffffff and values above 1e38 where there are
//           none. `distances`: [rowCount][pointCount] |a - b|. `sums`: [rowCount][segmentCount], the sum of |a - b|.
//
// Conditions: one of nearest, distances, sums.
// Dispatch: a workgroup for every 4 * WIDTH rows and every segment, segments first.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms {
  firstWorkgroup: u32,
  endWorkgroup: u32,
  rowCount: u32,
  pointCount: u32,
  segmentCount: u32,
  vectors: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read> segments: array<vec2u>;
@group(0) @binding(4) var<storage, read> tags: array<u32>;
@group(0) @binding(5) var<storage, read> sizes: array<f32>;
@group(0) @binding(6) var<storage, read_write> results: array<u32>;

const NOBODY = 0xffffffffu;
const FAR = 3e38;

struct Nearest { index: u32, best: f32, second: f32 }

// Squared distances of a vector to four.
fn squares(a: vec4f, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  let d0 = a - b0;
  let d1 = a - b1;
  let d2 = a - b2;
  let d3 = a - b3;
  return vec4f(dot(d0, d0), dot(d1, d1), dot(d2, d2), dot(d3, d3));
}

@if(nearest)
fn consider(nearest: Nearest, index: u32, value: f32) -> Nearest {
  let closer = value < nearest.best;
  return Nearest(
    select(nearest.index, index, closer),
    min(nearest.best, value),
    select(min(nearest.second, value), nearest.best, closer),
  );
}

@if(nearest)
fn considerFour(nearest: Nearest, squared: vec4f, row: u32, others: vec4u, counted: vec4<bool>) -> Nearest {
  let otherTags = vec4u(tags[others.x], tags[others.y], tags[others.z], tags[others.w]);
  let otherSizes = vec4f(sizes[others.x], sizes[others.y], sizes[others.z], sizes[others.w]);
  let size = sizes[row];
  let weighted = squared * (2.0 * size * otherSizes / (size + otherSizes));
  let values = select(vec4f(FAR), weighted, counted & (otherTags != vec4u(tags[row])));
  var result = consider(nearest, others.x, values.x);
  result = consider(result, others.y, values.y);
  result = consider(result, others.z, values.z);
  return consider(result, others.w, values.w);
}

@if(nearest)
fn store(place: u32, segment: u32, nearest: Nearest) {
  if (place >= uniforms.rowCount) { return; }
  let first = (place * uniforms.segmentCount + segment) * 3u;
  results[first] = select(nearest.index, NOBODY, nearest.best > 1e38);
  results[first + 1u] = bitcast<u32>(nearest.best);
  results[first + 2u] = bitcast<u32>(nearest.second);
}

@if(distances)
fn store(place: u32, other: u32, count: u32, squared: vec4f) {
  if (place >= uniforms.rowCount) { return; }
  let bits = bitcast<vec4u>(sqrt(squared));
  let first = place * uniforms.pointCount + other;
  results[first] = bits.x;
  if (count > 1u) { results[first + 1u] = bits.y; }
  if (count > 2u) { results[first + 2u] = bits.z; }
  if (count > 3u) { results[first + 3u] = bits.w; }
}

@if(sums)
fn store(place: u32, segment: u32, sums: vec4f) {
  if (place >= uniforms.rowCount) { return; }
  results[place * uniforms.segmentCount + segment] = bitcast<u32>((sums.x + sums.y) + (sums.z + sums.w));
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.firstWorkgroup + linearWorkgroup(workgroup, workgroups);
  if (index >= uniforms.endWorkgroup) { return; }
  let segment = index % uniforms.segmentCount;
  let place = (index / uniforms.segmentCount * WIDTH + local) * 4u;
  if (place >= uniforms.rowCount) { return; }
  let last = uniforms.rowCount - 1u;
  let row = vec4u(rows[place], rows[min(place + 1u, last)], rows[min(place + 2u, last)], rows[min(place + 3u, last)]);
  let own = row * uniforms.vectors;
  let end = segments[segment].y;
  @if(nearest) var n0 = Nearest(NOBODY, FAR, FAR);
  @if(nearest) var n1 = n0;
  @if(nearest) var n2 = n0;
  @if(nearest) var n3 = n0;
  @if(sums) var t0 = vec4f(0.0);
  @if(sums) var t1 = vec4f(0.0);
  @if(sums) var t2 = vec4f(0.0);
  @if(sums) var t3 = vec4f(0.0);

  for (var first = segments[segment].x; first < end; first += 4u) {
    let wanted = first + vec4u(0u, 1u, 2u, 3u);
    let others = min(wanted, vec4u(end - 1u));
    let starts = others * uniforms.vectors;
    var s0 = vec4f(0.0);
    var s1 = vec4f(0.0);
    var s2 = vec4f(0.0);
    var s3 = vec4f(0.0);
    for (var v = 0u; v < uniforms.vectors; v++) {
      let b0 = points[starts.x + v];
      let b1 = points[starts.y + v];
      let b2 = points[starts.z + v];
      let b3 = points[starts.w + v];
      s0 += squares(points[own.x + v], b0, b1, b2, b3);
      s1 += squares(points[own.y + v], b0, b1, b2, b3);
      s2 += squares(points[own.z + v], b0, b1, b2, b3);
      s3 += squares(points[own.w + v], b0, b1, b2, b3);
    }
    @if(!distances) let counted = wanted < vec4u(end);
    @if(nearest) {
      n0 = considerFour(n0, s0, row.x, others, counted);
      n1 = considerFour(n1, s1, row.y, others, counted);
      n2 = considerFour(n2, s2, row.z, others, counted);
      n3 = considerFour(n3, s3, row.w, others, counted);
    }
    @if(sums) {
      t0 += select(vec4f(0.0), sqrt(s0), counted);
      t1 += select(vec4f(0.0), sqrt(s1), counted);
      t2 += select(vec4f(0.0), sqrt(s2), counted);
      t3 += select(vec4f(0.0), sqrt(s3), counted);
    }
    @if(distances) {
      store(place, first, end - first, s0);
      store(place + 1u, first, end - first, s1);
      store(place + 2u, first, end - first, s2);
      store(place + 3u, first, end - first, s3);
    }
  }
  @if(nearest) {
    store(place, segment, n0);
    store(place + 1u, segment, n1);
    store(place + 2u, segment, n2);
    store(place + 3u, segment, n3);
  }
  @if(sums) {
    store(place, segment, t0);
    store(place + 1u, segment, t1);
    store(place + 2u, segment, t2);
    store(place + 3u, segment, t3);
  }
}
