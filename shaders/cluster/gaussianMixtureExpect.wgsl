// Responsibilities of the components of a Gaussian mixture for every point of a window, by an online log-sum-exp.
//
// points      [rows][vectors] vec4f, columns padded with zeros      responsibilities [components][stride] of the window
// means       [components][vectors] vec4f                           scores  [rows] log-density less a constant of the host
// precisions  Cholesky factors P of the inverse covariances,        labels  [rows] most probable component, lowest of ties
//             with |P (x - mean)|^2 the distance (see below)        sums    of the whole parts of scores and of the rests,
// logs        [components] log(weight) + log|P| less the constant           for each workgroup's points
//
// Conditions: full (each P is lower triangular: 4x4 blocks row by row up to the diagonal, each as its four columns, padded
// with zeros; without it P is diagonal: [vectors] vec4f), edgeN (EDGE >= N: P is worked through in squares of EDGE x EDGE
// blocks), held (vectors is EDGE: points stay in registers), points8 (eight points a thread instead of four, so that each
// vector of P that is loaded serves more of them). Components are matrixStride vec4f apart, 0 if they share one P.
// Dispatch: one thread for each four or eight points from firstPoint on, counted within the window that begins at firstRow.
import package::cluster::mixtureRow::Row;
import package::cluster::mixtureRow::difference;
import package::shared::dispatch::linearWorkgroup;
import constants::EDGE;
import constants::WIDTH;

struct Uniforms {
  firstRow: u32,
  firstPoint: u32,
  endPoint: u32,
  pointCount: u32,
  stride: u32,
  firstSum: u32,
  componentCount: u32,
  vectors: u32,
  matrixStride: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> means: array<vec4f>;
@group(0) @binding(3) var<storage, read> precisions: array<vec4f>;
@group(0) @binding(4) var<storage, read> logs: array<f32>;
@group(0) @binding(5) var<storage, read_write> responsibilities: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> labels: array<vec4u>;
@group(0) @binding(8) var<storage, read_write> sums: array<vec2f>;

@if(points8) const QUADS = 2u;
@else const QUADS = 1u;

var<workgroup> partial: array<vec2f, WIDTH>;

struct Quad { a: Row, b: Row, c: Row, d: Row }

// The vector of a row; one beyond the last stands in for what `norm` leaves out.
fn place(vector: u32) -> u32 {
  @if(held) return vector;
  @if(!held) return min(vector, uniforms.vectors - 1u);
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

fn meanAt(component: u32, tile: u32) -> Row {
  let base = component * uniforms.vectors;
  let first = tile * EDGE;
  var loaded: Row;
  loaded.v0 = means[base + place(first)];
  @if(edge2) loaded.v1 = means[base + place(first + 1u)];
  @if(edge3) loaded.v2 = means[base + place(first + 2u)];
  @if(edge4) loaded.v3 = means[base + place(first + 3u)];
  return loaded;
}

// Four points from `point` on; the window's last one again beyond its end.
fn quadAt(point: u32, tile: u32) -> Quad {
  let last = uniforms.pointCount - 1u;
  return Quad(
    pointAt(uniforms.firstRow + min(point, last), tile),
    pointAt(uniforms.firstRow + min(point + 1u, last), tile),
    pointAt(uniforms.firstRow + min(point + 2u, last), tile),
    pointAt(uniforms.firstRow + min(point + 3u, last), tile),
  );
}

// Squared norm of those vectors of a tile that exist.
fn norm(y: Row, tile: u32) -> f32 {
  var squares = y.v0 * y.v0;
  @if(held) {
    @if(edge2) squares += y.v1 * y.v1;
    @if(edge3) squares += y.v2 * y.v2;
    @if(edge4) squares += y.v3 * y.v3;
  }
  @if(!held) {
    let count = uniforms.vectors - tile * EDGE;
    @if(edge2) squares += select(vec4f(0.0), y.v1 * y.v1, count > 1u);
    @if(edge3) squares += select(vec4f(0.0), y.v2 * y.v2, count > 2u);
    @if(edge4) squares += select(vec4f(0.0), y.v3 * y.v3, count > 3u);
  }
  return (squares.x + squares.y) + (squares.z + squares.w);
}

// The blocks of P on and below the diagonal in a square on the diagonal.
@if(full)
struct Factor {
  b00: mat4x4f,
  @if(edge2) b10: mat4x4f,
  @if(edge2) b11: mat4x4f,
  @if(edge3) b20: mat4x4f,
  @if(edge3) b21: mat4x4f,
  @if(edge3) b22: mat4x4f,
  @if(edge4) b30: mat4x4f,
  @if(edge4) b31: mat4x4f,
  @if(edge4) b32: mat4x4f,
  @if(edge4) b33: mat4x4f,
}
@else
struct Factor { diagonal: Row }

@if(full)
fn block(position: u32) -> mat4x4f {
  return mat4x4f(
    precisions[position],
    precisions[position + 1u],
    precisions[position + 2u],
    precisions[position + 3u],
  );
}

// Where the blocks of a row of P begin.
@if(full)
fn rowStart(component: u32, row: u32) -> u32 {
  return component * uniforms.matrixStride + row * (row + 1u) * 2u;
}

@if(full)
fn factorAt(component: u32, tile: u32) -> Factor {
  let row = tile * EDGE;
  let first = row * 4u;
  var loaded: Factor;
  let r0 = rowStart(component, row) + first;
  loaded.b00 = block(r0);
  @if(edge2) {
    let r1 = rowStart(component, row + 1u) + first;
    loaded.b10 = block(r1);
    loaded.b11 = block(r1 + 4u);
  }
  @if(edge3) {
    let r2 = rowStart(component, row + 2u) + first;
    loaded.b20 = block(r2);
    loaded.b21 = block(r2 + 4u);
    loaded.b22 = block(r2 + 8u);
  }
  @if(edge4) {
    let r3 = rowStart(component, row + 3u) + first;
    loaded.b30 = block(r3);
    loaded.b31 = block(r3 + 4u);
    loaded.b32 = block(r3 + 8u);
    loaded.b33 = block(r3 + 12u);
  }
  return loaded;
}
@else
fn factorAt(component: u32, tile: u32) -> Factor {
  let base = component * uniforms.matrixStride;
  let first = tile * EDGE;
  var loaded: Row;
  loaded.v0 = precisions[base + place(first)];
  @if(edge2) loaded.v1 = precisions[base + place(first + 1u)];
  @if(edge3) loaded.v2 = precisions[base + place(first + 2u)];
  @if(edge4) loaded.v3 = precisions[base + place(first + 3u)];
  return Factor(loaded);
}

@if(full)
fn times(factor: Factor, z: Row) -> Row {
  var y: Row;
  y.v0 = factor.b00 * z.v0;
  @if(edge2) y.v1 = factor.b10 * z.v0 + factor.b11 * z.v1;
  @if(edge3) y.v2 = factor.b20 * z.v0 + factor.b21 * z.v1 + factor.b22 * z.v2;
  @if(edge4) y.v3 = factor.b30 * z.v0 + factor.b31 * z.v1 + factor.b32 * z.v2 + factor.b33 * z.v3;
  return y;
}
@else
fn times(factor: Factor, z: Row) -> Row {
  var y: Row;
  y.v0 = factor.diagonal.v0 * z.v0;
  @if(edge2) y.v1 = factor.diagonal.v1 * z.v1;
  @if(edge3) y.v2 = factor.diagonal.v2 * z.v2;
  @if(edge4) y.v3 = factor.diagonal.v3 * z.v3;
  return y;
}

// A column of blocks left of the diagonal square, in the rows of that.
@if(full && !held)
struct Column {
  b0: mat4x4f,
  @if(edge2) b1: mat4x4f,
  @if(edge3) b2: mat4x4f,
  @if(edge4) b3: mat4x4f,
}

@if(full && !held)
fn columnAt(component: u32, tile: u32, column: u32) -> Column {
  let row = tile * EDGE;
  let first = column * 4u;
  var loaded: Column;
  loaded.b0 = block(rowStart(component, row) + first);
  @if(edge2) loaded.b1 = block(rowStart(component, row + 1u) + first);
  @if(edge3) loaded.b2 = block(rowStart(component, row + 2u) + first);
  @if(edge4) loaded.b3 = block(rowStart(component, row + 3u) + first);
  return loaded;
}

@if(full && !held)
fn withColumn(sum: Row, column: Column, z: vec4f) -> Row {
  var y = sum;
  y.v0 += column.b0 * z;
  @if(edge2) y.v1 += column.b1 * z;
  @if(edge3) y.v2 += column.b2 * z;
  @if(edge4) y.v3 += column.b3 * z;
  return y;
}

// Adds a column of blocks times the vectors of four points less the mean's.
@if(full && !held)
fn withColumns(sums: Quad, block: Column, mean: vec4f, point: u32, vector: u32) -> Quad {
  let last = uniforms.pointCount - 1u;
  let rows = uniforms.firstRow + min(vec4u(point, point + 1u, point + 2u, point + 3u), vec4u(last));
  let bases = rows * uniforms.vectors + vector;
  return Quad(
    withColumn(sums.a, block, points[bases.x] - mean),
    withColumn(sums.b, block, points[bases.y] - mean),
    withColumn(sums.c, block, points[bases.z] - mean),
    withColumn(sums.d, block, points[bases.w] - mean),
  );
}

fn products(quad: Quad, mean: Row, factor: Factor) -> Quad {
  return Quad(
    times(factor, difference(quad.a, mean)),
    times(factor, difference(quad.b, mean)),
    times(factor, difference(quad.c, mean)),
    times(factor, difference(quad.d, mean)),
  );
}

fn norms(y: Quad, tile: u32) -> vec4f {
  return vec4f(norm(y.a, tile), norm(y.b, tile), norm(y.c, tile), norm(y.d, tile));
}

// What is known of four points after some components.
struct Likeliest { highest: vec4f, sum: vec4f, label: vec4u }

fn nothing() -> Likeliest {
  return Likeliest(vec4f(-3e38), vec4f(0.0), vec4u(0u));
}

fn withComponent(former: Likeliest, value: vec4f, component: u32) -> Likeliest {
  let higher = value > former.highest;
  let lesser = exp(-abs(value - former.highest));
  return Likeliest(
    select(former.highest, value, higher),
    select(former.sum + lesser, former.sum * lesser + 1.0, higher),
    select(former.label, vec4u(component), higher),
  );
}

// Writes what four points have got, and gives the sums of the whole parts of their scores and of the rests. Whole numbers
// add up exactly, and the rests lose little: a sum of the scores would lose the digits that say whether the likelihood
// still rises.
fn settle(likeliest: Likeliest, point: u32) -> vec2f {
  if (point >= uniforms.endPoint) { return vec2f(0.0); }
  let score = likeliest.highest + log(likeliest.sum);
  let row = (uniforms.firstRow + point) / 4u;
  scores[row] = score;
  labels[row] = likeliest.label;
  let indices = point + vec4u(0u, 1u, 2u, 3u);
  let counted = select(vec4f(0.0), vec4f(1.0), indices < vec4u(uniforms.pointCount));
  return vec2f(dot(floor(score), counted), dot(score - floor(score), counted));
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let group = linearWorkgroup(workgroup, workgroups);
  let point = uniforms.firstPoint + (group * WIDTH + local) * 4u * QUADS;
  partial[local] = vec2f(0.0);
  if (point < uniforms.endPoint) {
    @if(held) let p0 = quadAt(point, 0u);
    @if(held && points8) let p1 = quadAt(point + 4u, 0u);
    let first = point / 4u;
    let step = uniforms.stride / 4u;
    var n0 = nothing();
    @if(points8) var n1 = nothing();
    var component = 0u;
    loop {
      @if(held) {
        let mean = meanAt(component, 0u);
        let factor = factorAt(component, 0u);
        let constant = logs[component];
        let v0 = constant - 0.5 * norms(products(p0, mean, factor), 0u);
        responsibilities[component * step + first] = v0;
        n0 = withComponent(n0, v0, component);
        @if(points8) {
          let v1 = constant - 0.5 * norms(products(p1, mean, factor), 0u);
          responsibilities[component * step + first + 1u] = v1;
          n1 = withComponent(n1, v1, component);
        }
      }
      @if(!held) {
        var d0 = vec4f(0.0);
        @if(points8) var d1 = vec4f(0.0);
        for (var tile = 0u; tile * EDGE < uniforms.vectors; tile++) {
          let mean = meanAt(component, tile);
          let factor = factorAt(component, tile);
          var y0 = products(quadAt(point, tile), mean, factor);
          @if(points8) var y1 = products(quadAt(point + 4u, tile), mean, factor);
          @if(full) {
            for (var vector = 0u; vector < tile * EDGE; vector++) {
              let column = columnAt(component, tile, vector);
              let centre = means[component * uniforms.vectors + vector];
              y0 = withColumns(y0, column, centre, point, vector);
              @if(points8) y1 = withColumns(y1, column, centre, point + 4u, vector);
            }
          }
          d0 += norms(y0, tile);
          @if(points8) d1 += norms(y1, tile);
        }
        let constant = logs[component];
        let v0 = constant - 0.5 * d0;
        responsibilities[component * step + first] = v0;
        n0 = withComponent(n0, v0, component);
        @if(points8) {
          let v1 = constant - 0.5 * d1;
          responsibilities[component * step + first + 1u] = v1;
          n1 = withComponent(n1, v1, component);
        }
      }
      continuing {
        component++;
        break if component >= uniforms.componentCount;
      }
    }
    let share0 = 1.0 / n0.sum;
    @if(points8) let share1 = 1.0 / n1.sum;
    component = 0u;
    loop {
      let position = component * step + first;
      responsibilities[position] = exp(responsibilities[position] - n0.highest) * share0;
      @if(points8) responsibilities[position + 1u] = exp(responsibilities[position + 1u] - n1.highest) * share1;
      continuing {
        component++;
        break if component >= uniforms.componentCount;
      }
    }
    partial[local] = settle(n0, point);
    @if(points8) partial[local] += settle(n1, point + 4u);
  }
  for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) { partial[local] += partial[local + half]; }
  }
  if (local == 0u) { sums[uniforms.firstSum + uniforms.firstPoint / (4u * QUADS * WIDTH) + group] = partial[0]; }
}
