// Rows in the order of their clusters: a counting sort by digits of 8 bits, the lowest first. Entries with the same digit keep
// their order, and no two workgroups share a cursor, so that it makes no difference how many rows a cluster has.
//
// An entry is (row, cluster); LEAVES is set in `row` where the row is to be taken from the cluster. The entries are, with
// `fresh`, the rows and their labels; without it those of the list of cluster/changes, twice: first as they join the clusters that
// `labels` names, then as they leave the former ones. A sort takes the entries from `first` on, `capacity` at most. In
// its first pass (shift 0) it makes them, in the others it reads those of `source`, the result of the pass before.
//
// histogram  [blocks][DIGITS], how many entries of a block have a digit, by `count`
// groups     [groups of GROUP blocks][DIGITS], likewise, zeros at first; `scan` puts in their place where the first such entry
//            goes, and `scatter` moves the entries
// changes, source, sorted: how many there are, then the entries
// Nothing happens once the iteration has halted.
// Dispatch: count and scatter, a workgroup for each BLOCK entries from block firstBlock on; scan, a single one.
import package::shared::dispatch::linearWorkgroup;
import package::cluster::control::HALTED;

const DIGITS = 256u;
const BLOCK = 2048u;
const GROUP = 32u;
const LEAVES = 0x80000000u;

struct Uniforms {
  first: u32,
  capacity: u32,
  firstBlock: u32,
  shift: u32,
  fresh: u32,
}
struct Changes { count: u32, padding: u32, entries: array<vec2u> }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read_write> histogram: array<u32>;
@group(0) @binding(2) var<storage, read_write> groups: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> control: array<u32>;
@group(0) @binding(4) var<storage, read> changes: Changes;
@group(0) @binding(5) var<storage, read> labels: array<u32>;
@group(0) @binding(6) var<storage, read> source: Changes;
@group(0) @binding(7) var<storage, read_write> sorted: Changes;

fn entryCount() -> u32 {
  let listed = 2u * changes.count;
  let left = listed - min(listed, uniforms.first);
  return select(min(left, uniforms.capacity), uniforms.capacity, uniforms.fresh != 0u);
}

fn entryAt(position: u32) -> vec2u {
  if (uniforms.shift != 0u) { return source.entries[position]; }
  let place = uniforms.first + position;
  if (uniforms.fresh != 0u) { return vec2u(place, labels[place]); }
  if (place >= changes.count) {
    let left = changes.entries[place - changes.count];
    return vec2u(left.x | LEAVES, left.y);
  }
  let row = changes.entries[place].x;
  return vec2u(row, labels[row]);
}

fn digitOf(entry: vec2u) -> u32 {
  return (entry.y >> uniforms.shift) % DIGITS;
}

var<workgroup> tallies: array<atomic<u32>, DIGITS>;

@compute @workgroup_size(DIGITS)
fn count(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u) { return; }
  let block = uniforms.firstBlock + linearWorkgroup(workgroup, workgroups);
  let end = entryCount();
  if (block * BLOCK >= end) { return; }
  for (var i = local; i < BLOCK; i += DIGITS) {
    let position = block * BLOCK + i;
    if (position >= end) { break; }
    atomicAdd(&tallies[digitOf(entryAt(position))], 1u);
  }
  workgroupBarrier();
  let tally = atomicLoad(&tallies[local]);
  histogram[block * DIGITS + local] = tally;
  atomicAdd(&groups[block / GROUP * DIGITS + local], tally);
}

var<workgroup> totals: array<u32, DIGITS>;

@compute @workgroup_size(DIGITS)
fn scan(@builtin(local_invocation_index) digit: u32) {
  if (control[HALTED] != 0u) { return; }
  let end = (entryCount() + BLOCK * GROUP - 1u) / (BLOCK * GROUP) * DIGITS;
  var total = 0u;
  for (var i = digit; i < end; i += DIGITS) { total += atomicLoad(&groups[i]); }
  totals[digit] = total;
  workgroupBarrier();
  var place = 0u;
  for (var lower = 0u; lower < DIGITS; lower++) { place += select(0u, totals[lower], lower < digit); }
  for (var i = digit; i < end; i += DIGITS) {
    let here = atomicLoad(&groups[i]);
    atomicStore(&groups[i], place);
    place += here;
  }
}

// Threads that take an entry each in a round.
const WIDTH = 64u;
// For each digit, which threads have it, and where the next of them goes.
const WORDS = WIDTH / 32u;
var<workgroup> holders: array<atomic<u32>, DIGITS * WORDS>;
var<workgroup> places: array<u32, DIGITS>;

@compute @workgroup_size(WIDTH)
fn scatter(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  if (control[HALTED] != 0u) { return; }
  let block = uniforms.firstBlock + linearWorkgroup(workgroup, workgroups);
  let end = entryCount();
  if (block == 0u && local == 0u) { sorted.count = end; }
  if (block * BLOCK >= end) { return; }
  for (var digit = local; digit < DIGITS; digit += WIDTH) {
    var place = atomicLoad(&groups[block / GROUP * DIGITS + digit]);
    for (var i = block / GROUP * GROUP; i < block; i++) { place += histogram[i * DIGITS + digit]; }
    places[digit] = place;
  }
  for (var i = 0u; i < BLOCK; i += WIDTH) {
    if (block * BLOCK + i >= end) { break; }
    let position = block * BLOCK + i + local;
    let exists = position < end;
    var entry = vec2u(0u);
    if (exists) { entry = entryAt(position); }
    let digit = digitOf(entry);
    if (exists) { atomicOr(&holders[digit * WORDS + local / 32u], 1u << (local % 32u)); }
    workgroupBarrier();
    var before = 0u;
    var all = 0u;
    for (var word = 0u; word < WORDS; word++) {
      let bits = atomicLoad(&holders[digit * WORDS + word]);
      let earlier = select(select(0u, 0xffffffffu, word < local / 32u), (1u << (local % 32u)) - 1u, word == local / 32u);
      before += countOneBits(bits & earlier);
      all += countOneBits(bits);
    }
    if (exists) { sorted.entries[places[digit] + before] = entry; }
    workgroupBarrier();
    // The last of them leaves the digit as the next round is to find it.
    if (exists && before + 1u == all) {
      places[digit] += all;
      for (var word = 0u; word < WORDS; word++) { atomicStore(&holders[digit * WORDS + word], 0u); }
    }
    workgroupBarrier();
  }
}
