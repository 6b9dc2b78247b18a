/** What the linkages that merge all mutual nearest neighbours at once have in common. */

/** How the distance between two clusters follows from those of their points. */
export type Linkage = 'ward' | 'complete' | 'average' | 'single';

/** Different points to be linked, in a frame. */
export interface Leaves {
  /** Row-major [count, columnCount], different rows. */
  readonly coordinates: Float64Array<ArrayBuffer>;
  readonly columnCount: number;
  /** How many points each stands for. */
  readonly weights: Float64Array<ArrayBuffer>;
}

/** Merges, in no particular order but parts before wholes: a leaf of each side, and the height in the frame. */
export interface Merges {
  readonly left: Int32Array<ArrayBuffer>;
  readonly right: Int32Array<ArrayBuffer>;
  readonly heights: Float64Array<ArrayBuffer>;
}

/** Who may be nearest: one cluster, or several that have to be compared in float64. */
export type Candidates = number | Iterable<number>;

/**
 * Clusters that are left, and their distances. Clusters are numbered from 0 in the order of their first leaves, anew after
 * each round of merges.
 */
export interface LinkedClusters {
  readonly count: number;
  /**
   * Who may be nearest to each of `rows`: one cluster where float32 arithmetic leaves no doubt, else several.
   */
  nearest(rows: Uint32Array<ArrayBuffer>): Promise<readonly Candidates[]>;
  /** The distance between two clusters in float64; the same for (a, b) and (b, a). */
  distance(a: number, b: number): number;
  /** Makes each new cluster of one or two former ones. */
  merge(parts: readonly (readonly number[])[]): void;
  release(): void;
}

/** Relative error of one float32 operation, and of the rounding of a coordinate below 1. */
export const unit = 2 ** -24;

/**
 * Bound of the error of the distance of two points of a frame that float32 arithmetic computed in the direct form from
 * rounded coordinates: the roundings of the coordinates, of their differences, squares and sums, and of the root.
 */
export function distanceError(distance: number, columnCount: number, scale = 1): number {
  return distance * (columnCount / 2 + 12) * unit + scale * Math.sqrt(columnCount) * 1.1 * unit;
}

/** Euclidean distance of two rows in float64. */
export function rowDistance(coordinates: Float64Array, a: number, b: number, columnCount: number): number {
  let sum = 0;
  for (let i = a * columnCount, j = b * columnCount, end = i + columnCount; i < end; i++, j++) {
    const difference = (coordinates[i] as number) - (coordinates[j] as number);
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

/** A number for a pair that is in no relation to its order: ties are broken by it, so that many pairs can win at once. */
function pairHash(low: number, high: number): number {
  let word = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 15), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/** True if, of two equal distances from `own`, the one to `a` counts as the smaller: a total order of all pairs. */
export function winsTie(own: number, a: number, b: number): boolean {
  const hashA = pairHash(Math.min(own, a), Math.max(own, a));
  const hashB = pairHash(Math.min(own, b), Math.max(own, b));
  return hashA !== hashB ? hashA < hashB : a < b;
}
