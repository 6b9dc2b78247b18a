// EDGE vectors of a point, of a mean or of their difference, for the kernels of Gaussian mixtures.
// Conditions: edge2, edge3, edge4: EDGE is at least that.

struct Row {
  v0: vec4f,
  @if(edge2) v1: vec4f,
  @if(edge3) v2: vec4f,
  @if(edge4) v3: vec4f,
}

fn difference(a: Row, b: Row) -> Row {
  var z: Row;
  z.v0 = a.v0 - b.v0;
  @if(edge2) z.v1 = a.v1 - b.v1;
  @if(edge3) z.v2 = a.v2 - b.v2;
  @if(edge4) z.v3 = a.v3 - b.v3;
  return z;
}
