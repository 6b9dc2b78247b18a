// Nearest centroid of every point from 8-bit codes, where that is certain: eight points a thread against four centroids
// at a time. All scores are exact integers.
//
// codes [rows / 64][vectors][64] vec4u, terms [rows] of two words, centroidCodes [clusters / 4][vectors][4] vec4u (the same
// word of four centroids) and centroidTerms: see cluster/quantizeRows. labels [rows], the former ones on entry; listed:
// rows left to cluster/assignWide; counters: 0 labels changed, `slot`: rows listed.
//
// With x = x' + e, where x' is what the codes say, and c = c' + f likewise, a score is |c'|^2 / 2 - x'.c' in units of the
// product of both scales. Let c be the centroid of the best score, r >= |x' - c'| + |e| + |f|, and `margin` the least that
// |x' - c'|^2 grows by from the best to any other. That other is farther from x, too, if
//   margin > 4 |f| r + 2 |e| min(2 r, the largest distance of c' to another centroid),
// since |x - d'|^2 - |x - c'|^2 differs from the margin by 2 e.(d' - c'), and with D = |x - d'| >= sqrt(C^2 + G), C = |x -
// c'|, D - C > 2 |f| follows from G > 4 |f| (C + |f|); the other way round, without e.(d' - c'), from |x' - d'| - |x' - c'|
// > 2 (|e| + |f|).
// Condition packed: products by dot4I8Packed, else in f32, where sums of 1,024 of them are exact.
// Dispatch: one workgroup for each 512 rows; firstRow is a multiple of 64.
import package::shared::dispatch::linearWorkgroup;
import package::shared::integerDot::{bytePairScale, scaledByteMatrix, scaledBytes};
import package::cluster::control::{HALTED, LARGEST_COORDINATE};
import package::cluster::codes::{FAR, LARGEST_ERROR, LARGEST_SQUARES, OFFSETS, centroidScale};

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  rowCount: u32,
  clusterCount: u32,
  vectors: u32,
  slot: u32,
  forced: u32,
  fresh: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@if(packed) @group(0) @binding(1) var<storage, read> codes: array<vec4u>;
@if(!packed) @group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> terms: array<vec2u>;
@group(0) @binding(3) var<storage, read> centroidCodes: array<vec4u>;
@group(0) @binding(4) var<storage, read> centroidTerms: array<u32>;
@group(0) @binding(5) var<storage, read> control: array<u32>;
@group(0) @binding(6) var<storage, read_write> labels: array<u32>;
@group(0) @binding(7) var<storage, read_write> listed: array<u32>;
@group(0) @binding(8) var<storage, read_write> counters: array<atomic<u32>>;

const WIDTH = 64u;
const unbounded = 0x7fffffffu;

struct Nearest { best: i32, second: i32, cluster: u32 }

// Clusters come in ascending order: the lowest index keeps a tie.
fn consider(nearest: Nearest, score: i32, cluster: u32) -> Nearest {
  return Nearest(
    min(nearest.best, score),
    max(nearest.best, min(nearest.second, score)),
    select(nearest.cluster, cluster, score < nearest.best),
  );
}

fn considerFour(nearest: Nearest, four: vec4i, cluster: u32) -> Nearest {
  let first = consider(consider(nearest, four.x, cluster), four.y, cluster + 1u);
  return consider(consider(first, four.z, cluster + 2u), four.w, cluster + 3u);
}

// What f32 loses in a few operations, relatively, and rather more.
const few = 0x1p-20f;

// Whether the best centroid in codes is certain to be the nearest one.
fn isCertain(row: u32, nearest: Nearest) -> bool {
  let centroidError = bitcast<f32>(centroidTerms[LARGEST_ERROR]);
  let ownScale = centroidScale(bitcast<f32>(control[LARGEST_COORDINATE]), uniforms.scale);
  // Twice the unit of scores: of squared distances.
  let unit = 2.0 * uniforms.scale * ownScale;
  // How far an offset is off: half a unit, and what f32 loses in making it.
  let largestOffset = f32(centroidTerms[LARGEST_SQUARES]) * (0.5 * ownScale / uniforms.scale) + 1.0;
  let offsetError = 1.0 + largestOffset * few;
  let term = terms[row];
  let error = bitcast<f32>(term.x);
  let squares = f32(term.y) * uniforms.scale * uniforms.scale;
  // The difference fits into 32 bits without a sign.
  let gap = f32(bitcast<u32>(nearest.second) - bitcast<u32>(nearest.best));
  let margin = unit * (gap - 2.0 * offsetError) * (1.0 - few);

  let score = unit * f32(nearest.best);
  let square = max(squares + score + unit * offsetError, 0.0) + (squares + abs(score)) * few;
  let radius = sqrt(square) * (1.0 + few) + error + centroidError;
  let offset = f32(bitcast<i32>(centroidTerms[OFFSETS + nearest.cluster]));
  let apart = sqrt(unit * (largestOffset + offsetError)) + sqrt(unit * (offset + offsetError));
  let bound = 4.0 * centroidError * radius + 2.0 * error * min(2.0 * radius, apart);
  return margin > bound * (1.0 + 4.0 * few);
}

// Writes the label, or lists the row; 1 if the label changed.
fn settle(row: u32, nearest: Nearest) -> u32 {
  if (row >= uniforms.endRow) { return 0u; }
  if (!isCertain(row, nearest)) {
    listed[atomicAdd(&counters[uniforms.slot], 1u)] = row;
    return 0u;
  }
  if (uniforms.fresh == 0u && labels[row] == nearest.cluster) { return 0u; }
  labels[row] = nearest.cluster;
  return 1u;
}

// Products of a point's codes with those of four centroids, for eight points.
struct Products { s0: vec4i, s1: vec4i, s2: vec4i, s3: vec4i, s4: vec4i, s5: vec4i, s6: vec4i, s7: vec4i }

// Where the codes of eight points begin.
struct Bases { b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32, b6: u32, b7: u32 }

@if(packed)
fn baseOf(row: u32) -> u32 {
  let last = min(row, uniforms.rowCount - 1u);
  return last / 64u * uniforms.vectors * 64u + last % 64u;
}
@else
fn baseOf(row: u32) -> u32 {
  let last = min(row, uniforms.rowCount - 1u);
  return (last / 64u * uniforms.vectors * 64u + last % 64u) * 4u;
}

@if(packed)
fn dotFour(a: u32, four: vec4u) -> vec4i {
  return vec4i(
    dot4I8Packed(a, four.x),
    dot4I8Packed(a, four.y),
    dot4I8Packed(a, four.z),
    dot4I8Packed(a, four.w),
  );
}

@if(packed)
struct Words { x: vec4u, y: vec4u, z: vec4u, w: vec4u }

@if(packed)
fn dotVector(a: vec4u, four: Words) -> vec4i {
  return dotFour(a.x, four.x) + dotFour(a.y, four.y) + dotFour(a.z, four.z) + dotFour(a.w, four.w);
}

@if(packed)
fn productsOf(p: Bases, group: u32) -> Products {
  var sums: Products;
  let first = group * uniforms.vectors;
  for (var v = 0u; v < unbounded; v++) {
    if (v >= uniforms.vectors) { break; }
    let at = (first + v) * 4u;
    let four = Words(centroidCodes[at], centroidCodes[at + 1u], centroidCodes[at + 2u], centroidCodes[at + 3u]);
    let step = v * 64u;
    sums.s0 += dotVector(codes[p.b0 + step], four);
    sums.s1 += dotVector(codes[p.b1 + step], four);
    sums.s2 += dotVector(codes[p.b2 + step], four);
    sums.s3 += dotVector(codes[p.b3 + step], four);
    sums.s4 += dotVector(codes[p.b4 + step], four);
    sums.s5 += dotVector(codes[p.b5 + step], four);
    sums.s6 += dotVector(codes[p.b6 + step], four);
    sums.s7 += dotVector(codes[p.b7 + step], four);
  }
  return sums;
}

// 1,024 products of -127 and 127 stay below 2^24.
@if(!packed) const chunkVectors = 64u;

@if(!packed)
fn productsOf(p: Bases, group: u32) -> Products {
  var sums: Products;
  let first = group * uniforms.vectors;
  var begin = 0u;
  for (var chunk = 0u; chunk < unbounded; chunk++) {
    if (begin >= uniforms.vectors) { break; }
    let end = min(begin + chunkVectors, uniforms.vectors);
    var f0 = vec4f();
    var f1 = vec4f();
    var f2 = vec4f();
    var f3 = vec4f();
    var f4 = vec4f();
    var f5 = vec4f();
    var f6 = vec4f();
    var f7 = vec4f();
    for (var k = begin * 4u; k < unbounded; k++) {
      if (k >= end * 4u) { break; }
      let four = scaledByteMatrix(centroidCodes[first * 4u + k]);
      let step = k / 4u * 256u + k % 4u;
      f0 += four * scaledBytes(codes[p.b0 + step]);
      f1 += four * scaledBytes(codes[p.b1 + step]);
      f2 += four * scaledBytes(codes[p.b2 + step]);
      f3 += four * scaledBytes(codes[p.b3 + step]);
      f4 += four * scaledBytes(codes[p.b4 + step]);
      f5 += four * scaledBytes(codes[p.b5 + step]);
      f6 += four * scaledBytes(codes[p.b6 + step]);
      f7 += four * scaledBytes(codes[p.b7 + step]);
    }
    sums.s0 += vec4i(f0 * bytePairScale);
    sums.s1 += vec4i(f1 * bytePairScale);
    sums.s2 += vec4i(f2 * bytePairScale);
    sums.s3 += vec4i(f3 * bytePairScale);
    sums.s4 += vec4i(f4 * bytePairScale);
    sums.s5 += vec4i(f5 * bytePairScale);
    sums.s6 += vec4i(f6 * bytePairScale);
    sums.s7 += vec4i(f7 * bytePairScale);
    begin = end;
  }
  return sums;
}

fn offsetOf(cluster: u32) -> i32 {
  return bitcast<i32>(centroidTerms[OFFSETS + cluster]);
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u && uniforms.forced == 0u) { return; }
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH * 8u + local;
  let bases = Bases(
    baseOf(row),
    baseOf(row + WIDTH),
    baseOf(row + 2u * WIDTH),
    baseOf(row + 3u * WIDTH),
    baseOf(row + 4u * WIDTH),
    baseOf(row + 5u * WIDTH),
    baseOf(row + 6u * WIDTH),
    baseOf(row + 7u * WIDTH),
  );
  let nobody = Nearest(FAR, FAR, 0u);
  var n0 = nobody;
  var n1 = nobody;
  var n2 = nobody;
  var n3 = nobody;
  var n4 = nobody;
  var n5 = nobody;
  var n6 = nobody;
  var n7 = nobody;
  for (var group = 0u; group < unbounded; group++) {
    let cluster = group * 4u;
    if (cluster >= uniforms.clusterCount) { break; }
    let products = productsOf(bases, group);
    let offsets = vec4i(offsetOf(cluster), offsetOf(cluster + 1u), offsetOf(cluster + 2u), offsetOf(cluster + 3u));
    n0 = considerFour(n0, offsets - products.s0, cluster);
    n1 = considerFour(n1, offsets - products.s1, cluster);
    n2 = considerFour(n2, offsets - products.s2, cluster);
    n3 = considerFour(n3, offsets - products.s3, cluster);
    n4 = considerFour(n4, offsets - products.s4, cluster);
    n5 = considerFour(n5, offsets - products.s5, cluster);
    n6 = considerFour(n6, offsets - products.s6, cluster);
    n7 = considerFour(n7, offsets - products.s7, cluster);
  }
  var changed = settle(row, n0) + settle(row + WIDTH, n1) + settle(row + 2u * WIDTH, n2) + settle(row + 3u * WIDTH, n3);
  changed += settle(row + 4u * WIDTH, n4) + settle(row + 5u * WIDTH, n5);
  changed += settle(row + 6u * WIDTH, n6) + settle(row + 7u * WIDTH, n7);
  if (changed != 0u) { atomicAdd(&counters[0], changed); }
}
