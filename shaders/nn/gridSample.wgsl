// Samples images at places that a grid of coordinates names, -1 to 1 from one end of an image to the other.
//
// source   float32 [batches * channels][height][width]
// grid     float32 [batches][goalSize][2], x before y
// goal     float32 [batches * channels][goalSize]
// Conditions: nearest, the nearest element, halves to even; cubic, cubic convolution with a = -0.75; linear without both.
// Uniforms: aligned, -1 and 1 are the middles of the outer elements, not their outer edges; padding is what stands beyond
// the ends: 0 zero, 1 the nearest element, 2 the mirror image.
// Dispatch: one invocation an element of the goal.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms { count: u32, channels: u32, height: i32, width: i32, goalSize: u32, aligned: u32, padding: u32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> grid: array<f32>;
@group(0) @binding(3) var<storage, read_write> goal: array<f32>;

fn coordinateOf(place: f32, length: i32) -> f32 {
  let byEdges = ((place + 1.0) * f32(length) - 1.0) / 2.0;
  let byMiddles = (place + 1.0) / 2.0 * f32(length - 1);
  let coordinate = select(byEdges, byMiddles, uniforms.aligned != 0u);
  // Far out, where nothing but padding is, an i32 must still hold it.
  return clamp(coordinate, -1e6, 1e6);
}

// The element that stands at a coordinate; -1 for none.
fn inside(coordinate: i32, length: i32) -> i32 {
  if (coordinate >= 0 && coordinate < length) { return coordinate; }
  if (uniforms.padding == 0u) { return -1; }
  if (uniforms.padding == 1u) { return clamp(coordinate, 0, length - 1); }
  // Mirrored in the middle of the outer elements, or at their outer edges, which repeats them.
  let repeats = select(1, 0, uniforms.aligned != 0u);
  let period = max(2 * (length - 1 + repeats), 1);
  let folded = ((coordinate % period) + period) % period;
  return select(folded, period - repeats - folded, folded >= length);
}

fn elementAt(start: u32, y: i32, x: i32) -> f32 {
  let row = inside(y, uniforms.height);
  let column = inside(x, uniforms.width);
  if (row < 0 || column < 0) { return 0.0; }
  return source[start + u32(row * uniforms.width + column)];
}

@if(cubic)
fn cubicWeights(t: f32) -> vec4f {
  let a = -0.75;
  let far = vec2f(t + 1.0, 2.0 - t);
  let near = vec2f(t, 1.0 - t);
  let farWeights = ((a * far - 5.0 * a) * far + 8.0 * a) * far - 4.0 * a;
  let nearWeights = ((a + 2.0) * near - (a + 3.0)) * near * near + 1.0;
  return vec4f(farWeights.x, nearWeights.x, nearWeights.y, farWeights.y);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let element = linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (element >= uniforms.count) { return; }
  let image = element / uniforms.goalSize;
  let point = (image / uniforms.channels) * uniforms.goalSize + element - image * uniforms.goalSize;
  let start = image * u32(uniforms.height * uniforms.width);
  let x = coordinateOf(grid[point * 2u], uniforms.width);
  let y = coordinateOf(grid[point * 2u + 1u], uniforms.height);
  @if(nearest) goal[element] = elementAt(start, i32(round(y)), i32(round(x)));
  @if(!nearest) {
    let left = i32(floor(x));
    let top = i32(floor(y));
    let across = x - f32(left);
    let down = y - f32(top);
    @if(cubic) {
      let columns = cubicWeights(across);
      let rows = cubicWeights(down);
      var sum = 0.0;
      for (var i = 0; i < 4; i++) {
        let y4 = top - 1 + i;
        let four = vec4f(
          elementAt(start, y4, left - 1),
          elementAt(start, y4, left),
          elementAt(start, y4, left + 1),
          elementAt(start, y4, left + 2),
        );
        sum += rows[i] * dot(columns, four);
      }
      goal[element] = sum;
    }
    @if(!cubic) {
      let upper = elementAt(start, top, left) * (1.0 - across) + elementAt(start, top, left + 1) * across;
      let lower = elementAt(start, top + 1, left) * (1.0 - across) + elementAt(start, top + 1, left + 1) * across;
      goal[element] = upper * (1.0 - down) + lower * down;
    }
  }
}
