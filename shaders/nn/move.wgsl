// Copies what a strided view shows of a tensor: the element at given coordinates is
// source[offset + sum of coordinate * stride], over up to 8 axes, of which axis 0 is the innermost.
//
// source    32-bit elements; or bytes, where offset and strides count bytes and include the padding of rows
// goal      the same kind of elements. 32-bit ones as rows along axis 0, written to rows of goalRowWords from goalColumn on;
//           bytes as rows of columnCount, written to rows of goalRowWords words, of which rowWords are touched, from
//           byte goalColumn on, and padded with zeros to whole words
// Conditions: bytes, elements of 8 bits; shallow, at most 2 axes; deep, more than 4; bordered, coordinates may lie beyond
//             the source: then the source has length<n> elements along an axis, of which the first stands at coordinate
//             before<n>, and what stands beyond is chosen by mode<n>: 0 fill, 1 the nearest, 2 the mirror image, 3 the
//             other end; byRow, rows of bytes are those of axis 0; partial, there are bytes in their rows to keep.
// Constants: GROUP, consecutive elements along axis 0 that an invocation copies where they are 32-bit ones.
// Dispatch: one invocation a group, or a 32-bit word of bytes, of the goal.
import package::shared::dispatch::linearWorkgroup;
import constants::GROUP;

struct Uniforms {
  count: u32,
  columnCount: u32,
  rowWords: u32,
  goalRowWords: u32,
  goalColumn: u32,
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

// Where elements stand: the index in the source as far as it is known, and whether that is beyond a border.
struct Place { index: i32, outside: bool }

fn along(place: Place, coordinate: i32, stride: i32, before: i32, length: i32, mode: u32) -> Place {
  @if(!bordered) return Place(place.index + coordinate * stride, false);
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
    return Place(place.index + inside * stride, outside);
  }
}

// The place of the first element of a row along axis 0.
fn rowPlace(row: u32) -> Place {
  var place = Place(uniforms.offset, false);
  var rest = row;
  @if(!shallow) {
    var next = rest / uniforms.size1;
    let coordinate1 = i32(rest - next * uniforms.size1);
    place = along(place, coordinate1, uniforms.stride1, uniforms.before1, uniforms.length1, uniforms.mode1);
    rest = next;
    next = rest / uniforms.size2;
    let coordinate2 = i32(rest - next * uniforms.size2);
    place = along(place, coordinate2, uniforms.stride2, uniforms.before2, uniforms.length2, uniforms.mode2);
    rest = next;
    @if(deep) {
      next = rest / uniforms.size3;
      let coordinate3 = i32(rest - next * uniforms.size3);
      place = along(place, coordinate3, uniforms.stride3, uniforms.before3, uniforms.length3, uniforms.mode3);
      rest = next;
      next = rest / uniforms.size4;
      let coordinate4 = i32(rest - next * uniforms.size4);
      place = along(place, coordinate4, uniforms.stride4, uniforms.before4, uniforms.length4, uniforms.mode4);
      rest = next;
      next = rest / uniforms.size5;
      let coordinate5 = i32(rest - next * uniforms.size5);
      place = along(place, coordinate5, uniforms.stride5, uniforms.before5, uniforms.length5, uniforms.mode5);
      rest = next;
      next = rest / uniforms.size6;
      let coordinate6 = i32(rest - next * uniforms.size6);
      place = along(place, coordinate6, uniforms.stride6, uniforms.before6, uniforms.length6, uniforms.mode6);
      rest = next;
      return along(place, i32(rest), uniforms.stride7, uniforms.before7, uniforms.length7, uniforms.mode7);
    }
    @if(!deep) return along(place, i32(rest), uniforms.stride3, uniforms.before3, uniforms.length3, uniforms.mode3);
  }
  @if(shallow) return along(place, i32(rest), uniforms.stride1, uniforms.before1, uniforms.length1, uniforms.mode1);
}

// The element of a row at a coordinate of axis 0.
fn elementAt(row: Place, coordinate: u32) -> u32 {
  let place = along(row, i32(coordinate), uniforms.stride0, uniforms.before0, uniforms.length0, uniforms.mode0);
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
    let groups = (uniforms.size0 + GROUP - 1u) / GROUP;
    let row = invocation / groups;
    let first = (invocation - row * groups) * GROUP;
    let place = rowPlace(row);
    let start = row * uniforms.goalRowWords + uniforms.goalColumn;
    for (var n = 0u; n < GROUP; n++) {
      if (first + n < uniforms.size0) { goal[start + first + n] = elementAt(place, first + n); }
    }
  }
  @if(bytes) {
    let row = invocation / uniforms.rowWords;
    let word = uniforms.goalColumn / 4u + invocation - row * uniforms.rowWords;
    let at = row * uniforms.goalRowWords + word;
    @if(byRow) let place = rowPlace(row);
    var packed = 0u;
    @if(partial) packed = goal[at];
    for (var n = 0u; n < 4u; n++) {
      // Columns before the first wrap around to large numbers.
      let column = word * 4u + n - uniforms.goalColumn;
      if (column < uniforms.columnCount) {
        @if(byRow) let element = elementAt(place, column);
        @if(!byRow) let number = row * uniforms.columnCount + column;
        @if(!byRow) let outer = number / uniforms.size0;
        @if(!byRow) let element = elementAt(rowPlace(outer), number - outer * uniforms.size0);
        packed = insertBits(packed, element, 8u * n, 8u);
      }
    }
    goal[at] = packed;
  }
}
