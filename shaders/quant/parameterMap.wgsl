// The quantization parameter of an element: see ParameterMap in src/quant/granularity.ts.
struct Coordinates { outer: u32, axis: u32, inner: u32 }

fn coordinatesOf(element: u32, axisLength: u32, innerCount: u32) -> Coordinates {
  let rest = element / innerCount;
  return Coordinates(rest / axisLength, rest % axisLength, element % innerCount);
}

// The coordinates of the element that is `step` elements further, step given as coordinates too.
fn advance(start: Coordinates, step: Coordinates, axisLength: u32, innerCount: u32) -> Coordinates {
  let inner = start.inner + step.inner;
  let innerCarry = inner >= innerCount;
  let axis = start.axis + step.axis + select(0u, 1u, innerCarry);
  let axisCarry = axis >= axisLength;
  return Coordinates(
    start.outer + step.outer + select(0u, 1u, axisCarry),
    select(axis, axis - axisLength, axisCarry),
    select(inner, inner - innerCount, innerCarry),
  );
}
