// How the elements of a tensor are shared out among the outputs of a reduction, one output for each quantization
// parameter. Output o starts at element
//   (o / innerCount / groupCount) * outerStep + (o / innerCount % groupCount) * groupStep + o % innerCount * innerStep
// and goes on in runs: its element r is (r / runLength) * runStep + (r % runLength) * elementStep further. It has
// `length` elements; the last group on an axis may be shorter.
//
// LANES invocations share a slot; the slots of one output, `segmentCount` of them, are interleaved, so that
// neighbouring invocations read neighbouring elements both where an output's elements are contiguous (several lanes) and
// where the outputs are (one lane).
struct Reduction {
  outputCount: u32,
  segmentCount: u32,
  groupCount: u32,
  innerCount: u32,
  outerStep: u32,
  groupStep: u32,
  innerStep: u32,
  length: u32,
  // Elements of an output's axis in all, so that its last group ends in time.
  axisLength: u32,
  runLength: u32,
  runStep: u32,
  elementStep: u32,
  // The elements that are bound: those outside of the window are left to another dispatch.
  windowStart: u32,
  windowLength: u32,
  // The slots of this dispatch.
  firstSlot: u32,
  endSlot: u32,
}

// What one invocation reads: elements first, first + stride, ... below `length` of the output.
struct Share { output: u32, start: u32, first: u32, stride: u32, length: u32 }

fn lengthOf(reduction: Reduction, output: u32) -> u32 {
  let group = (output / reduction.innerCount) % reduction.groupCount;
  return min(reduction.length, reduction.axisLength - group * reduction.length);
}

fn shareOf(reduction: Reduction, slot: u32, lane: u32, lanes: u32) -> Share {
  let output = slot % reduction.outputCount;
  let segment = slot / reduction.outputCount;
  let rest = output / reduction.innerCount;
  let group = rest % reduction.groupCount;
  let start = (rest / reduction.groupCount) * reduction.outerStep + group * reduction.groupStep
    + (output % reduction.innerCount) * reduction.innerStep;
  let length = lengthOf(reduction, output);
  let first = segment * lanes + lane;
  return Share(output, start, first, reduction.segmentCount * lanes, select(0u, length, slot < reduction.endSlot));
}

// The place of an output's element r in the tensor.
fn elementOf(reduction: Reduction, start: u32, r: u32) -> u32 {
  @if(nested) return start + (r / reduction.runLength) * reduction.runStep + (r % reduction.runLength) * reduction.elementStep;
  @else return start + r * reduction.elementStep;
}
