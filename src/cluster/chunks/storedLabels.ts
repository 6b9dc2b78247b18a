import { labelsHash } from '../labelsHash.ts';

function narrowest(clusterCount: number, rowCount: number): Uint8Array | Uint16Array | Uint32Array {
  if (clusterCount <= 2 ** 8) return new Uint8Array(rowCount);
  return clusterCount <= 2 ** 16 ? new Uint16Array(rowCount) : new Uint32Array(rowCount);
}

/** The labels of any number of points: 1 byte a point for up to 256 clusters, 2 for up to 65,536, else 4. */
export class StoredLabels {
  readonly #labels: Uint8Array | Uint16Array | Uint32Array;

  /** Labels of 0. */
  constructor(clusterCount: number, rowCount: number) {
    this.#labels = narrowest(clusterCount, rowCount);
  }

  /** Points that have a label. */
  get rowCount(): number {
    return this.#labels.length;
  }

  /** Sets labels from a row on; says how many were others before. */
  set(firstRow: number, labels: ArrayLike<number>): number {
    const stored = this.#labels;
    let changed = 0;
    for (let row = 0; row < labels.length; row++) {
      const label = labels[row] as number;
      if (stored[firstRow + row] === label) continue;
      stored[firstRow + row] = label;
      changed++;
    }
    return changed;
  }

  /** The labels of the rows from `first` to `end`, or to the last one. */
  slice(first = 0, end = this.rowCount): Int32Array<ArrayBuffer> {
    return Int32Array.from(this.#labels.subarray(first, end));
  }

  /** All labels in order, `rows` at a time. Default: 65,536. */
  *chunks(rows = 65_536): Generator<Int32Array<ArrayBuffer>> {
    for (let first = 0; first < this.rowCount; first += rows) yield this.slice(first, first + rows);
  }

  /** SHA-256 of all labels, see `labelsHash`. Takes 8 bytes a point while it runs. */
  sha256(): Promise<string> {
    return labelsHash(this.slice());
  }
}
