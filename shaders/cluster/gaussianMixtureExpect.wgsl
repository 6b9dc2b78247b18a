// Responsibilities of the components of a Gaussian mixture for every point of a window, by an online log-sum-exp.
//
// points      [rows][vectors] vec4f, columns padded with zeros      responsibilities [components][stride] of the window
// means       [components][meanVectors] vec4f                       scores  [rows] log-density less a constant of the host
// precisions  Cholesky factors P of the inverse covariances,        labels  [rows] most probable component, lowest of ties
//             with |P (x - mean)|^2 the distance (see below)        sums    of the whole parts of scores and of the rests,
// logs        [components] log(weight) + log|P| less the constant           for each 4 * WIDTH points
//
// Conditions: full (each P is lower triangular: 4x4 blocks row by row up to the diagonal, each as its four columns, padded
// with zeros; without it P is diagonal: [vectors] vec4f). Components are matrixStride vec4f apart, 0 if they share one.
// Dispatch: one thread for four points from firstPoint on, counted within the window that begins at firstRow.
import package::shared::dispatch::linearWorkgroup;
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
  meanVectors: u32,
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

var<workgroup> partial: array<vec2f, WIDTH>;

// Squared distances of four points, whose rows begin at `rows`, to a component.
@if(full)
fn squaredDistances(rows: vec4u, component: u32) -> vec4f {
  let mean = component * uniforms.meanVectors;
  var position = component * uniforms.matrixStride;
  var total = vec4f(0.0);
  for (var i = 0u; i < uniforms.vectors; i++) {
    var y0 = vec4f(0.0);
    var y1 = vec4f(0.0);
    var y2 = vec4f(0.0);
    var y3 = vec4f(0.0);
    for (var j = 0u; j <= i; j++) {
      let block = mat4x4f(
        precisions[position],
        precisions[position + 1u],
        precisions[position + 2u],
        precisions[position + 3u],
      );
      let centre = means[mean + j];
      y0 += block * (points[rows.x + j] - centre);
      y1 += block * (points[rows.y + j] - centre);
      y2 += block * (points[rows.z + j] - centre);
      y3 += block * (points[rows.w + j] - centre);
      position += 4u;
    }
    total += vec4f(dot(y0, y0), dot(y1, y1), dot(y2, y2), dot(y3, y3));
  }
  return total;
}
@else
fn squaredDistances(rows: vec4u, component: u32) -> vec4f {
  let mean = component * uniforms.meanVectors;
  let factors = component * uniforms.matrixStride;
  var total = vec4f(0.0);
  for (var i = 0u; i < uniforms.vectors; i++) {
    let centre = means[mean + i];
    let factor = precisions[factors + i];
    let y0 = (points[rows.x + i] - centre) * factor;
    let y1 = (points[rows.y + i] - centre) * factor;
    let y2 = (points[rows.z + i] - centre) * factor;
    let y3 = (points[rows.w + i] - centre) * factor;
    total += vec4f(dot(y0, y0), dot(y1, y1), dot(y2, y2), dot(y3, y3));
  }
  return total;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let group = linearWorkgroup(workgroup, workgroups);
  let point = uniforms.firstPoint + (group * WIDTH + local) * 4u;
  let indices = vec4u(point, point + 1u, point + 2u, point + 3u);
  partial[local] = vec2f(0.0);
  if (point < uniforms.endPoint) {
    let rows = (uniforms.firstRow + min(indices, vec4u(uniforms.pointCount - 1u))) * uniforms.vectors;
    let first = point / 4u;
    let step = uniforms.stride / 4u;
    var highest = vec4f(-3e38);
    var sum = vec4f(0.0);
    var label = vec4u(0u);
    for (var component = 0u; component < uniforms.componentCount; component++) {
      let value = logs[component] - 0.5 * squaredDistances(rows, component);
      responsibilities[component * step + first] = value;
      let higher = value > highest;
      let top = select(highest, value, higher);
      label = select(label, vec4u(component), higher);
      sum = sum * exp(highest - top) + exp(value - top);
      highest = top;
    }
    let share = 1.0 / sum;
    for (var component = 0u; component < uniforms.componentCount; component++) {
      let position = component * step + first;
      responsibilities[position] = exp(responsibilities[position] - highest) * share;
    }
    let score = highest + log(sum);
    let row = (uniforms.firstRow + point) / 4u;
    scores[row] = score;
    labels[row] = label;
    // Whole numbers add up exactly, and the rests lose little: a sum of the scores would lose the digits that say whether
    // the likelihood still rises.
    let counted = select(vec4f(0.0), vec4f(1.0), indices < vec4u(uniforms.pointCount));
    partial[local] = vec2f(dot(floor(score), counted), dot(score - floor(score), counted));
  }
  for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) { partial[local] += partial[local + half]; }
  }
  if (local == 0u) { sums[uniforms.firstSum + uniforms.firstPoint / (4u * WIDTH) + group] = partial[0]; }
}
