// The steps of DBSCAN, for points in cells of a grid (up to 3 columns) or by comparing all pairs. Two points are
// neighbours if the sum of their squared differences in float64, added up in the order of the columns, is at most
// epsilon^2: sums that float32 cannot tell from epsilon^2 are made again as float64.
//
// Conditions: grid, or all pairs without it; and one of the steps
// - core: forest[row] = row if at least minimumPoints points are neighbours, itself included, else NONE;
// - link: joins the trees of neighbouring core points; the root of a tree is its lowest row;
// - border: results[row] = CORE + root for core points, the lowest root of core neighbours for others, else NONE.
//
// points     grid: [positions] (x, y, z within the cell, in sides of a cell; cell), pairs: [rows][vectors] vec4f
// originals  [positions or rows][columnCount] float64 as (low, high)
// cells      grid: [cellCount + 1] (x, y, z, first position), in the order of (z, y, x); pairs: the boxes around each four
//            positions, `cellCount` of them, then those around each BLOCK, [boxes][lowest, highest][vectors] vec4f in
//            units of epsilon
// runs       grid: [cellCount][lines], for each line of cells around a cell, by z and y from -2 to 2 (as far as there are
//            columns), the first cell from x - 2 on; no more than five follow each other
// order      grid: [positions], the row of each
// forest     [rows], the parent of each core point, which is never above its own row
// results    [rows]; pairs also count neighbours here
// Without a grid rows are positions: the host puts near points together, so that most blocks are far from a thread's rows by
// their boxes. runs and order are not read. Neighbours are looked for in firstOther … endOther only, from one multiple of BLOCK to another:
// results and forest add up over dispatches that cover all rows in turn. Before the step `border` the host puts numbers of trees into
// forest; core points get no result.
// A thread notes pairs to be decided in float64, or joined, and sees to them together, because SwiftShader computes both sides of every
// branch: what stands in an inner loop costs as much as if it were always needed.
// Dispatch: one thread for each position, or for each four rows, from `first` to `end`.
import package::shared::dispatch::linearWorkgroup;
import package::shared::float64::addSquaredDifference64;
import package::shared::float64::isLess64;
import package::shared::float64::magnitude64Of;
import package::shared::float64::zero64;
import constants::BLOCK;
import constants::WIDTH;

struct Uniforms {
  first: u32,
  end: u32,
  firstOther: u32,
  endOther: u32,
  rowCount: u32,
  columnCount: u32,
  vectors: u32,
  cellCount: u32,
  lines: u32,
  reach: i32,
  minimumPoints: u32,
  near: f32,
  far: f32,
  limitLow: u32,
  limitHigh: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4u>;
@group(0) @binding(2) var<storage, read> originals: array<vec2u>;
@group(0) @binding(3) var<storage, read> cells: array<vec4u>;
@group(0) @binding(4) var<storage, read> runs: array<u32>;
@group(0) @binding(5) var<storage, read> order: array<u32>;
@group(0) @binding(6) var<storage, read_write> forest: array<atomic<u32>>;
@group(0) @binding(7) var<storage, read_write> results: array<u32>;

const NONE = 0xffffffffu;
const CORE = 0x80000000u;
const ALWAYS = 0x7fffffffu;

fn exactlyWithin(a: u32, b: u32) -> bool {
  var sum = zero64();
  let first = a * uniforms.columnCount;
  let second = b * uniforms.columnCount;
  for (var i = 0u; i < ALWAYS; i++) {
    if (i >= uniforms.columnCount) { break; }
    sum = addSquaredDifference64(sum, originals[first + i], originals[second + i]);
  }
  return !isLess64(magnitude64Of(vec2u(uniforms.limitLow, uniforms.limitHigh)), sum);
}

// Pairs of a thread that are to be seen to.
const MOST_PENDING = 32u;
var<private> pending: array<vec2u, MOST_PENDING>;
var<private> pendingCount = 0u;

// Whether a and b are certainly neighbours, by their squared distance in f32; notes them where it cannot tell.
@if(grid)
fn isNear(squared: f32, a: u32, b: u32) -> bool {
  let near = squared < uniforms.near;
  if (!near && squared <= uniforms.far) {
    pending[pendingCount] = vec2u(a, b);
    pendingCount++;
  }
  return near;
}

@if(!core)
fn find(start: u32) -> u32 {
  var row = start;
  for (var i = 0u; i < ALWAYS; i++) {
    let parent = atomicLoad(&forest[row]);
    if (parent == row) { break; }
    // Trees become flat while they are walked: a parent's parent is an ancestor, whoever else is joining trees.
    let above = atomicLoad(&forest[parent]);
    if (above != parent) { atomicMin(&forest[row], above); }
    row = parent;
  }
  return row;
}

@if(link)
fn join(a: u32, b: u32) {
  var first = a;
  var second = b;
  for (var i = 0u; i < ALWAYS; i++) {
    first = find(first);
    second = find(second);
    if (first == second) { break; }
    let higher = max(first, second);
    if (atomicCompareExchangeWeak(&forest[higher], higher, min(first, second)).exchanged) { break; }
  }
}

fn isCore(row: u32) -> bool {
  return atomicLoad(&forest[row]) != NONE;
}

// ---- points in cells

@if(grid)
fn pointAt(position: u32) -> vec3f {
  return bitcast<vec3f>(points[position].xyz);
}

// Squared distance between two points; `apart` is how many sides the cell of the second is away.
@if(grid)
fn squaredDistance(here: vec3f, there: vec3f, apart: vec3f) -> f32 {
  let difference = apart + (there - here);
  return dot(difference, difference);
}

// Whether all points of a cell are too far, by its nearest place.
@if(grid)
fn isFar(here: vec3f, apart: vec3f) -> bool {
  let gap = max(max(apart - here, here - apart - vec3f(1.0)), vec3f(0.0));
  return dot(gap, gap) > uniforms.far;
}

// The first core point of a cell; NONE if it has none.
@if(grid && !core)
fn firstCore(cell: u32) -> u32 {
  let end = cells[cell + 1u].w;
  var found = NONE;
  for (var position = cells[cell].w; position < end; position++) {
    if (isCore(order[position])) {
      found = position;
      break;
    }
  }
  return found;
}

// What is known about a point, the count of its neighbours or the lowest root among them, after one more neighbour.
@if(grid)
fn meet(position: u32, other: u32, known: u32) -> u32 {
  @if(core) return known + 1u;
  @if(link) join(order[position], order[other]);
  @if(link) return known;
  @if(border) return min(known, find(order[other]));
}

// Whether a cell has nothing to add. The core points of a cell are in one tree.
@if(grid)
fn isSettled(position: u32, cell: u32, known: u32) -> bool {
  @if(core) return known >= uniforms.minimumPoints;
  @if(!core) let representative = firstCore(cell);
  @if(!core) if (representative == NONE) { return true; }
  @if(link) return find(order[representative]) == find(order[position]);
  @if(border) return find(order[representative]) >= known;
}

// Visits the cells around that of a point, but not this itself, up to `reach` away; for links those before it only.
@if(grid)
fn visitCells(position: u32, start: u32) -> u32 {
  let here = pointAt(position);
  let own = points[position].w;
  let cell = bitcast<vec3i>(cells[own].xyz);
  @if(link) let lineEnd = (uniforms.lines + 1u) / 2u;
  @if(!link) let lineEnd = uniforms.lines;
  var known = start;
  // Where to go on after a full list of pending pairs.
  var line = 0u;
  var i = 0u;
  var next = 0u;
  for (var round = 0u; round < ALWAYS; round++) {
    var stopped = false;
    for (; line < lineEnd; line++) {
      let y = select(cell.y + i32(line % 5u) - 2, cell.y, uniforms.columnCount == 1u);
      let z = select(cell.z, cell.z + i32(line / 5u) - 2, uniforms.columnCount == 3u);
      let first = runs[own * uniforms.lines + line];
      for (; i < 5u; i++) {
        let other = first + i;
        if (other >= uniforms.cellCount) { break; }
        @if(link) if (other >= own) { break; }
        let place = bitcast<vec3i>(cells[other].xyz);
        let sides = place - cell;
        if (place.z != z || place.y != y || sides.x > 2) { break; }
        let apart = vec3f(sides);
        if (other == own || any(abs(sides) > vec3i(uniforms.reach)) || isFar(here, apart)) { continue; }
        if (isSettled(position, other, known)) { next = 0u; continue; }
        let end = cells[other + 1u].w;
        next = max(next, cells[other].w);
        @if(!core) var found = NONE;
        for (; next < end; next++) {
          if (pendingCount >= MOST_PENDING) { break; }
          @if(core) if (known >= uniforms.minimumPoints) { break; }
          @if(!core) if (!isCore(order[next])) { continue; }
          let near = isNear(squaredDistance(here, pointAt(next), apart), position, next);
          @if(core) known += select(0u, 1u, near);
          @if(!core) if (near) {
            found = next;
            break;
          }
        }
        @if(!core) if (found != NONE) { known = meet(position, found, known); }
        stopped = next < end && pendingCount >= MOST_PENDING;
        if (stopped) { break; }
        next = 0u;
      }
      if (stopped) { break; }
      i = 0u;
    }
    for (var p = 0u; p < MOST_PENDING; p++) {
      if (p >= pendingCount) { break; }
      if (exactlyWithin(position, pending[p].y)) { known = meet(position, pending[p].y, known); }
    }
    pendingCount = 0u;
    if (!stopped) { break; }
  }
  return known;
}

@if(grid && core)
fn advance(position: u32) {
  let cell = points[position].w;
  let row = order[position];
  // A cell's diagonal is below epsilon.
  let inside = cells[cell + 1u].w - cells[cell].w;
  let count = visitCells(position, inside);
  atomicStore(&forest[row], select(NONE, row, count >= uniforms.minimumPoints));
}

@if(grid && link)
fn advance(position: u32) {
  let row = order[position];
  if (!isCore(row)) { return; }
  let first = firstCore(points[position].w);
  if (first != position) { join(row, order[first]); }
  visitCells(position, NONE);
}

@if(grid && border)
fn advance(position: u32) {
  let row = order[position];
  if (isCore(row)) {
    results[row] = CORE | find(row);
    return;
  }
  var known = NONE;
  let own = firstCore(points[position].w);
  if (own != NONE) { known = find(order[own]); }
  results[row] = visitCells(position, known);
}

// ---- all pairs, four rows of a thread with four others at a time

@if(!grid)
fn startsOf(row: u32) -> vec4u {
  return min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(uniforms.rowCount - 1u)) * uniforms.vectors;
}

@if(!grid)
fn squares(row: vec4f, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> vec4f {
  return vec4f(dot(row - a, row - a), dot(row - b, row - b), dot(row - c, row - c), dot(row - d, row - d));
}

// Squared distances of four consecutive rows, a column each, to four others; the last row stands for those beyond it.
@if(!grid)
fn squaredDistances(row: u32, other: u32) -> mat4x4f {
  let own = startsOf(row);
  let others = startsOf(other);
  var s0 = vec4f(0.0);
  var s1 = vec4f(0.0);
  var s2 = vec4f(0.0);
  var s3 = vec4f(0.0);
  for (var i = 0u; i < ALWAYS; i++) {
    if (i >= uniforms.vectors) { break; }
    let a = bitcast<vec4f>(points[others.x + i]);
    let b = bitcast<vec4f>(points[others.y + i]);
    let c = bitcast<vec4f>(points[others.z + i]);
    let d = bitcast<vec4f>(points[others.w + i]);
    s0 += squares(bitcast<vec4f>(points[own.x + i]), a, b, c, d);
    s1 += squares(bitcast<vec4f>(points[own.y + i]), a, b, c, d);
    s2 += squares(bitcast<vec4f>(points[own.z + i]), a, b, c, d);
    s3 += squares(bitcast<vec4f>(points[own.w + i]), a, b, c, d);
  }
  return mat4x4f(s0, s1, s2, s3);
}

// A row of the tree of a core point, mostly its root, or the number of the tree; NONE for other rows and from `end` on.
@if(!grid && !core)
fn treeOf(row: u32, end: u32) -> u32 {
  return select(NONE, atomicLoad(&forest[min(row, uniforms.rowCount - 1u)]), row < end);
}

// Whether no point of a block is a neighbour of four rows, by their boxes. These are rounded outward.
@if(!grid)
fn isFarBlock(row: u32, other: u32) -> bool {
  let own = row / 4u * 2u * uniforms.vectors;
  let block = (uniforms.cellCount + other / BLOCK) * 2u * uniforms.vectors;
  var squared = 0.0;
  for (var i = 0u; i < ALWAYS; i++) {
    if (i >= uniforms.vectors) { break; }
    let lowest = bitcast<vec4f>(cells[own + i]);
    let highest = bitcast<vec4f>(cells[own + uniforms.vectors + i]);
    let blockLowest = bitcast<vec4f>(cells[block + i]);
    let blockHighest = bitcast<vec4f>(cells[block + uniforms.vectors + i]);
    let gap = max(max(blockLowest - highest, lowest - blockHighest), vec4f(0.0));
    squared += dot(gap, gap);
  }
  return squared > 1.01;
}

@if(!grid)
fn sum4(v: vec4u) -> u32 {
  return (v.x + v.y) + (v.z + v.w);
}

@if(!grid && border)
fn least4(v: vec4u) -> u32 {
  return min(min(v.x, v.y), min(v.z, v.w));
}

// Marks the first row of a pending pair of certain neighbours.
@if(!grid) const NEAR = 0x80000000u;

// What is known about four rows: their neighbours so far, their own roots, or the lowest tree among their neighbours.
@if(!grid) var<private> states: vec4u;

// `row` has one more neighbour, of a tree where it counts.
@if(!grid)
fn meet(row: u32, k: u32, other: u32) {
  @if(core) states[k] += 1u;
  @if(link) join(row, other);
  @if(link) states[k] = find(row);
  @if(border) states[k] = min(states[k], atomicLoad(&forest[other]));
}

@if(!grid)
fn visitRows(row: u32, end: u32) {
  var other = uniforms.firstOther;
  for (var round = 0u; round < ALWAYS; round++) {
    for (; other < end; other += 4u) {
      // The next sixteen pairs may all be pending.
      if (pendingCount > MOST_PENDING - 16u) { break; }
      for (var skipped = 0u; skipped < ALWAYS; skipped++) {
        if (other >= end || other % BLOCK != 0u) { break; }
        if (!isFarBlock(row, other)) { break; }
        other += BLOCK;
      }
      if (other >= end) { break; }
      let places = vec4u(other) + vec4u(0u, 1u, 2u, 3u);
      @if(!core) let trees = vec4u(
        treeOf(places.x, end),
        treeOf(places.y, end),
        treeOf(places.z, end),
        treeOf(places.w, end),
      );
      // Nothing to find out, about any others or about these, as among points of one tree.
      @if(core) if (all(states >= vec4u(uniforms.minimumPoints))) { other = end; break; }
      @if(link) if (all(states == vec4u(NONE))) { other = end; break; }
      @if(border) if (all(states == vec4u(0u))) { other = end; break; }
      @if(link) if (all(trees == states.xxxx) && all(states == states.xxxx)) { continue; }
      @if(border) if (all(states <= vec4u(least4(trees)))) { continue; }
      let squared = squaredDistances(row, other);
      var noted = 0u;
      for (var k = 0u; k < 4u; k++) {
        // Others that may change something.
        @if(core) var wanted = (places < vec4u(end)) & vec4<bool>(states[k] < uniforms.minimumPoints);
        @if(link) var wanted = (places < vec4u(row + k)) & (trees != vec4u(NONE)) & (trees != vec4u(states[k]));
        @if(link) wanted = wanted & vec4<bool>(states[k] != NONE);
        @if(border) var wanted = trees < vec4u(states[k]);
        wanted = wanted & (squared[k] <= vec4f(uniforms.far));
        let near = wanted & (squared[k] < vec4f(uniforms.near));
        @if(core) states[k] += sum4(select(vec4u(0u), vec4u(1u), near));
        @if(border) states[k] = min(states[k], least4(select(vec4u(NONE), trees, near)));
        @if(!link) wanted = wanted & !near;
        noted |= sum4(select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), wanted)) << (4u * k);
      }
      for (var i = 0u; i < 16u; i++) {
        if (noted == 0u) { break; }
        let pair = firstTrailingBit(noted);
        noted &= noted - 1u;
        let near = squared[pair / 4u][pair % 4u] < uniforms.near;
        pending[pendingCount] = vec2u((row + pair / 4u) | select(0u, NEAR, near), places[pair % 4u]);
        pendingCount++;
      }
    }
    for (var p = 0u; p < MOST_PENDING; p++) {
      if (p >= pendingCount) { break; }
      let first = pending[p].x & ~NEAR;
      let second = pending[p].y;
      if ((pending[p].x & NEAR) != 0u || exactlyWithin(first, second)) { meet(first, first - row, second); }
    }
    pendingCount = 0u;
    if (other >= end) { break; }
  }
}

@if(!grid)
fn advance(row: u32) {
  let count = min(4u, uniforms.end - row);
  states = vec4u(0u);
  for (var k = 0u; k < count; k++) {
    @if(link) if (isCore(row + k)) { states[k] = find(row + k); } else { states[k] = NONE; }
    @if(!link) if (uniforms.firstOther > 0u) { states[k] = results[row + k]; }
    // Nothing is below 0, so that core points look for no cluster to border on.
    @if(border) if (uniforms.firstOther == 0u) { states[k] = select(NONE, 0u, isCore(row + k)); }
  }
  @if(core) for (var k = count; k < 4u; k++) { states[k] = uniforms.minimumPoints; }
  @if(link) for (var k = count; k < 4u; k++) { states[k] = NONE; }
  @if(link) let end = min(uniforms.endOther, row + 3u);
  @if(!link) let end = uniforms.endOther;
  visitRows(row, end);
  for (var k = 0u; k < count; k++) {
    @if(core) atomicStore(&forest[row + k], select(NONE, row + k, states[k] >= uniforms.minimumPoints));
    @if(!link) results[row + k] = states[k];
  }
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let thread = linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  @if(grid) let index = uniforms.first + thread;
  @if(!grid) let index = uniforms.first + thread * 4u;
  if (index < uniforms.end) { advance(index); }
}
