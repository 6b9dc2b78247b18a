// Weighted moments of a window of points about one centre for each component of a Gaussian mixture.
//
// points   [rows][vectors] vec4f, columns padded with zeros     responsibilities [components][stride] of the window
// centres  [components][vectors] vec4f
// partials [shares][components] of: the second moments, the sums of r z, [vectors] vec4f, and (sum of r, 0, 0, 0)
//
// z = x - centre. Conditions: full (second moments are the 4x4 blocks of the sum of r z z^T up to the diagonal, row by row,
// each as its four columns; without it the sums of r z^2, [vectors] vec4f), edgeN (EDGE >= N: a thread makes a square of
// EDGE x EDGE blocks, in registers, so that each vector that is loaded serves EDGE blocks), square (squares left of the
// diagonal instead of those on it, which make the other sums too), pair (two components a thread).
// Dispatch: the threads firstThread … of (components or pairs of them) * tiles * shares; a thread takes every share-th point.
import package::cluster::mixtureRow::Row;
import package::cluster::mixtureRow::difference;
import package::shared::dispatch::linearWorkgroup;
import constants::EDGE;
import constants::WIDTH;

struct Uniforms {
  firstRow: u32,
  pointCount: u32,
  stride: u32,
  shares: u32,
  tiles: u32,
  componentCount: u32,
  vectors: u32,
  secondVectors: u32,
  firstThread: u32,
  endThread: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centres: array<vec4f>;
@group(0) @binding(3) var<storage, read> responsibilities: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;

@if(pair) const COMPONENTS = 2u;
@else const COMPONENTS = 1u;

// The vector of a row; one beyond the last stands in for what is not stored.
fn place(vector: u32) -> u32 {
  return min(vector, uniforms.vectors - 1u);
}

fn pointAt(row: u32, tile: u32) -> Row {
  let base = row * uniforms.vectors;
  let first = tile * EDGE;
  var loaded: Row;
  loaded.v0 = points[base + place(first)];
  @if(edge2) loaded.v1 = points[base + place(first + 1u)];
  @if(edge3) loaded.v2 = points[base + place(first + 2u)];
  @if(edge4) loaded.v3 = points[base + place(first + 3u)];
  return loaded;
}

fn centreAt(component: u32, tile: u32) -> Row {
  let base = component * uniforms.vectors;
  let first = tile * EDGE;
  var loaded: Row;
  loaded.v0 = centres[base + place(first)];
  @if(edge2) loaded.v1 = centres[base + place(first + 1u)];
  @if(edge3) loaded.v2 = centres[base + place(first + 2u)];
  @if(edge4) loaded.v3 = centres[base + place(first + 3u)];
  return loaded;
}

fn scaled(weight: f32, z: Row) -> Row {
  var result: Row;
  result.v0 = weight * z.v0;
  @if(edge2) result.v1 = weight * z.v1;
  @if(edge3) result.v2 = weight * z.v2;
  @if(edge4) result.v3 = weight * z.v3;
  return result;
}

// The sums of a component.
struct Sums {
  @if(!square) count: f32,
  @if(!square) first: Row,
  @if(!full) second: Row,
  @if(full) b00: mat4x4f,
  @if(full && edge2) b10: mat4x4f,
  @if(full && edge2) b11: mat4x4f,
  @if(full && edge3) b20: mat4x4f,
  @if(full && edge3) b21: mat4x4f,
  @if(full && edge3) b22: mat4x4f,
  @if(full && edge4) b30: mat4x4f,
  @if(full && edge4) b31: mat4x4f,
  @if(full && edge4) b32: mat4x4f,
  @if(full && edge4) b33: mat4x4f,
  @if(square && edge2) b01: mat4x4f,
  @if(square && edge3) b02: mat4x4f,
  @if(square && edge3) b12: mat4x4f,
  @if(square && edge4) b03: mat4x4f,
  @if(square && edge4) b13: mat4x4f,
  @if(square && edge4) b23: mat4x4f,
}

@if(full)
fn outer(column: vec4f, row: vec4f) -> mat4x4f {
  return mat4x4f(column * row.x, column * row.y, column * row.z, column * row.w);
}

// Adds a point: z of the vectors of the rows of a tile times the weight, and z of those of its columns.
fn added(former: Sums, weight: f32, w: Row, z: Row) -> Sums {
  var sums = former;
  @if(!square) {
    sums.count += weight;
    sums.first.v0 += w.v0;
    @if(edge2) sums.first.v1 += w.v1;
    @if(edge3) sums.first.v2 += w.v2;
    @if(edge4) sums.first.v3 += w.v3;
  }
  @if(!full) {
    sums.second.v0 += w.v0 * z.v0;
    @if(edge2) sums.second.v1 += w.v1 * z.v1;
    @if(edge3) sums.second.v2 += w.v2 * z.v2;
    @if(edge4) sums.second.v3 += w.v3 * z.v3;
  }
  @if(full) {
    sums.b00 += outer(w.v0, z.v0);
    @if(edge2) sums.b10 += outer(w.v1, z.v0);
    @if(edge2) sums.b11 += outer(w.v1, z.v1);
    @if(edge3) sums.b20 += outer(w.v2, z.v0);
    @if(edge3) sums.b21 += outer(w.v2, z.v1);
    @if(edge3) sums.b22 += outer(w.v2, z.v2);
    @if(edge4) sums.b30 += outer(w.v3, z.v0);
    @if(edge4) sums.b31 += outer(w.v3, z.v1);
    @if(edge4) sums.b32 += outer(w.v3, z.v2);
    @if(edge4) sums.b33 += outer(w.v3, z.v3);
  }
  @if(square) {
    @if(edge2) sums.b01 += outer(w.v0, z.v1);
    @if(edge3) sums.b02 += outer(w.v0, z.v2);
    @if(edge3) sums.b12 += outer(w.v1, z.v2);
    @if(edge4) sums.b03 += outer(w.v0, z.v3);
    @if(edge4) sums.b13 += outer(w.v1, z.v3);
    @if(edge4) sums.b23 += outer(w.v2, z.v3);
  }
  return sums;
}

fn storeVector(base: u32, vector: u32, value: vec4f) {
  if (vector < uniforms.vectors) { partials[base + vector] = value; }
}

fn storeRow(base: u32, tile: u32, row: Row) {
  let first = tile * EDGE;
  storeVector(base, first, row.v0);
  @if(edge2) storeVector(base, first + 1u, row.v1);
  @if(edge3) storeVector(base, first + 2u, row.v2);
  @if(edge4) storeVector(base, first + 3u, row.v3);
}

@if(full)
fn storeBlock(base: u32, row: u32, column: u32, block: mat4x4f) {
  if (row >= uniforms.vectors) { return; }
  let position = base + (row * (row + 1u) / 2u + column) * 4u;
  partials[position] = block[0];
  partials[position + 1u] = block[1];
  partials[position + 2u] = block[2];
  partials[position + 3u] = block[3];
}

fn store(sums: Sums, share: u32, component: u32, rowTile: u32, columnTile: u32) {
  let size = uniforms.secondVectors + uniforms.vectors + 1u;
  let base = (share * uniforms.componentCount + component) * size;
  @if(!full) storeRow(base, rowTile, sums.second);
  @if(full) {
    let i = rowTile * EDGE;
    let j = columnTile * EDGE;
    storeBlock(base, i, j, sums.b00);
    @if(edge2) storeBlock(base, i + 1u, j, sums.b10);
    @if(edge2) storeBlock(base, i + 1u, j + 1u, sums.b11);
    @if(edge3) storeBlock(base, i + 2u, j, sums.b20);
    @if(edge3) storeBlock(base, i + 2u, j + 1u, sums.b21);
    @if(edge3) storeBlock(base, i + 2u, j + 2u, sums.b22);
    @if(edge4) storeBlock(base, i + 3u, j, sums.b30);
    @if(edge4) storeBlock(base, i + 3u, j + 1u, sums.b31);
    @if(edge4) storeBlock(base, i + 3u, j + 2u, sums.b32);
    @if(edge4) storeBlock(base, i + 3u, j + 3u, sums.b33);
    @if(square && edge2) storeBlock(base, i, j + 1u, sums.b01);
    @if(square && edge3) storeBlock(base, i, j + 2u, sums.b02);
    @if(square && edge3) storeBlock(base, i + 1u, j + 2u, sums.b12);
    @if(square && edge4) storeBlock(base, i, j + 3u, sums.b03);
    @if(square && edge4) storeBlock(base, i + 1u, j + 3u, sums.b13);
    @if(square && edge4) storeBlock(base, i + 2u, j + 3u, sums.b23);
  }
  @if(!square) {
    storeRow(base + uniforms.secondVectors, rowTile, sums.first);
    if (rowTile == 0u) { partials[base + size - 1u] = vec4f(sums.count, 0.0, 0.0, 0.0); }
  }
}

// The row of a square in the triangle of those left of the diagonal, from 0.
@if(square)
fn triangleRow(tile: u32) -> u32 {
  var row = u32((sqrt(8.0 * f32(tile) + 1.0) - 1.0) * 0.5);
  if (row * (row + 1u) / 2u > tile) { row--; }
  if ((row + 1u) * (row + 2u) / 2u <= tile) { row++; }
  return row;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.firstThread + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (index >= uniforms.endThread) { return; }
  let share = index % uniforms.shares;
  let tile = index / uniforms.shares % uniforms.tiles;
  let component = index / (uniforms.shares * uniforms.tiles) * COMPONENTS;
  @if(square) let above = triangleRow(tile);
  @if(square) let rowTile = above + 1u;
  @if(square) let columnTile = tile - above * (above + 1u) / 2u;
  @if(!square) let rowTile = tile;
  @if(!square) let columnTile = tile;

  let weights0 = component * uniforms.stride;
  let centre0 = centreAt(component, rowTile);
  @if(square) let across0 = centreAt(component, columnTile);
  var sums0: Sums;
  // Where the last component has no partner, it is its own.
  @if(pair) let partner = min(component + 1u, uniforms.componentCount - 1u);
  @if(pair) let weights1 = partner * uniforms.stride;
  @if(pair) let centre1 = centreAt(partner, rowTile);
  @if(square && pair) let across1 = centreAt(partner, columnTile);
  @if(pair) var sums1: Sums;

  var point = share;
  loop {
    let x = pointAt(uniforms.firstRow + point, rowTile);
    @if(square) let y = pointAt(uniforms.firstRow + point, columnTile);
    let r0 = responsibilities[weights0 + point];
    let z0 = difference(x, centre0);
    @if(square) sums0 = added(sums0, r0, scaled(r0, z0), difference(y, across0));
    @if(!square) sums0 = added(sums0, r0, scaled(r0, z0), z0);
    @if(pair) {
      let r1 = responsibilities[weights1 + point];
      let z1 = difference(x, centre1);
      @if(square) sums1 = added(sums1, r1, scaled(r1, z1), difference(y, across1));
      @if(!square) sums1 = added(sums1, r1, scaled(r1, z1), z1);
    }
    continuing {
      point += uniforms.shares;
      break if point >= uniforms.pointCount;
    }
  }
  store(sums0, share, component, rowTile, columnTile);
  @if(pair) {
    if (partner != component) { store(sums1, share, partner, rowTile, columnTile); }
  }
}
