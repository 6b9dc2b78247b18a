/** Product quantization by its definition, in float64. */

/** How points are cut and coded. */
export interface Layout {
  readonly subspaces: number;
  readonly bits: number;
  readonly columnCount: number;
}

function squaredDistance(a: ArrayLike<number>, first: number, b: ArrayLike<number>, second: number, count: number) {
  let sum = 0;
  for (let column = 0; column < count; column++) sum += ((a[first + column] ?? 0) - (b[second + column] ?? 0)) ** 2;
  return sum;
}

/** [rows, subspaces]: the number of the nearest codeword, the lowest of equals. */
export function nearestCodewords(points: Float64Array, codebooks: Float64Array, layout: Layout): number[] {
  const width = layout.columnCount / layout.subspaces;
  const codewords = 2 ** layout.bits;
  return Array.from({ length: points.length / width }, (_, part) => {
    const book = (part % layout.subspaces) * codewords;
    const distances = Array.from({ length: codewords }, (_none, codeword) =>
      squaredDistance(points, part * width, codebooks, (book + codeword) * width, width),
    );
    return distances.indexOf(Math.min(...distances));
  });
}

/** Codewords in bytes, as codes hold them. */
export function packCodewords(numbers: readonly number[], { subspaces, bits }: Layout): Uint8Array {
  if (bits === 8) return Uint8Array.from(numbers);
  const bytes = Math.ceil(subspaces / 2);
  return Uint8Array.from({ length: (numbers.length / subspaces) * bytes }, (_, index) => {
    const first = Math.floor(index / bytes) * subspaces + (index % bytes) * 2;
    const second = (index % bytes) * 2 + 1 < subspaces ? (numbers[first + 1] ?? 0) : 0;
    return (numbers[first] ?? 0) + 16 * second;
  });
}

/** The points that numbers of codewords stand for. */
export function decodeCodewords(numbers: readonly number[], codebooks: Float64Array, layout: Layout): Float64Array {
  const width = layout.columnCount / layout.subspaces;
  return Float64Array.from(
    numbers.flatMap((codeword, part) => {
      const from = ((part % layout.subspaces) * 2 ** layout.bits + codeword) * width;
      return [...codebooks.subarray(from, from + width)];
    }),
  );
}

/** The nearest of `points` to each query, the lowest row of equals first. */
export function nearestRows(queries: Float64Array, points: Float64Array, columnCount: number, count: number) {
  const rows: number[] = [];
  const distances: number[] = [];
  for (let query = 0; query < queries.length; query += columnCount) {
    const all = Array.from({ length: points.length / columnCount }, (_, row) => ({
      row,
      distance: Math.sqrt(squaredDistance(queries, query, points, row * columnCount, columnCount)),
    }));
    all.sort((a, b) => a.distance - b.distance || a.row - b.row);
    for (const { row, distance } of all.slice(0, count)) {
      rows.push(row);
      distances.push(distance);
    }
  }
  return { rows, distances };
}
