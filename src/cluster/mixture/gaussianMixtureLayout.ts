/** How the passes of a Gaussian mixture lay out and share their work. */
import type { PointPart } from '../points/pointSet.ts';

/** What a component of a mixture is to the kernels, in the coordinates of a frame. */
export interface PackedComponents {
  /** [components][vectors][4], padded with zeros. */
  readonly means: Float32Array<ArrayBuffer>;
  /** Cholesky factors of the precisions, as the header of `gaussianMixtureExpect.wgsl` says. */
  readonly precisions: Float32Array<ArrayBuffer>;
  /** Logarithms of weight and density at the mean, less `offset`. */
  readonly logs: Float32Array<ArrayBuffer>;
  /** What was taken off all logarithms. */
  readonly offset: number;
  /** Whether all components share one factor. */
  readonly shared: boolean;
}

/** Sums over all points. */
export interface PassTotals {
  /** Sum of the log-densities of the points; 0 where responsibilities came from labels. */
  readonly logLikelihood: number;
  /** [components] of what `MomentLayout` says: moments about the centres. */
  readonly moments: Float32Array<ArrayBuffer>;
}

/** What a mixture says of each point. */
export interface PointEvaluation {
  /** Most probable component; the lowest of equal ones. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Log-density of the mixture at each point. */
  readonly scores: Float64Array<ArrayBuffer>;
  /** [rows][components] probabilities; empty unless asked for. */
  readonly probabilities: Float32Array<ArrayBuffer>;
}

/** Where the moments of one component are, in vec4f. */
export interface MomentLayout {
  /** Second moments: 4×4 blocks up to the diagonal, row by row, each as its columns; or sums of squares. */
  readonly secondVectors: number;
  /** Then the first moments: vec4f of a row of points. */
  readonly vectors: number;
  /** All of them, with one more for the sum of the responsibilities. */
  readonly totalVectors: number;
}

/** The layout of the moments of points with so many columns; `full` for matrices of second moments. */
export function momentLayoutOf(columnCount: number, full: boolean): MomentLayout {
  const vectors = Math.ceil(columnCount / 4);
  const secondVectors = full ? 2 * vectors * (vectors + 1) : vectors;
  return { secondVectors, vectors, totalVectors: secondVectors + vectors + 1 };
}

/** Consecutive points of a part whose responsibilities exist together. */
export interface PassWindow {
  readonly part: PointPart;
  /** First row within the part. */
  readonly firstRow: number;
  readonly pointCount: number;
  /** Where its sums of scores begin. */
  readonly firstSum: number;
}

/** Cuts parts into windows of at most `mostRows`; each has a sum for every `groupPoints` points. */
export function passWindowsOf(parts: readonly PointPart[], mostRows: number, groupPoints: number): PassWindow[] {
  const windows: PassWindow[] = [];
  let firstSum = 0;
  for (const part of parts) {
    for (let firstRow = 0; firstRow < part.rowCount; firstRow += mostRows) {
      const pointCount = Math.min(mostRows, part.rowCount - firstRow);
      windows.push({ part, firstRow, pointCount, firstSum });
      firstSum += Math.ceil(pointCount / groupPoints);
    }
  }
  return windows;
}

/**
 * Blocks along the side of a square that a thread works on: at most `most`, and no more than make the last square as large
 * as the others.
 */
export function edgeOf(vectors: number, most: number): number {
  return Math.ceil(vectors / Math.ceil(vectors / most));
}

/** The conditions and constants of a kernel with this edge. */
export function edgeVariant(edge: number, width: number) {
  return {
    conditions: { edge2: edge >= 2, edge3: edge >= 3, edge4: edge >= 4 },
    constants: { EDGE: edge, WIDTH: width },
  };
}

/** What the number of threads that share a sum depends on. */
export interface ShareDemand {
  readonly pointCount: number;
  /** Threads for each share. */
  readonly threads: number;
  /** Threads that occupy the adapter. */
  readonly wanted: number;
  /** Shares that fit into the memory for partial sums. */
  readonly room: number;
}

/** Products that one thread adds up at most, so that rounding stays small. */
const longestSum = 1024;
const shortestSum = 16;

/** How many threads share a sum over the points of a window. */
export function shareCountOf({ pointCount, threads, wanted, room }: ShareDemand): number {
  const most = Math.max(1, Math.min(room, Math.floor(pointCount / shortestSum)));
  const least = Math.min(most, Math.ceil(pointCount / longestSum));
  return Math.max(least, Math.min(most, Math.ceil(wanted / threads)));
}
