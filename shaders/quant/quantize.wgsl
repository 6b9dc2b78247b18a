// Floats to packed codes, one invocation for each 32-bit word of the output: no atomics; an element whose bits lie in two
// words is computed twice.
//
// x            float32, as bits; the window of it that is bound
// scales       float32 [parameters], as bits
// zeroPoints   int32 [parameters]
// codes        the window that is bound of `unitCount` units of `unitWords` words each, with `length` elements of BITS
//              bits from the lowest bit up and zeros after them. A unit is the whole tensor (layout flat), a row (rows)
//              or a column (columns); its element j is element start + j * elementStep of x, with
//              start = (unit / innerUnits) * outerUnitStep + (unit % innerUnits) * innerUnitStep.
// fault        the first element that is not finite
// Conditions: unitsFirst, neighbouring invocations take neighbouring units (columns), so that they read neighbouring
//             elements; uniformParameters, one parameter for the tensor; sign, one symmetric bit: 1 unless x < 0;
//             floor, rounding down; checked, looks for elements that are not finite; wide, codes are whole words.
// Constants: BITS, 1 to 8; 32 if wide.
// Dispatch: words firstWord to endWord, 64 a workgroup.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::infinityBits;
import package::shared::fault::faultWord;
import package::quant::exactQuantize::quantizeExactly;
import package::quant::parameterMap::{Coordinates, coordinatesOf, advance};
import constants::BITS;

struct Uniforms {
  unitCount: u32,
  unitWords: u32,
  length: u32,
  innerUnits: u32,
  outerUnitStep: u32,
  innerUnitStep: u32,
  elementStep: u32,
  axisLength: u32,
  innerCount: u32,
  groupSize: u32,
  outerParameterStep: u32,
  groupParameterStep: u32,
  innerParameterStep: u32,
  // elementStep as coordinates
  stepOuter: u32,
  stepAxis: u32,
  stepInner: u32,
  low: i32,
  high: i32,
  xStart: u32,
  xLength: u32,
  codesStart: u32,
  codesLength: u32,
  firstWord: u32,
  endWord: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
@group(0) @binding(5) var<storage, read_write> fault: atomic<u32>;

// Elements that can have bits in one word.
const touched = (31u + BITS - 1u) / BITS + 1u;
@if(wide) const mask = 0xffffffffu;
@if(!wide) const mask = (1u << BITS) - 1u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.firstWord + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.endWord) { return; }
  @if(unitsFirst) let unit = index % uniforms.unitCount;
  @if(unitsFirst) let word = index / uniforms.unitCount;
  @if(!unitsFirst) let unit = index / uniforms.unitWords;
  @if(!unitsFirst) let word = index % uniforms.unitWords;
  let place = unit * uniforms.unitWords + word - uniforms.codesStart;
  if (place >= uniforms.codesLength) { return; }

  // BITS words hold 32 elements: counting from there keeps bit offsets small.
  let firstBit = (word % BITS) * 32u;
  let firstElement = (word / BITS) * 32u + firstBit / BITS;
  let skipped = firstBit % BITS;
  let count = min(max(uniforms.length, firstElement) - firstElement, (31u + skipped) / BITS + 1u);
  let start = (unit / uniforms.innerUnits) * uniforms.outerUnitStep
    + (unit % uniforms.innerUnits) * uniforms.innerUnitStep + firstElement * uniforms.elementStep;
  // A word whose elements are not all bound is left to the dispatch with the next window.
  let offset = start - uniforms.xStart;
  if (count > 0u && (offset >= uniforms.xLength || offset + (count - 1u) * uniforms.elementStep >= uniforms.xLength)) {
    return;
  }

  @if(uniformParameters && !sign) let scale = scales[0];
  @if(uniformParameters && !sign) let zeroPoint = zeroPoints[0];
  @if(!uniformParameters && !sign) var at = coordinatesOf(start, uniforms.axisLength, uniforms.innerCount);
  var packed = 0u;
  for (var n = 0u; n < touched; n++) {
    if (n >= count) { break; }
    let bits = x[offset + n * uniforms.elementStep];
    @if(checked) {
      if ((bits & infinityBits) == infinityBits) { atomicMax(&fault, faultWord(start + n * uniforms.elementStep)); }
    }
    @if(sign) let code = select(1, 0, bits > 0x80000000u);
    @if(!uniformParameters && !sign) let parameter = at.outer * uniforms.outerParameterStep
      + (at.axis / uniforms.groupSize) * uniforms.groupParameterStep + at.inner * uniforms.innerParameterStep;
    @if(!uniformParameters && !sign) let scale = scales[parameter];
    @if(!uniformParameters && !sign) let zeroPoint = zeroPoints[parameter];
    @if(!uniformParameters && !sign) at = advance(
      at,
      Coordinates(uniforms.stepOuter, uniforms.stepAxis, uniforms.stepInner),
      uniforms.axisLength,
      uniforms.innerCount,
    );
    @if(!sign) let code = quantizeExactly(bits, scale, zeroPoint, uniforms.low, uniforms.high);
    let masked = bitcast<u32>(code) & mask;
    packed |= select(masked << (n * BITS - skipped), masked >> skipped, n == 0u);
  }
  codes[place] = packed;
}
