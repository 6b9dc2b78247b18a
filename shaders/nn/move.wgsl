// Copies what a strided view shows of a tensor: the element at given coordinates is
// source[offset + sum of coordinate * stride], over up to 8 axes, of which axis 0 is the innermost.
//
// source    32-bit elements; or bytes, where offset and strides count bytes and include the padding of rows
// goal      the same kind of elements, as rows of columnCount, each written from goalColumn on in a row of goalRowWords
//           words; rows of bytes are padded with zeros to whole words, and rows begin goalOffset words into the tensor
// Conditions: bytes, elements of 8 bits; deep, more than 4 axes; bordered, coordinates may lie beyond the source: then
//             the source has length<n> elements along an axis, of which the first stands at coordinate before<n>, and
//             what stands beyond is chosen by mode<n>: 0 fill, 1 the nearest, 2 the mirror image, 3 the other end;
//             partial, the rows of the goal are longer than what is written: of bytes the rest is kept.
// Dispatch: one invocation a 32-bit word of the goal that is written.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  count: u32,
  columnCount: u32,
  rowWords: u32,
  goalRowWords: u32,
  goalColumn: u32,
  goalOffset: u32,
  offset: i32,
  fill: u32,
  size0: u32, size1: u32, size2: u32, size3: u32, size4: u32, size5: u32, size6: u32, size7: u32,
  stride0: i32, stride1: i32, stride2: i32, stride3: i32, stride4: i32, stride5: i32, stride6: i32, stride7: i32,
  before0: i32, before1: i32, before2: i32, before3: i32, before4: i32, before5: i32, before6: i32, before7: i32,
  length0: i32, length1: i32, length2: i32, length3: i32, length4: i32, length5: i32, length6: i32, length7: i32,
  mode0: u32, mode1: u32, mode2: u32, mode3: u32, mode4: u32, mode5: u32, mode6: u32, mode7: u32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> goal: array<u32>;

// Where an element stands, as far as it is known after some axes.
struct Place { rest: u32, index: i32, outside: bool }

fn along(place: Place, size: u32, stride: i32, before: i32, length: i32, mode: u32) -> Place {
  let rest = place.rest / size;
  let coordinate = i32(place.rest - rest * size);
  @if(!bordered) return Place(rest, place.index + coordinate * stride, false);
  @if(bordered) {
    var inside = coordinate - before;
    var outside = place.outside;
    if (inside < 0 || inside >= length) {
      if (mode == 0u) {
        outside = true;
      } else if (mode == 1u) {
        inside = clamp(inside, 0, length - 1);
      } else if (mode == 2u) {
        let period = max(2 * (length - 1), 1);
        let folded = abs(inside) % period;
        inside = min(min(folded, period - folded), length - 1);
      } else {
        inside = ((inside % length) + length) % length;
      }
    }
    return Place(rest, place.index + inside * stride, outside);
  }
}

fn elementAt(element: u32) -> u32 {
  var place = Place(element, uniforms.offset, false);
  place = along(place, uniforms.size0, uniforms.stride0, uniforms.before0, uniforms.length0, uniforms.mode0);
  place = along(place, uniforms.size1, uniforms.stride1, uniforms.before1, uniforms.length1, uniforms.mode1);
  place = along(place, uniforms.size2, uniforms.stride2, uniforms.before2, uniforms.length2, uniforms.mode2);
  place = along(place, uniforms.size3, uniforms.stride3, uniforms.before3, uniforms.length3, uniforms.mode3);
  @if(deep) {
    place = along(place, uniforms.size4, uniforms.stride4, uniforms.before4, uniforms.length4, uniforms.mode4);
    place = along(place, uniforms.size5, uniforms.stride5, uniforms.before5, uniforms.length5, uniforms.mode5);
    place = along(place, uniforms.size6, uniforms.stride6, uniforms.before6, uniforms.length6, uniforms.mode6);
    place = along(place, uniforms.size7, uniforms.stride7, uniforms.before7, uniforms.length7, uniforms.mode7);
  }
  @if(bordered) {
    if (place.outside) { return uniforms.fill; }
  }
  let index = u32(place.index);
  @if(bytes) return extractBits(source[index / 4u], 8u * (index % 4u), 8u);
  @else return source[index];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let invocation = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (invocation >= uniforms.count) { return; }
  @if(!bytes) {
    @if(partial) let row = invocation / uniforms.columnCount;
    @if(partial) let at = uniforms.goalOffset + row * uniforms.goalRowWords + invocation % uniforms.columnCount;
    @else let at = invocation;
    goal[at] = elementAt(invocation);
  }
  @if(bytes) {
    let row = invocation / uniforms.rowWords;
    let word = uniforms.goalColumn / 4u + invocation % uniforms.rowWords;
    let at = row * uniforms.goalRowWords + word;
    var packed = 0u;
    @if(partial) packed = goal[at];
    for (var n = 0u; n < 4u; n++) {
      // Columns before the first wrap around to large numbers.
      let column = word * 4u + n - uniforms.goalColumn;
      if (column < uniforms.columnCount) {
        packed = insertBits(packed, elementAt(row * uniforms.columnCount + column), 8u * n, 8u);
      }
    }
    goal[at] = packed;
  }
}
