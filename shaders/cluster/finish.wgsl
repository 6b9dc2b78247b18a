// The end of a round: centroids from the sums, how far they moved, and whether to go on. All in integers, so that every
// adapter stops at the same round with the same centroids.
//
// sums [clusters][columns] (low, high), in units of 2^-exponents[column]; counts [clusters], or weights; centroids
// [clusters][rowFloats] f32; control as in cluster/control; counters: 0 labels changed, then the undecided rows of each
// part, then the rechecked rows of each part. Sums, counts and counters are zero afterwards.
// An empty cluster halts it with all as it was, unless `resumed` says that the host has seen to it (1: nothing could be
// moved; 2: points were moved): then a cluster that is still empty goes to the centroid of the largest.
// Condition cosine: centroids are the means brought to the length 2^unitExponent, within 2^-30 of it before they are
// rounded; a mean of length 0 has no direction, and the centroid stays where it was.
// Dispatch: one workgroup.
import package::shared::wide::countLeadingZeros64;
import package::shared::wide::divide64;
import package::shared::wide::shiftLeft64;
@if(cosine) import package::shared::wide::compare64;
@if(cosine) import package::shared::wide::shiftRight64;
@if(cosine) import package::shared::wide::umul64;
import package::cluster::control::CHANGED;
import package::cluster::control::EMPTY;
import package::cluster::control::EMPTY_CLUSTER;
import package::cluster::control::HALTED;
import package::cluster::control::ITERATION;
import package::cluster::control::RECHECKED;
import package::cluster::control::RUNNING;
import package::cluster::control::SETTLED;
import package::cluster::control::SHIFT;
import package::cluster::control::THRESHOLD;
import package::cluster::control::TOLERANCE;
import package::cluster::control::UNDECIDED;
import package::cluster::exact::add128;
@if(cosine) import package::cluster::exact::fixedPoint;
import package::cluster::exact::floatOf;
import package::cluster::exact::less128;
import package::cluster::exact::magnitude64;
import package::cluster::exact::squaredDifference;
import constants::WIDTH;

struct Uniforms {
  clusterCount: u32,
  columnCount: u32,
  rowFloats: u32,
  counterCount: u32,
  fraction: i32,
  resumed: u32,
  keepSums: u32,
  unitExponent: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> exponents: array<i32>;
@group(0) @binding(2) var<storage, read_write> control: array<u32>;
@group(0) @binding(3) var<storage, read_write> counters: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> counts: array<u32>;
@group(0) @binding(6) var<storage, read_write> centroids: array<f32>;

// Of each thread, and then in position 0 of all: empty clusters, and the count and index of the largest cluster.
struct Census { empty: u32, count: u32, largest: u32 }
var<workgroup> censuses: array<Census, WIDTH>;
var<workgroup> shifts: array<vec4u, WIDTH>;
var<workgroup> halted: u32;

fn takeCensus(local: u32) {
  var census = Census(0u, 0u, 0u);
  for (var cluster = local; cluster < uniforms.clusterCount; cluster += WIDTH) {
    let count = counts[cluster];
    if (count == 0u) { census.empty += 1u; }
    if (count > census.count) { census = Census(census.empty, count, cluster); }
  }
  censuses[local] = census;
  workgroupBarrier();
  if (local != 0u) { return; }
  for (var i = 1u; i < WIDTH; i++) {
    let other = censuses[i];
    census.empty += other.empty;
    let larger = other.count > census.count || (other.count == census.count && other.largest < census.largest);
    if (larger) { census = Census(census.empty, other.count, other.largest); }
  }
  censuses[0] = census;
}

// sum / count * 2^-exponent, rounded to the nearest float, ties to even.
fn mean(sum: vec2u, count: u32, exponent: i32) -> f32 {
  let magnitude = magnitude64(sum);
  if (all(magnitude == vec2u(0u))) { return 0.0; }
  // With the top bit set, the quotient has at least 32 bits.
  let shift = countLeadingZeros64(magnitude);
  let division = divide64(shiftLeft64(magnitude, shift), count);
  return floatOf(division.quotient, -exponent - i32(shift), division.remainder != 0u, (sum.y >> 31u) == 1u);
}

// A length as root * 2^exponent units of 2^-fraction, where root has 32 bits; root is 0 for the length 0.
@if(cosine) struct Length { root: u32, exponent: i32 }

// The square root of a sum of squares.
@if(cosine)
fn lengthOf(squares: vec4u) -> Length {
  if (all(squares == vec4u(0u))) { return Length(0u, 0); }
  let large = any(squares.zw != vec2u(0u));
  let upper = select(squares.xy, squares.zw, large);
  let lower = select(vec2u(0u), squares.xy, large);
  // Even, so that its half is a whole number.
  let shift = countLeadingZeros64(upper) & 0xfffffffeu;
  let lifted = shiftLeft64(upper, shift) | shiftRight64(lower, 64u - shift);
  var root = 0u;
  for (var i = 0u; i < 32u; i++) {
    let next = root | (0x80000000u >> i);
    if (compare64(umul64(next, next), lifted) <= 0) { root = next; }
  }
  return Length(root, select(0, 32, large) - i32(shift / 2u));
}

// A coordinate of a vector, in units of its length, times 2^unitExponent, rounded to the nearest float.
@if(cosine)
fn unitCoordinate(value: f32, length: Length) -> f32 {
  let fixed = fixedPoint(value, uniforms.fraction);
  let magnitude = magnitude64(fixed);
  if (all(magnitude == vec2u(0u))) { return 0.0; }
  let shift = countLeadingZeros64(magnitude);
  let division = divide64(shiftLeft64(magnitude, shift), length.root);
  let exponent = uniforms.unitExponent - i32(shift) - length.exponent;
  return floatOf(division.quotient, exponent, division.remainder != 0u, (fixed.y >> 31u) == 1u);
}

fn meanAt(cluster: u32, column: u32) -> f32 {
  return mean(sums[cluster * uniforms.columnCount + column], counts[cluster], exponents[column]);
}

fn moveTo(place: u32, moved: f32) -> vec4u {
  let shift = squaredDifference(moved, centroids[place], uniforms.fraction);
  centroids[place] = moved;
  return shift;
}

// Moves the centroids that are a thread's share; the squares of how far.
@if(!cosine)
fn moveCentroids(local: u32, largest: u32) -> vec4u {
  var shift = vec4u(0u);
  for (var i = local; i < uniforms.clusterCount * uniforms.columnCount; i += WIDTH) {
    let cluster = i / uniforms.columnCount;
    let column = i % uniforms.columnCount;
    let source = select(cluster, largest, counts[cluster] == 0u);
    shift = add128(shift, moveTo(cluster * uniforms.rowFloats + column, meanAt(source, column)));
  }
  return shift;
}
@else
fn moveCentroids(local: u32, largest: u32) -> vec4u {
  var shift = vec4u(0u);
  for (var cluster = local; cluster < uniforms.clusterCount; cluster += WIDTH) {
    let source = select(cluster, largest, counts[cluster] == 0u);
    var squares = vec4u(0u);
    for (var column = 0u; column < uniforms.columnCount; column++) {
      squares = add128(squares, squaredDifference(meanAt(source, column), 0.0, uniforms.fraction));
    }
    let length = lengthOf(squares);
    if (length.root == 0u) { continue; }
    for (var column = 0u; column < uniforms.columnCount; column++) {
      let moved = unitCoordinate(meanAt(source, column), length);
      shift = add128(shift, moveTo(cluster * uniforms.rowFloats + column, moved));
    }
  }
  return shift;
}

fn conclude() {
  var shift = shifts[0];
  for (var i = 1u; i < WIDTH; i++) { shift = add128(shift, shifts[i]); }
  var threshold: vec4u;
  for (var i = 0u; i < 4u; i++) {
    control[SHIFT + i] = shift[i];
    threshold[i] = control[THRESHOLD + i];
  }
  let changed = counters[0];
  control[ITERATION] += 1u;
  control[CHANGED] = changed;
  control[EMPTY] = 0u;
  let parts = uniforms.counterCount / 2u;
  var undecided = 0u;
  var rechecked = 0u;
  for (var part = 1u; part <= parts; part++) {
    undecided += counters[part];
    rechecked += counters[parts + part];
  }
  control[UNDECIDED] = undecided;
  control[RECHECKED] = rechecked;
  // After a move the old labels do not belong to the centroids, even if none of them changed.
  let settled = changed == 0u && uniforms.resumed != 2u;
  control[HALTED] = select(select(TOLERANCE, RUNNING, less128(threshold, shift)), SETTLED, settled);
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(local_invocation_index) local: u32) {
  if (local == 0u) { halted = control[HALTED]; }
  if (workgroupUniformLoad(&halted) != RUNNING && uniforms.resumed == 0u) { return; }
  takeCensus(local);
  let census = workgroupUniformLoad(&censuses[0]);
  if (census.empty != 0u && uniforms.resumed == 0u) {
    if (local == 0u) {
      control[HALTED] = EMPTY_CLUSTER;
      control[EMPTY] = census.empty;
    }
    return;
  }
  shifts[local] = moveCentroids(local, census.largest);
  storageBarrier();
  workgroupBarrier();
  if (local == 0u) { conclude(); }
  storageBarrier();
  for (var i = local; i < uniforms.counterCount; i += WIDTH) { counters[i] = 0u; }
  if (uniforms.keepSums != 0u) { return; }
  for (var i = local; i < uniforms.clusterCount * uniforms.columnCount; i += WIDTH) { sums[i] = vec2u(0u); }
  for (var i = local; i < uniforms.clusterCount; i += WIDTH) { counts[i] = 0u; }
}
