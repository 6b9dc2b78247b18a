// Brings points into their frame: (x - centre) * 2^frameExponent, exactly, then rounded to the nearest float. In integers,
// so that every adapter gets the same bits.
//
// x [rows][columns] f32, all below 2^rangeExponent in magnitude like the centres; centres [columns] as 64-bit
// multiples of 2^(rangeExponent - 60); points [rows][rowFloats] f32, columns beyond the last are set to 0.
// Dispatch: one thread a float of `points`, for the rows firstRow … endRow.
import package::shared::dispatch::linearWorkgroup;
import package::shared::wide::sub64;
import package::cluster::exact::fixedPoint;
import package::cluster::exact::floatOf;
import package::cluster::exact::magnitude64;
import constants::WIDTH;

struct Uniforms {
  firstRow: u32,
  endRow: u32,
  columnCount: u32,
  rowFloats: u32,
  rangeExponent: i32,
  frameExponent: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> centres: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> points: array<f32>;

// Bits after the point of a coordinate, once it is below 1.
const FRACTION = 60;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.firstRow * uniforms.rowFloats + linearWorkgroup(workgroup, workgroups) * WIDTH + local;
  let row = index / uniforms.rowFloats;
  let column = index % uniforms.rowFloats;
  if (row >= uniforms.endRow) { return; }
  if (column >= uniforms.columnCount) {
    points[index] = 0.0;
    return;
  }
  let fraction = FRACTION - uniforms.rangeExponent;
  let value = fixedPoint(x[row * uniforms.columnCount + column], fraction);
  let difference = sub64(value, centres[column]);
  let negative = (difference.y >> 31u) == 1u;
  points[index] = floatOf(magnitude64(difference), uniforms.frameExponent - fraction, false, negative);
}
