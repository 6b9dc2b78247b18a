// Weighted moments of a window of points about one centre for each component of a Gaussian mixture.
//
// points   [rows][vectors] vec4f, columns padded with zeros     responsibilities [components][stride] of the window
// centres  [components][meanVectors] vec4f, with -1 after the last column, so that z = (x - centre, 1, 0 …)
// partials [segments * lanes][components][blocks] of four vec4f (full) or two
//
// Conditions: full (blocks are the 4x4 blocks of the sum of r z z^T up to the diagonal, row by row, each as its columns;
// without it block i holds the sums of r z and of r z^2 of four columns).
// A workgroup has one segment of the window and `span` blocks of a component; each block is shared by `lanes` threads,
// which take points in turns. Dispatch: the workgroups firstWorkgroup … of components * segments * groups.
import package::shared::dispatch::linearWorkgroup;
import constants::WIDTH;

struct Uniforms {
  firstRow: u32,
  pointCount: u32,
  stride: u32,
  segmentRows: u32,
  segments: u32,
  groups: u32,
  span: u32,
  lanes: u32,
  blocks: u32,
  componentCount: u32,
  vectors: u32,
  meanVectors: u32,
  firstWorkgroup: u32,
  endWorkgroup: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;
@group(0) @binding(2) var<storage, read> centres: array<vec4f>;
@group(0) @binding(3) var<storage, read> responsibilities: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;

// Four columns of a row; none are stored beyond the last.
fn columns(row: u32, vector: u32) -> vec4f {
  if (vector >= uniforms.vectors) { return vec4f(0.0); }
  return points[row * uniforms.vectors + vector];
}

@if(full)
fn blockRow(block: u32) -> u32 {
  var row = u32((sqrt(8.0 * f32(block) + 1.0) - 1.0) * 0.5);
  if (row * (row + 1u) / 2u > block) { row--; }
  if ((row + 1u) * (row + 2u) / 2u <= block) { row++; }
  return row;
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.firstWorkgroup + linearWorkgroup(workgroup, workgroups);
  let lane = local / uniforms.span;
  let block = (index % uniforms.groups) * uniforms.span + local % uniforms.span;
  if (index >= uniforms.endWorkgroup || lane >= uniforms.lanes || block >= uniforms.blocks) { return; }
  let segment = index / uniforms.groups % uniforms.segments;
  let component = index / (uniforms.groups * uniforms.segments);
  let end = min((segment + 1u) * uniforms.segmentRows, uniforms.pointCount);
  @if(full) let i = blockRow(block);
  @if(full) let j = block - i * (i + 1u) / 2u;
  @if(full) let centreJ = centres[component * uniforms.meanVectors + j];
  @if(!full) let i = block;
  let centreI = centres[component * uniforms.meanVectors + i];
  var sum0 = vec4f(0.0);
  var sum1 = vec4f(0.0);
  @if(full) var sum2 = vec4f(0.0);
  @if(full) var sum3 = vec4f(0.0);
  for (var point = segment * uniforms.segmentRows + lane; point < end; point += uniforms.lanes) {
    let weight = responsibilities[component * uniforms.stride + point];
    if (weight == 0.0) { continue; }
    let row = uniforms.firstRow + point;
    let z = columns(row, i) - centreI;
    let weighted = weight * z;
    @if(full) {
      let other = columns(row, j) - centreJ;
      sum0 += weighted * other.x;
      sum1 += weighted * other.y;
      sum2 += weighted * other.z;
      sum3 += weighted * other.w;
    }
    @if(!full) {
      sum0 += weighted;
      sum1 += weighted * z;
    }
  }
  let share = segment * uniforms.lanes + lane;
  @if(full) let position = ((share * uniforms.componentCount + component) * uniforms.blocks + block) * 4u;
  @if(!full) let position = ((share * uniforms.componentCount + component) * uniforms.blocks + block) * 2u;
  partials[position] = sum0;
  partials[position + 1u] = sum1;
  @if(full) partials[position + 2u] = sum2;
  @if(full) partials[position + 3u] = sum3;
}
