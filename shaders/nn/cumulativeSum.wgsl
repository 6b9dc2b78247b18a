import package::shared::dispatch::linearWorkgroup;
import package::shared::fault::faultWord;

// Running sums along an axis.
//
// x, y     [outer][length][inner], float32 or int32
// fault    the first row that has a sum beyond i32, where `checked`
// Conditions: float; checked, i32 only.
// Dispatch: one invocation a row (of one outer and one inner index), from row `firstRow` on.

struct Uniforms {
  length: u32,
  inner: u32,
  firstRow: u32,
  endRow: u32,
  // 1 where an element is not part of its own sum.
  exclusive: u32,
  // 1 where the sums run from the end.
  reverse: u32,
}

@if(float) alias Element = f32;
@else alias Element = i32;

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@if(checked) @group(0) @binding(3) var<storage, read_write> fault: atomic<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = uniforms.firstRow + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (row >= uniforms.endRow) {
    return;
  }
  let start = row / uniforms.inner * (uniforms.length * uniforms.inner) + row % uniforms.inner;
  var sum = Element();
  @if(checked) var overflowed = false;
  for (var step = 0u; step < 0x7fffffffu; step++) {
    if (step >= uniforms.length) {
      break;
    }
    let place = start + select(step, uniforms.length - 1u - step, uniforms.reverse == 1u) * uniforms.inner;
    let value = x[place];
    let next = sum + value;
    y[place] = select(next, sum, uniforms.exclusive == 1u);
    @if(checked) overflowed |= ((sum ^ next) & (value ^ next)) < 0;
    sum = next;
  }
  @if(checked) {
    if (overflowed) {
      atomicMax(&fault, faultWord(row));
    }
  }
}
