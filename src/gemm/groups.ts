/** How K is cut into groups that are multiplied and scaled apart, and how the codes of a row lie: 16 to a vector. */
export interface Groups {
  readonly count: number;
  /** Codes of every group but the last. */
  readonly size: number;
  /** Vectors that a group takes, the padding included. */
  readonly vectors: number;
  /** Codes of the last group. */
  readonly lastSize: number;
  /** Vectors of a row. */
  readonly rowVectors: number;
  /** True where padding inside a row makes it longer than its codes would be without groups. */
  readonly padded: boolean;
}

/** Groups of `size` codes each, the last one shorter; one group of everything unless given. */
export function groupsOf(depth: number, size = depth): Groups {
  const rowVectorsAlone = Math.ceil(depth / 16);
  const count = size === 0 ? 1 : Math.max(1, Math.ceil(depth / size));
  if (count === 1) {
    const vectors = rowVectorsAlone;
    return { count, size: depth, vectors, lastSize: depth, rowVectors: vectors, padded: false };
  }
  const vectors = Math.ceil(size / 16);
  const lastSize = depth - (count - 1) * size;
  const rowVectors = (count - 1) * vectors + Math.ceil(lastSize / 16);
  return { count, size, vectors, lastSize, rowVectors, padded: size % 16 !== 0 };
}
