// The globe of the demonstration page: the body of a unit sphere with its graticule, and points that lie on it, coloured
// by cluster. Points and labels are read from the buffers that k-means works on.
//
// positions  [pointCount, 3] f32, unit vectors (centroids need not be: they are projected onto the sphere)
// labels     [pointCount] u32, a cluster each; 0xffffffff for none yet
// palette    [clusterCount] vec4f, sRGB colours
// Overrides: OUTLINED draws a ring around each point (for centroids); CORNERS is 3 where points are triangles around
// discs, 1 where they are single pixels (topology point-list).
// Draws: bodyVertex with 3 vertices; pointVertex with CORNERS vertices a point; no vertex buffers. Output is
// premultiplied by alpha.

struct View {
  viewProjection: mat4x4f,
  inverseViewProjection: mat4x4f,
  eye: vec3f,
  // Diameter of a point, in pixels.
  pointSize: f32,
  // Of the canvas, in pixels.
  viewport: vec2f,
  // Angle of one pixel at the eye, in radians.
  pixelAngle: f32,
  pointOpacity: f32,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> positions: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> palette: array<vec4f>;

override OUTLINED: bool = false;
override CORNERS: u32 = 3;

const unlabelled = 0xffffffffu;
const graticuleStep = radians(30.0);

// --- the body ---

struct BodyVertex {
  @builtin(position) position: vec4f,
  @location(0) corner: vec2f,
}

@vertex
fn bodyVertex(@builtin(vertex_index) index: u32) -> BodyVertex {
  let corner = vec2f(f32((index << 1u) & 2u), f32(index & 2u)) * 2.0 - 1.0;
  return BodyVertex(vec4f(corner, 0.0, 1.0), corner);
}

// How far an angle is from the next multiple of the graticule's step.
fn offGraticule(angle: f32) -> f32 {
  return abs(fract(angle / graticuleStep + 0.5) - 0.5) * graticuleStep;
}

@fragment
fn bodyFragment(vertex: BodyVertex) -> @location(0) vec4f {
  let far = view.inverseViewProjection * vec4f(vertex.corner, 1.0, 1.0);
  let direction = normalize(far.xyz / far.w - view.eye);
  let along = -dot(view.eye, direction);
  let closest = view.eye + direction * along;
  let miss = length(closest);
  let pixel = view.pixelAngle * along;

  // A thin glow outside the limb.
  let glow = 0.35 * exp(-max(miss - 1.0, 0.0) * 28.0) * smoothstep(1.16, 1.0, miss);
  let outside = vec4f(vec3f(0.36, 0.55, 0.86) * glow, glow);
  let coverage = 1.0 - smoothstep(1.0 - pixel, 1.0 + pixel, miss);
  if (coverage == 0.0) {
    return outside;
  }

  let surface = normalize(closest - direction * sqrt(max(1.0 - miss * miss, 0.0)));
  let facing = -dot(surface, direction);
  var colour = mix(vec3f(0.055, 0.085, 0.155), vec3f(0.085, 0.13, 0.225), facing);
  colour += vec3f(0.12, 0.2, 0.36) * pow(1.0 - facing, 3.0);

  // z points to the north pole. Meridians fade where they would run together.
  let latitude = asin(clamp(surface.z, -1.0, 1.0));
  let parallelRadius = sqrt(max(1.0 - surface.z * surface.z, 0.0));
  let fromParallel = offGraticule(latitude);
  let fromMeridian = offGraticule(atan2(surface.y, surface.x)) * parallelRadius;
  let width = pixel * 0.8;
  let parallels = 1.0 - smoothstep(0.0, width * 2.0, fromParallel);
  let meridians = (1.0 - smoothstep(0.0, width * 2.0, fromMeridian)) * smoothstep(0.02, 0.12, parallelRadius);
  colour += vec3f(0.11, 0.14, 0.2) * max(parallels, meridians);

  return mix(outside, vec4f(colour, 1.0), coverage);
}

// --- the points ---

struct PointVertex {
  @builtin(position) position: vec4f,
  // Where in the point, in pixels from its middle.
  @location(0) offset: vec2f,
  @location(1) @interpolate(flat) colour: vec4f,
}

const hidden = PointVertex(vec4f(2.0, 2.0, 2.0, 1.0), vec2f(), vec4f());

@vertex
fn pointVertex(@builtin(vertex_index) index: u32) -> PointVertex {
  let point = index / CORNERS;
  let corner = index % CORNERS;
  let position = normalize(vec3f(positions[point * 3u], positions[point * 3u + 1u], positions[point * 3u + 2u]));
  // Beyond the horizon.
  let height = dot(position, view.eye);
  if (!(height > 1.0)) {
    return hidden;
  }
  let label = labels[point];
  var colour = vec4f(0.62, 0.67, 0.76, 1.0);
  if (label != unlabelled) {
    colour = palette[label];
  }
  // Fainter towards the limb, where points crowd.
  let facing = (height - 1.0) / distance(position, view.eye);
  colour.a = view.pointOpacity * smoothstep(0.0, 0.3, facing);

  // The triangle around a disc, with one pixel more for its soft edge.
  let radius = 0.5 * view.pointSize + 1.0;
  var offset = vec2f(-sqrt(3.0), -1.0);
  if (corner == 1u) {
    offset.x = sqrt(3.0);
  } else if (corner == 2u) {
    offset = vec2f(0.0, 2.0);
  }
  offset *= select(radius, 0.0, CORNERS == 1u);
  let centre = view.viewProjection * vec4f(position, 1.0);
  let clip = centre.xy / centre.w + offset * 2.0 / view.viewport;
  return PointVertex(vec4f(clip, 0.5, 1.0), offset, colour);
}

@fragment
fn pointFragment(vertex: PointVertex) -> @location(0) vec4f {
  let radius = 0.5 * view.pointSize;
  let fromMiddle = length(vertex.offset);
  let alpha = vertex.colour.a * (1.0 - smoothstep(radius - 0.5, radius + 0.5, fromMiddle));
  if (alpha <= 0.0) {
    discard;
  }
  var colour = vertex.colour.rgb;
  if (OUTLINED) {
    colour = mix(colour, vec3f(1.0), smoothstep(radius - 2.5, radius - 1.5, fromMiddle));
  }
  return vec4f(colour * alpha, alpha);
}
