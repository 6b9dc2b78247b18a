// Signed 8-bit codes of points or centroids, and how far they are off: x = scale * code + error.
//
// rows [rows][rowVectors] vec4f, padded with zeros; they get `vectors` times 16 codes, four to a word.
// Points: codes [rows / 64][vectors][64] vec4u, so that neighbouring threads read neighbouring vectors; terms [rows] of
// two words, a bound above the norm of the row's error (f32) and the sum of its squared codes (u32).
// Condition centroids: codes [rows / 4][words][4] u32, terms as in cluster/codes, zero before; `rowCount` is a multiple of
// four, of which those from clusterCount on get zeros and an offset above every score.
// Dispatch: one thread a row.
import package::shared::dispatch::linearWorkgroup;
import package::cluster::control::LARGEST_COORDINATE;
import package::cluster::codes::{FAR, LARGEST_ERROR, LARGEST_SQUARES, OFFSETS, centroidScale};
import constants::WIDTH;

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  rowVectors: u32,
  vectors: u32,
  clusterCount: u32,
  // Of the points.
  scale: f32,
  // The norm of an error is at most its f32 value times `factor`, plus `slack`.
  factor: f32,
  slack: f32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> rows: array<vec4f>;
@group(0) @binding(2) var<storage, read> control: array<u32>;
@if(centroids) @group(0) @binding(3) var<storage, read_write> codes: array<u32>;
@if(centroids) @group(0) @binding(4) var<storage, read_write> terms: array<atomic<u32>>;
@if(!centroids) @group(0) @binding(3) var<storage, read_write> codes: array<vec4u>;
@if(!centroids) @group(0) @binding(4) var<storage, read_write> terms: array<vec2u>;

// The codes of four coordinates as a word, lowest byte first, and the error and the codes squared and summed.
struct Quantized { word: u32, error: f32, squares: u32 }

fn quantized(row: u32, vector: u32, scale: f32) -> Quantized {
  if (vector >= uniforms.rowVectors) { return Quantized(0u, 0.0, 0u); }
  let coordinates = rows[row * uniforms.rowVectors + vector];
  let code = clamp(round(coordinates / scale), vec4f(-127.0), vec4f(127.0));
  let error = coordinates - code * scale;
  let bytes = vec4u(vec4i(code)) & vec4u(0xffu);
  let word = bytes.x + bytes.y * 0x100u + bytes.z * 0x10000u + bytes.w * 0x1000000u;
  return Quantized(word, dot(error, error), u32(dot(code, code)));
}

@if(centroids)
fn storeCodes(row: u32, vector: u32, words: vec4u) {
  let first = (row / 4u * uniforms.vectors + vector) * 16u + row % 4u;
  codes[first] = words.x;
  codes[first + 4u] = words.y;
  codes[first + 8u] = words.z;
  codes[first + 12u] = words.w;
}
@else
fn storeCodes(row: u32, vector: u32, words: vec4u) {
  codes[(row / 64u * uniforms.vectors + vector) * 64u + row % 64u] = words;
}

@if(centroids)
fn storeTerms(row: u32, error: f32, squares: u32, scale: f32) {
  let offset = i32(round(f32(squares) * (0.5 * scale / uniforms.scale)));
  atomicStore(&terms[OFFSETS + row], bitcast<u32>(select(FAR, offset, row < uniforms.clusterCount)));
  atomicMax(&terms[LARGEST_ERROR], bitcast<u32>(error));
  atomicMax(&terms[LARGEST_SQUARES], squares);
}
@else
fn storeTerms(row: u32, error: f32, squares: u32, scale: f32) {
  terms[row] = vec2u(bitcast<u32>(error), squares);
}

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  if (row >= uniforms.endRow) { return; }
  @if(centroids) let scale = centroidScale(bitcast<f32>(control[LARGEST_COORDINATE]), uniforms.scale);
  @else let scale = uniforms.scale;
  var error = 0.0;
  var squares = 0u;
  for (var v = 0u; v < 0x7fffffffu; v++) {
    if (v >= uniforms.vectors) { break; }
    let x = quantized(row, 4u * v, scale);
    let y = quantized(row, 4u * v + 1u, scale);
    let z = quantized(row, 4u * v + 2u, scale);
    let w = quantized(row, 4u * v + 3u, scale);
    storeCodes(row, v, vec4u(x.word, y.word, z.word, w.word));
    error += (x.error + y.error) + (z.error + w.error);
    squares += x.squares + y.squares + z.squares + w.squares;
  }
  storeTerms(row, sqrt(error) * uniforms.factor + uniforms.slack, squares, scale);
}
