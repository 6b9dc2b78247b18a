/** The elements that become each output when the axes are reduced, outputs and elements in row-major order. */
export function reducedElements(
  values: ArrayLike<number>,
  shape: readonly number[],
  axes: readonly number[],
): number[][] {
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  const keptShape = shape.filter((_, axis) => !reduced.has(axis));
  const groups = Array.from({ length: keptShape.reduce((product, length) => product * length, 1) }, (): number[] => []);
  for (let index = 0; index < values.length; index++) {
    let rest = index;
    let output = 0;
    let step = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1;
      if (!reduced.has(axis)) {
        output += (rest % length) * step;
        step *= length;
      }
      rest = Math.floor(rest / length);
    }
    groups[output]?.push(values[index] ?? 0);
  }
  return groups;
}
