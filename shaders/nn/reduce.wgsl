import package::shared::dispatch::linearWorkgroup;
import package::shared::exactFloat::{bitsFromOrdered, orderedFromBits};
import package::shared::fault::faultWord;
import constants::LANES;

// Reduces some axes of a tensor. The elements of an output are shared out among `segmentCount` slots, and those of a slot
// among LANES invocations, interleaved; the results of slots are reduced once more, by another dispatch.
//
// x        32-bit elements. Output o begins at the sum of coordinate · step over its kept axes, and its element r lies
//          further by the same sum over the reduced axes (axis 3 innermost; the outermost has no length: it takes the rest)
// shift    one element an output, where `shifted` or `finish` is 4
// y        [segmentCount][outputCount]
// fault    the first output whose sum or product leaves the range of i32, on the way or at the end, where `checked`
// Conditions: float or unsigned, the element type (i32 without); product or extremum, how to combine (a sum without);
//   minimum, the least in place of the greatest; square, absolute or shifted (the exponential of x - shift), what is done
//   to an element before; nested, more than one reduced axis; cooperative, LANES > 1;
//   checked, i32 only.
// Constants: LANES, 1 or 64.
// Dispatch: 64 / LANES slots a workgroup.

struct Uniforms {
  outputCount: u32,
  segmentCount: u32,
  length: u32,
  keptLength1: u32,
  keptLength2: u32,
  keptLength3: u32,
  keptStep0: u32,
  keptStep1: u32,
  keptStep2: u32,
  keptStep3: u32,
  reducedLength1: u32,
  reducedLength2: u32,
  reducedLength3: u32,
  reducedStep0: u32,
  reducedStep1: u32,
  reducedStep2: u32,
  reducedStep3: u32,
  // What is done to the result: 0 nothing, 1 division by `divisor`, 2 square root, 3 logarithm, 4 logarithm and + shift.
  finish: u32,
  divisor: u32,
  minusInfinity: f32,
  firstSlot: u32,
  endSlot: u32,
}

@if(float) alias Element = f32;
@elif(unsigned) alias Element = u32;
@else alias Element = i32;

// Extrema are found among unsigned integers in the order of the elements, NaN above all: exact on every adapter.
@if(extremum) alias Accumulator = u32;
@else alias Accumulator = Element;

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read> shift: array<Element>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@if(checked) @group(0) @binding(4) var<storage, read_write> fault: atomic<u32>;

const width = 64u;
const notANumber = 0xffffffffu;

@if(cooperative) var<workgroup> merged: array<Accumulator, width>;

@if(checked) var<private> overflowed = false;

@if(checked)
fn checkedSum(a: i32, b: i32) -> i32 {
  let sum = a + b;
  overflowed |= ((a ^ sum) & (b ^ sum)) < 0;
  return sum;
}

@if(checked)
fn checkedProduct(a: i32, b: i32) -> i32 {
  let product = a * b;
  // -1 · -2^31 wraps around to what divides back.
  overflowed |= b != 0 && (product / b != a || (b == -1 && a != 0 && product == a));
  return product;
}

fn identity() -> Accumulator {
  @if(extremum && float) return orderedFromBits(0xff800000u);
  @elif(extremum) return 0u;
  @elif(product) return Accumulator(1);
  @else return Accumulator(0);
}

fn combine(a: Accumulator, b: Accumulator) -> Accumulator {
  @if(extremum) return max(a, b);
  @elif(checked && product) return checkedProduct(a, b);
  @elif(checked) return checkedSum(a, b);
  @elif(product) return a * b;
  @else return a + b;
}

@if(extremum)
fn accumulated(value: Element) -> u32 {
  var bits = bitcast<u32>(value);
  @if(float) {
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
      return notANumber;
    }
    @if(minimum) bits ^= 0x80000000u;
    return orderedFromBits(bits);
  }
  @if(!float) {
    @if(!unsigned) bits ^= 0x80000000u;
    @if(minimum) bits = ~bits;
    return bits;
  }
}

@if(!extremum)
fn accumulated(value: Element) -> Element {
  @if(square && checked) return checkedProduct(value, value);
  @elif(square) return value * value;
  @elif(absolute && checked) return checkedSum(select(value, -1 - value, value < 0), select(0, 1, value < 0));
  @elif(absolute && !unsigned) return abs(value);
  @else return value;
}

@if(extremum)
fn finished(result: u32, output: u32) -> Element {
  var bits = result;
  @if(float) {
    if (result != notANumber) {
      bits = bitsFromOrdered(result);
      @if(minimum) bits ^= 0x80000000u;
    }
  }
  @if(!float) {
    @if(minimum) bits = ~bits;
    @if(!unsigned) bits ^= 0x80000000u;
  }
  return bitcast<Element>(bits);
}

@if(!extremum && !float)
fn finished(result: Element, output: u32) -> Element {
  if (uniforms.finish == 1u) {
    return result / Element(uniforms.divisor);
  }
  return result;
}

@if(!extremum && float)
fn finished(result: f32, output: u32) -> f32 {
  switch uniforms.finish {
    case 1u: {
      return result / f32(uniforms.divisor);
    }
    case 2u: {
      return sqrt(result);
    }
    case 3u, 4u: {
      // The logarithm of 0 is not what WGSL promises.
      let logarithm = select(log(result), uniforms.minusInfinity, result == 0.0);
      if (uniforms.finish == 4u) {
        return logarithm + finiteShift(output);
      }
      return logarithm;
    }
    default: {
      return result;
    }
  }
}

// Where all elements are -inf the exponentials are taken of them as they are.
@if(!extremum && float)
fn finiteShift(output: u32) -> f32 {
  let value = shift[output];
  return select(value, 0.0, (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u);
}

fn startOf(output: u32) -> u32 {
  var rest = output;
  var start = rest % uniforms.keptLength3 * uniforms.keptStep3;
  rest /= uniforms.keptLength3;
  start += rest % uniforms.keptLength2 * uniforms.keptStep2;
  rest /= uniforms.keptLength2;
  return start + rest % uniforms.keptLength1 * uniforms.keptStep1 + rest / uniforms.keptLength1 * uniforms.keptStep0;
}

fn offsetOf(r: u32) -> u32 {
  @if(!nested) return r * uniforms.reducedStep3;
  @if(nested) {
    var rest = r;
    var offset = rest % uniforms.reducedLength3 * uniforms.reducedStep3;
    rest /= uniforms.reducedLength3;
    offset += rest % uniforms.reducedLength2 * uniforms.reducedStep2;
    rest /= uniforms.reducedLength2;
    return offset + rest % uniforms.reducedLength1 * uniforms.reducedStep1
      + rest / uniforms.reducedLength1 * uniforms.reducedStep0;
  }
}

@compute @workgroup_size(width)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let slot = uniforms.firstSlot + linearWorkgroup(workgroup, workgroups) * (width / LANES) + local / LANES;
  let inside = slot < uniforms.endSlot;
  let output = slot % uniforms.outputCount;
  let first = slot / uniforms.outputCount * LANES + local % LANES;
  let stride = uniforms.segmentCount * LANES;
  let length = select(0u, uniforms.length, inside);
  let start = startOf(output);
  var result = identity();
  for (var step = 0u; step < 0x7fffffffu; step++) {
    let r = first + step * stride;
    if (r >= length) {
      break;
    }
    let value = x[start + offsetOf(r)];
    @if(shifted) result = combine(result, exp(value - finiteShift(output)));
    @else result = combine(result, accumulated(value));
  }
  @if(cooperative) {
    merged[local] = result;
    for (var half = width / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (local < half) {
        merged[local] = combine(merged[local], merged[local + half]);
      }
    }
    result = merged[0];
  }
  @if(checked) {
    if (overflowed && inside) {
      atomicMax(&fault, faultWord(output));
    }
  }
  if (inside && local % LANES == 0u) {
    y[slot] = finished(result, output);
  }
}
