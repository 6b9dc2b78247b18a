// One operation on the elements of one, two or three operands, which are broadcast to the shape of the result as in NumPy.
//
// y, a, b, c   32-bit elements as bits, dense. Whole operands are read as vectors of 4 (condition `flat`): there each has
//              the shape of the result, or is a single element (step 0). Else the result is cut into rows along
//              its innermost axis after the host has merged axes (`innerLength` long, `rowQuads` = ⌈innerLength / 4⌉ groups of
//              4), and each operand steps by `aStep0` … within a row, `aStep1` … and so on along the axes outside of it.
// fault        with the condition `checked`: where the result of an integer operation is beyond 32 bits, or with `whole`
//              where an operand is no whole number
// Conditions: unary, binary or else three operands; float or unsigned or else integer, what the operands are; toInteger …,
// what a unary operation gives; deep, more than two axes outside of a row; and the operation.
// Uniforms: `alpha`, `beta`, `low`, `high` are the operation's own; `spare`, bits that an integer type has less than 32.
// Dispatch: one invocation for 4 elements, from `first` to `end`; with `flat`, `innerLength` is the number of elements.
import package::shared::dispatch::linearWorkgroup;
@if(checked) import package::shared::fault::faultWord;
@if(whole) import package::nn::elementwiseMath::isNan;
@if(unary) import package::nn::elementwiseUnary::{mapFloat, classify, mapInteger, mapUnsigned};
@if(binary) import package::nn::elementwiseBinary::{combineFloat, compareFloat, combineInteger, combineUnsigned, overflows};

struct Uniforms {
  first: u32, end: u32, innerLength: u32, rowQuads: u32,
  length1: u32, length2: u32, length3: u32, length4: u32, length5: u32, length6: u32,
  aStep0: u32, aStep1: u32, aStep2: u32, aStep3: u32, aStep4: u32, aStep5: u32, aStep6: u32, aStep7: u32,
  bStep0: u32, bStep1: u32, bStep2: u32, bStep3: u32, bStep4: u32, bStep5: u32, bStep6: u32, bStep7: u32,
  cStep0: u32, cStep1: u32, cStep2: u32, cStep3: u32, cStep4: u32, cStep5: u32, cStep6: u32, cStep7: u32,
  alpha: f32, beta: f32, low: i32, high: i32, spare: u32,
}
@if(flat) alias Word = vec4u;
@else alias Word = u32;
@if(float) alias Value = vec4f;
@elif(unsigned) alias Value = vec4u;
@else alias Value = vec4i;

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read_write> y: array<Word>;
@group(0) @binding(2) var<storage, read> a: array<Word>;
@if(!unary) @group(0) @binding(3) var<storage, read> b: array<Word>;
@if(!unary && !binary) @group(0) @binding(4) var<storage, read> c: array<Word>;
@if(checked && unary) @group(0) @binding(3) var<storage, read_write> fault: atomic<u32>;
@if(checked && binary) @group(0) @binding(4) var<storage, read_write> fault: atomic<u32>;

// Where a row begins in each of the operands.
@if(!flat)
fn rowStart(row: u32) -> vec3u {
  var rest = row;
  var start = (rest % uniforms.length1) * vec3u(uniforms.aStep1, uniforms.bStep1, uniforms.cStep1);
  rest /= uniforms.length1;
  @if(deep) {
    start += (rest % uniforms.length2) * vec3u(uniforms.aStep2, uniforms.bStep2, uniforms.cStep2);
    rest /= uniforms.length2;
    start += (rest % uniforms.length3) * vec3u(uniforms.aStep3, uniforms.bStep3, uniforms.cStep3);
    rest /= uniforms.length3;
    start += (rest % uniforms.length4) * vec3u(uniforms.aStep4, uniforms.bStep4, uniforms.cStep4);
    rest /= uniforms.length4;
    start += (rest % uniforms.length5) * vec3u(uniforms.aStep5, uniforms.bStep5, uniforms.cStep5);
    rest /= uniforms.length5;
    start += (rest % uniforms.length6) * vec3u(uniforms.aStep6, uniforms.bStep6, uniforms.cStep6);
    rest /= uniforms.length6;
    return start + rest * vec3u(uniforms.aStep7, uniforms.bStep7, uniforms.cStep7);
  }
  @else return start + rest * vec3u(uniforms.aStep2, uniforms.bStep2, uniforms.cStep2);
}

@if(unary)
fn operate(x: vec4u) -> vec4u {
  let value = bitcast<Value>(x);
  @if(float && (nan || infinite || toBool || toInteger || toUnsigned)) {
    return bitcast<vec4u>(classify(value, uniforms.alpha, uniforms.beta, uniforms.low, uniforms.high));
  }
  @elif(float) return bitcast<vec4u>(mapFloat(value, uniforms.alpha, uniforms.beta));
  @elif(toFloat) return bitcast<vec4u>(vec4f(value));
  @elif(unsigned) return narrowed(mapUnsigned(value, uniforms.low, uniforms.high));
  @else return narrowed(mapInteger(value, uniforms.low, uniforms.high));
}

@if(binary)
fn operate(x: vec4u, z: vec4u) -> vec4u {
  let left = bitcast<Value>(x);
  let right = bitcast<Value>(z);
  @if(float && (equal || less || lessOrEqual)) return bitcast<vec4u>(compareFloat(left, right));
  @elif(float) return bitcast<vec4u>(combineFloat(left, right));
  @elif(unsigned) return narrowed(combineUnsigned(left, right));
  @else return narrowed(combineInteger(left, right));
}

@if(!unary && !binary)
fn operate(x: vec4u, z: vec4u, w: vec4u) -> vec4u {
  @if(where) return select(w, z, x != vec4u(0u));
  @if(affine) return bitcast<vec4u>(bitcast<vec4f>(x) * bitcast<vec4f>(z) + bitcast<vec4f>(w));
}

// Wraps an integer around in its own type.
@if(!float)
fn narrowed(x: Value) -> vec4u {
  return bitcast<vec4u>((x << vec4u(uniforms.spare)) >> vec4u(uniforms.spare));
}

// Elements whose true result is not the 32-bit one that was computed.
@if(checked && binary)
fn beyond(x: vec4u, z: vec4u, result: vec4u) -> vec4<bool> {
  let wrong = overflows(bitcast<vec4i>(x), bitcast<vec4i>(z), bitcast<vec4i>(result));
  return wrong | (bitcast<vec4i>(result) < vec4i(uniforms.low));
}
@if(checked && unary)
fn beyond(x: vec4u, result: vec4u) -> vec4<bool> {
  @if(whole) return (abs(bitcast<vec4f>(x)) > vec4f(2147483520.0)) | (trunc(bitcast<vec4f>(x)) != bitcast<vec4f>(x)) | isNan(bitcast<vec4f>(x));
  @elif(float) return (bitcast<vec4f>(x) >= vec4f(2147483648.0)) | (trunc(bitcast<vec4f>(x)) < vec4f(f32(uniforms.low)));
  @elif(neg || abs) return x == vec4u(0x80000000u);
  @else return bitcast<vec4i>(result) < vec4i(uniforms.low);
}

@if(checked)
fn report(wrong: vec4<bool>, start: u32, count: u32) {
  let found = wrong & (vec4u(0u, 1u, 2u, 3u) < vec4u(count));
  if (any(found)) {
    let place = select(select(select(3u, 2u, found.z), 1u, found.y), 0u, found.x);
    atomicMax(&fault, faultWord(start + place));
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let quad = uniforms.first + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (quad >= uniforms.end) { return; }
  @if(flat) {
    let goal = quad * 4u;
    let left = uniforms.innerLength - goal;
    let aFound = a[quad * uniforms.aStep0];
    let aWords = select(aFound, aFound.xxxx, uniforms.aStep0 == 0u);
    @if(!unary) let bFound = b[quad * uniforms.bStep0];
    @if(!unary) let bWords = select(bFound, bFound.xxxx, uniforms.bStep0 == 0u);
    @if(!unary && !binary) let cFound = c[quad * uniforms.cStep0];
    @if(!unary && !binary) let cWords = select(cFound, cFound.xxxx, uniforms.cStep0 == 0u);
    @if(unary) let result = operate(aWords);
    @if(binary) let result = operate(aWords, bWords);
    @if(!unary && !binary) let result = operate(aWords, bWords, cWords);
    @if(checked && unary) report(beyond(aWords, result), goal, left);
    @if(checked && binary) report(beyond(aWords, bWords, result), goal, left);
    y[quad] = result;
  }
  @else {
    let row = quad / uniforms.rowQuads;
    let column = (quad % uniforms.rowQuads) * 4u;
    let goal = row * uniforms.innerLength + column;
    let left = uniforms.innerLength - column;
    let steps = vec3u(uniforms.aStep0, uniforms.bStep0, uniforms.cStep0);
    let start = rowStart(row) + column * steps;
    let next = start + steps;
    let third = next + steps;
    let last = third + steps;
    let aWords = vec4u(a[start.x], a[next.x], a[third.x], a[last.x]);
    let bWords = vec4u(b[start.y], b[next.y], b[third.y], b[last.y]);
    @if(binary) let result = operate(aWords, bWords);
    @else let cWords = vec4u(c[start.z], c[next.z], c[third.z], c[last.z]);
    @if(!binary) let result = operate(aWords, bWords, cWords);
    @if(checked && binary) report(beyond(aWords, bWords, result), goal, left);
    y[goal] = result.x;
    if (left > 1u) { y[goal + 1u] = result.y; }
    if (left > 2u) { y[goal + 2u] = result.z; }
    if (left > 3u) { y[goal + 3u] = result.w; }
  }
}
