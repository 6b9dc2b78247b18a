/** Applies a function to each row along an axis, a row being the elements that differ in that axis alone. */
export function mapRows(
  values: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  transform: (row: readonly number[], index: number) => readonly number[],
): number[] {
  const resolved = axis < 0 ? axis + shape.length : axis;
  const length = shape[resolved] ?? 1;
  const inner = shape.slice(resolved + 1).reduce((product, extent) => product * extent, 1);
  const result = new Array<number>(values.length);
  for (let row = 0; row * length < values.length; row++) {
    const start = Math.floor(row / inner) * length * inner + (row % inner);
    const places = Array.from({ length }, (_, position) => start + position * inner);
    const transformed = transform(
      places.map((place) => values[place] ?? 0),
      row,
    );
    places.forEach((place, position) => {
      result[place] = transformed[position] ?? 0;
    });
  }
  return result;
}

/** Softmax along an axis in float64, or its logarithm. */
export function softmaxOfRow(
  values: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  logarithm: boolean,
): number[] {
  return mapRows(values, shape, axis, (row) => {
    const greatest = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - greatest), 0);
    return row.map((value) => (logarithm ? value - greatest - Math.log(sum) : Math.exp(value - greatest) / sum));
  });
}
