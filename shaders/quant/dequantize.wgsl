// Packed codes to floats: fround(fround(code - zeroPoint) * scale), exact on every adapter.
//
// codes        as quant/quantize writes them; the window of them that is bound
// scales       float32 [parameters], as bits
// zeroPoints   int32 [parameters]
// y            float32, as bits; the window of it that is bound. Element e belongs to unit
//              e / (length * elementStep) * elementStep + e % elementStep as its element e / elementStep % length, where
//              elementStep is 1 in layouts flat and rows.
// Conditions: uniformParameters, one parameter for the tensor; signed, codes are in two's complement;
//             sign, one symmetric bit: 1 for scale, 0 for -scale; wide, for int32; single, there is one unit (flat);
//             fractional, zero points are floats, as bits, and the result is rounded as the adapter does.
// Constants: BITS, 1 to 8, or 32 for plain int32.
// Dispatch: elements firstElement to endElement, one an invocation.
import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{scaleInteger, scaleSmallInteger};
import package::quant::parameterMap::coordinatesOf;
import constants::BITS;

struct Uniforms {
  unitWords: u32,
  length: u32,
  elementStep: u32,
  axisLength: u32,
  innerCount: u32,
  groupSize: u32,
  outerParameterStep: u32,
  groupParameterStep: u32,
  innerParameterStep: u32,
  codesStart: u32,
  codesLength: u32,
  yStart: u32,
  firstElement: u32,
  endElement: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = uniforms.firstElement + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.endElement) { return; }
  @if(single) let unit = 0u;
  @if(single) let j = element;
  @if(!single) let rest = element / uniforms.elementStep;
  @if(!single) let outer = rest / uniforms.length;
  @if(!single) let unit = outer * uniforms.elementStep + (element - rest * uniforms.elementStep);
  @if(!single) let j = rest - outer * uniforms.length;

  // BITS words hold 32 elements: counting from there keeps bit offsets small.
  let bit = (j % 32u) * BITS;
  let word = unit * uniforms.unitWords + (j / 32u) * BITS + bit / 32u - uniforms.codesStart;
  let shift = bit % 32u;
  let straddles = shift + BITS > 32u;
  // A code that is not bound as a whole is left to the dispatch with the next window.
  if (word >= uniforms.codesLength || (straddles && word + 1u >= uniforms.codesLength)) { return; }
  var raw = codes[word] >> shift;
  if (straddles) { raw |= codes[word + 1u] << (32u - shift); }
  @if(signed) let code = extractBits(bitcast<i32>(raw), 0u, BITS);
  @else let code = i32(extractBits(raw, 0u, BITS));

  @if(uniformParameters) let parameter = 0u;
  @if(!uniformParameters) let at = coordinatesOf(element, uniforms.axisLength, uniforms.innerCount);
  @if(!uniformParameters) let parameter = at.outer * uniforms.outerParameterStep
    + (at.axis / uniforms.groupSize) * uniforms.groupParameterStep + at.inner * uniforms.innerParameterStep;
  @if(sign) y[element - uniforms.yStart] = scales[parameter] | select(0x80000000u, 0u, (code & 1) == 1);
  @elif(fractional) y[element - uniforms.yStart] =
    bitcast<u32>((f32(code) - bitcast<f32>(zeroPoints[parameter])) * bitcast<f32>(scales[parameter]));
  @elif(wide) y[element - uniforms.yStart] = scaleInteger(code - zeroPoints[parameter], scales[parameter]);
  @else y[element - uniforms.yStart] = scaleSmallInteger(code - zeroPoints[parameter], scales[parameter]);
}
