// Selects the largest elements along an axis in descending order, one after the other: each is the largest of those that
// come after the one before it, where equal elements are in the order of their places.
//
// source    float32 or int32 as bits, [outer][length][inner]; a row is what lies along the axis
// values    the selected elements, [outer][selected][inner]
// places    u32, their places in the row
// Conditions: float, elements are float32, -0 is 0 and NaN above all; cooperative, a workgroup of WIDTH a row.
// Constants: WIDTH, a power of two.
// Uniforms: flip is combined by exclusive or with the order of elements, so that all ones select the smallest; backwards
// takes the last place first among equal elements; selections first to end are made for the rows from firstRow to endRow.
// Dispatch: a workgroup, or an invocation, a row.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms {
  length: u32,
  inner: u32,
  selected: u32,
  flip: u32,
  backwards: u32,
  firstRow: u32,
  endRow: u32,
  first: u32,
  end: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> places: array<u32>;

// Unsigned integers in the order in which elements are selected, last first.
fn keyOf(bits: u32) -> u32 {
  @if(float) {
    let magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) { return 0xffffffffu ^ uniforms.flip; }
    if (magnitude == 0u) { return 0x80000000u ^ uniforms.flip; }
    return select(bits | 0x80000000u, ~bits, bits > 0x80000000u) ^ uniforms.flip;
  }
  @if(!float) return bits ^ 0x80000000u ^ uniforms.flip;
}

// An element by its order, and by that of its place among equal ones; `found` is 0 for none.
struct Candidate { key: u32, turn: u32, found: u32 }

fn comesBefore(a: Candidate, b: Candidate) -> bool {
  if (a.found != b.found) { return a.found > b.found; }
  return a.key > b.key || (a.key == b.key && a.turn < b.turn);
}

// From places to turns, and back.
fn turned(place: u32) -> u32 {
  return select(place, uniforms.length - 1u - place, uniforms.backwards != 0u);
}

@if(cooperative) var<workgroup> candidates: array<Candidate, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  @if(cooperative) let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups);
  @else let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (row >= uniforms.endRow) { return; }
  let outer = row / uniforms.inner;
  let n = row - outer * uniforms.inner;
  let start = outer * uniforms.length * uniforms.inner + n;
  let goal = outer * uniforms.selected * uniforms.inner + n;

  // Whatever comes before the first selection is before every element.
  var last = Candidate(0xffffffffu, 0u, 2u);
  if (uniforms.first > 0u) {
    let at = goal + (uniforms.first - 1u) * uniforms.inner;
    last = Candidate(keyOf(values[at]), turned(places[at]), 1u);
  }
  for (var rank = uniforms.first; rank < uniforms.end; rank++) {
    var best = Candidate(0u, 0u, 0u);
    @if(cooperative) let begin = local;
    @else let begin = 0u;
    @if(cooperative) let step = WIDTH;
    @else let step = 1u;
    for (var place = begin; place < uniforms.length; place += step) {
      let candidate = Candidate(keyOf(source[start + place * uniforms.inner]), turned(place), 1u);
      if (comesBefore(last, candidate) && comesBefore(candidate, best)) { best = candidate; }
    }
    @if(cooperative) {
      candidates[local] = best;
      workgroupBarrier();
      for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
        if (local < half && comesBefore(candidates[local + half], candidates[local])) {
          candidates[local] = candidates[local + half];
        }
        workgroupBarrier();
      }
      best = candidates[0];
      workgroupBarrier();
    }
    last = best;
    @if(cooperative) let writes = local == 0u;
    @else let writes = true;
    if (writes) {
      let place = turned(best.turn);
      values[goal + rank * uniforms.inner] = source[start + place * uniforms.inner];
      places[goal + rank * uniforms.inner] = place;
    }
  }
}
