/** Rows of a table without those that repeat an earlier one. */
export interface DistinctRows {
  /** The first row of each kind, ascending. */
  readonly firstRows: Int32Array<ArrayBuffer>;
  /** For each row, the place of its kind in `firstRows`. */
  readonly kinds: Int32Array<ArrayBuffer>;
}

const doubles = new Float64Array(1);
const words = new Uint32Array(doubles.buffer);

function hashOf(coordinates: Float64Array, first: number, end: number): number {
  let hash = 0;
  for (let index = first; index < end; index++) {
    // 0 and −0 are the same.
    doubles[0] = (coordinates[index] as number) + 0;
    hash = Math.imul(hash ^ (words[0] as number), 0x85ebca6b);
    hash = Math.imul((hash ^ (hash >>> 13)) + (words[1] as number), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash;
}

/** Finds rows of [rows, columnCount] that are equal, by their hashes. Memory: O(rows). */
export function distinctRows(coordinates: Float64Array, columnCount: number): DistinctRows {
  const rowCount = coordinates.length / columnCount;
  const kinds = new Int32Array(rowCount);
  const firstRows: number[] = [];
  /** The last kind of each hash, and for each kind the one of the same hash before it. */
  const lastOfHash = new Map<number, number>();
  const before: (number | undefined)[] = [];
  const areEqual = (a: number, b: number): boolean => {
    for (let column = 0; column < columnCount; column++) {
      if (coordinates[a * columnCount + column] !== coordinates[b * columnCount + column]) return false;
    }
    return true;
  };
  for (let row = 0; row < rowCount; row++) {
    const hash = hashOf(coordinates, row * columnCount, (row + 1) * columnCount);
    let kind = lastOfHash.get(hash);
    while (kind !== undefined && !areEqual(firstRows[kind] as number, row)) kind = before[kind];
    if (kind === undefined) {
      kind = firstRows.length;
      firstRows.push(row);
      before.push(lastOfHash.get(hash));
      lastOfHash.set(hash, kind);
    }
    kinds[row] = kind;
  }
  return { firstRows: Int32Array.from(firstRows), kinds };
}
