// A plot of points along two or three of their columns, coloured by cluster. Points and labels are read from buffers that
// clustering works on.
//
// positions  [pointCount, view.columnCount] f32
// labels     [pointCount] u32, a cluster each; 0xffffffff for none
// palette    [view.colourCount] vec4f, sRGB colours, repeated where there are more clusters
// Overrides: OUTLINED draws a ring around each point (for centroids); CORNERS is 3 where points are triangles around
// discs, 1 where they are single pixels (topology point-list).
// Draws: pointVertex with 3 vertices and an instance a point, or with 1 vertex a point where CORNERS is 1; no vertex
// buffers. Output is premultiplied by alpha.

struct View {
  viewProjection: mat4x4f,
  // A value v of a drawn column lies at (v - middle) · scale.
  middle: vec3f,
  // Diameter of a point, in pixels.
  pointSize: f32,
  scale: vec3f,
  opacity: f32,
  // The columns drawn; columnCount where there is none.
  axes: vec3u,
  columnCount: u32,
  // Of the canvas, in pixels.
  viewport: vec2f,
  // The point that stands out; 0xffffffff for none.
  chosen: u32,
  colourCount: u32,
  // Whether points without a cluster have the colours that their columns are, 0 … 255.
  ownColours: u32,
  // Depths between which points get fainter: from, 1 / (to - from).
  haze: vec2f,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> positions: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> palette: array<vec4f>;

override OUTLINED: bool = false;
override CORNERS: u32 = 3;

const none = 0xffffffffu;
const unlabelledColour = vec3f(0.58, 0.63, 0.72);
const ground = vec3f(0.027, 0.043, 0.082);

struct PointVertex {
  @builtin(position) position: vec4f,
  // Where in the point, in pixels from its middle.
  @location(0) offset: vec2f,
  @location(1) @interpolate(flat) colour: vec4f,
  @location(2) @interpolate(flat) radius: f32,
  @location(3) @interpolate(flat) ringed: u32,
}

fn along(point: u32, axis: u32) -> f32 {
  if (axis >= view.columnCount) {
    return 0.0;
  }
  return positions[point * view.columnCount + axis];
}

fn ownColour(point: u32) -> vec3f {
  return vec3f(along(point, 0u), along(point, 1u), along(point, 2u)) / 255.0;
}

@vertex
fn pointVertex(@builtin(vertex_index) vertex: u32, @builtin(instance_index) instance: u32) -> PointVertex {
  let point = select(instance, vertex, CORNERS == 1u);
  let corner = vertex % CORNERS;
  let value = vec3f(along(point, view.axes.x), along(point, view.axes.y), along(point, view.axes.z));
  // No column, no place along it.
  let place = (value - view.middle) * view.scale;
  let centre = view.viewProjection * vec4f(place, 1.0);

  let label = labels[point];
  var colour = vec4f(unlabelledColour, view.opacity);
  if (label != none) {
    colour = vec4f(palette[label % view.colourCount].rgb, view.opacity);
  } else if (view.ownColours != 0u) {
    colour = vec4f(ownColour(point), view.opacity);
  }
  let far = clamp((centre.w - view.haze.x) * view.haze.y, 0.0, 1.0);
  let isChosen = point == view.chosen && !OUTLINED;
  if (!OUTLINED) {
    colour = vec4f(mix(colour.rgb, ground, 0.6 * far), colour.a);
  }

  // The triangle around a disc, with one pixel more for its soft edge.
  var radius = 0.5 * view.pointSize;
  if (isChosen) {
    radius = max(2.0 * radius, 7.0);
  }
  var offset = vec2f(-sqrt(3.0), -1.0);
  if (corner == 1u) {
    offset.x = sqrt(3.0);
  } else if (corner == 2u) {
    offset = vec2f(0.0, 2.0);
  }
  offset *= select(radius + 1.0, 0.0, CORNERS == 1u);
  var position = centre + vec4f(offset * 2.0 / view.viewport * centre.w, 0.0, 0.0);
  if (OUTLINED || isChosen) {
    // In front of all points.
    position.z = 0.0;
  }
  return PointVertex(position, offset, colour, radius, select(0u, 1u, OUTLINED || isChosen));
}

@fragment
fn pointFragment(vertex: PointVertex) -> @location(0) vec4f {
  let fromMiddle = length(vertex.offset);
  let edge = 1.0 - smoothstep(vertex.radius - 0.5, vertex.radius + 0.5, fromMiddle);
  // What is hardly there must not hide what is behind it.
  if (edge < 0.3) {
    discard;
  }
  let alpha = edge * select(vertex.colour.a, 1.0, vertex.ringed == 1u);
  var colour = vertex.colour.rgb;
  if (vertex.ringed == 1u) {
    colour = mix(colour, vec3f(1.0), smoothstep(vertex.radius - 2.5, vertex.radius - 1.5, fromMiddle));
  }
  return vec4f(colour * alpha, alpha);
}
