/**
 * k-means in float64, step by step as scikit-learn's `KMeans(algorithm='lloyd')` counts and stops it
 * (scikit-learn 1.2.1, `_kmeans_single_lloyd`, `_relocate_empty_clusters_dense`).
 */

/** When Lloyd's iteration stops. */
export interface LloydOptions {
  /** Largest centroid shift² that ends it, as a share of the mean variance of the features. Default 1e-4. */
  readonly tolerance?: number;
  /** Most rounds of assignment and update. Default 300. */
  readonly maxIterations?: number;
}

export interface LloydResult {
  /** Nearest final centroid of each point; the lowest index wins a tie. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Row-major [clusterCount, columnCount]. */
  readonly centroids: Float64Array<ArrayBuffer>;
  /** Sum of the squared distances of the points to their centroids. */
  readonly inertia: number;
  /** Rounds of assignment and update, the one in which no label changed included (scikit-learn's `n_iter_`). */
  readonly iterations: number;
  /** False if `maxIterations` ended it. */
  readonly converged: boolean;
}

/** Squared Euclidean distance of a row of `points` to a row of `centroids`, in the direct form. */
function squaredDistance(
  points: ArrayLike<number>,
  point: number,
  centroids: ArrayLike<number>,
  cluster: number,
  columnCount: number,
): number {
  let sum = 0;
  for (let column = 0; column < columnCount; column++) {
    const difference =
      (points[point * columnCount + column] as number) - (centroids[cluster * columnCount + column] as number);
    sum += difference * difference;
  }
  return sum;
}

/** The nearest centroid of every point and its squared distance; the lowest index wins a tie. */
export function assignNearest(
  points: ArrayLike<number>,
  columnCount: number,
  centroids: ArrayLike<number>,
): { readonly labels: Int32Array<ArrayBuffer>; readonly distances: Float64Array<ArrayBuffer> } {
  const rowCount = points.length / columnCount;
  const clusterCount = centroids.length / columnCount;
  const labels = new Int32Array(rowCount);
  const distances = new Float64Array(rowCount).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < rowCount; row++) {
    for (let cluster = 0; cluster < clusterCount; cluster++) {
      const distance = squaredDistance(points, row, centroids, cluster, columnCount);
      if (distance < (distances[row] as number)) {
        distances[row] = distance;
        labels[row] = cluster;
      }
    }
  }
  return { labels, distances };
}

/** Sum of the squared distances of the points to the centroids that their labels name. */
export function inertiaOf(
  points: ArrayLike<number>,
  columnCount: number,
  centroids: ArrayLike<number>,
  labels: ArrayLike<number>,
): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row++) {
    sum += squaredDistance(points, row, centroids, labels[row] as number, columnCount);
  }
  return sum;
}

/** Mean over the features of their population variance, in two passes. */
export function meanVariance(points: ArrayLike<number>, columnCount: number): number {
  const rowCount = points.length / columnCount;
  let total = 0;
  for (let column = 0; column < columnCount; column++) {
    let mean = 0;
    for (let row = 0; row < rowCount; row++) mean += (points[row * columnCount + column] as number) / rowCount;
    for (let row = 0; row < rowCount; row++) {
      total += ((points[row * columnCount + column] as number) - mean) ** 2 / rowCount;
    }
  }
  return total / columnCount;
}

/**
 * The update step: the mean of each cluster's points. An empty cluster takes the point farthest from its old centroid
 * (the next farthest for the next empty one; the lowest index wins a tie), which leaves its former cluster's mean.
 * Labels do not change. A cluster that loses its only point that way goes to the centroid of the largest cluster.
 */
export function updateCentroids(
  points: ArrayLike<number>,
  columnCount: number,
  labels: ArrayLike<number>,
  distances: ArrayLike<number>,
  clusterCount: number,
): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(clusterCount * columnCount);
  const counts = new Int32Array(clusterCount);
  const add = (row: number, cluster: number, sign: 1 | -1): void => {
    counts[cluster] = (counts[cluster] as number) + sign;
    for (let column = 0; column < columnCount; column++) {
      const index = cluster * columnCount + column;
      sums[index] = (sums[index] as number) + sign * (points[row * columnCount + column] as number);
    }
  };
  for (let row = 0; row < labels.length; row++) add(row, labels[row] as number, 1);

  const empty = [...counts.keys()].filter((cluster) => counts[cluster] === 0);
  const farthest = Array.from({ length: labels.length }, (_, row) => row)
    .sort((a, b) => (distances[b] as number) - (distances[a] as number) || a - b)
    .slice(0, empty.length);
  // With every point on its centroid there is nothing to move.
  if ((distances[farthest[0] ?? 0] as number) > 0) {
    farthest.forEach((row, order) => {
      add(row, labels[row] as number, -1);
      add(row, empty[order] as number, 1);
    });
  }

  const largest = counts.indexOf(Math.max(...counts));
  const mean = (cluster: number, column: number): number =>
    (sums[cluster * columnCount + column] as number) / (counts[cluster] as number);
  return Float64Array.from(sums, (_, index) => {
    const cluster = Math.floor(index / columnCount);
    return mean(counts[cluster] === 0 ? largest : cluster, index % columnCount);
  });
}

/**
 * Lloyd's k-means from given centroids. A round assigns, then updates; it ends when no label changed, or when the
 * squared centroid shift is at most `tolerance` times the mean feature variance, or after `maxIterations`. Unless the
 * labels stood still, a last assignment to the final centroids follows, which is not counted.
 *
 * @param points row-major [rowCount, columnCount]
 * @param start row-major [clusterCount, columnCount]
 */
export function lloyd(
  points: ArrayLike<number>,
  columnCount: number,
  start: ArrayLike<number>,
  options: LloydOptions = {},
): LloydResult {
  const { tolerance = 1e-4, maxIterations = 300 } = options;
  const largestShift = tolerance * meanVariance(points, columnCount);
  const clusterCount = start.length / columnCount;
  let centroids = Float64Array.from(start);
  let previous: Int32Array | undefined;
  let iterations = 0;
  let converged = false;
  let settled = false;
  while (!converged && iterations < maxIterations) {
    const { labels, distances } = assignNearest(points, columnCount, centroids);
    const moved = updateCentroids(points, columnCount, labels, distances, clusterCount);
    const shift = moved.reduce((sum, value, index) => sum + (value - (centroids[index] as number)) ** 2, 0);
    centroids = moved;
    iterations += 1;
    settled = previous !== undefined && labels.every((label, row) => label === previous?.[row]);
    converged = settled || shift <= largestShift;
    previous = labels;
  }
  const labels = settled && previous ? Int32Array.from(previous) : assignNearest(points, columnCount, centroids).labels;
  return { labels, centroids, inertia: inertiaOf(points, columnCount, centroids, labels), iterations, converged };
}

/** A finite float32, below 1 in magnitude, as a whole number of steps of 2^-fraction, cut off towards zero. */
function fixedPoint(value: number, fraction: number): bigint {
  const whole = BigInt(Math.trunc(value * 2 ** 149)) << BigInt(fraction);
  return Math.abs(value) < 2 ** -126 ? 0n : whole / (1n << 149n);
}

/** The squared distance of a row of `points` to a row of `centroids` as a whole number of steps of 2^(-2 fraction). */
function exactSquaredDistance(
  points: ArrayLike<bigint>,
  point: number,
  centroids: ArrayLike<bigint>,
  cluster: number,
  columnCount: number,
): bigint {
  let sum = 0n;
  for (let column = 0; column < columnCount; column++) {
    const difference =
      (points[point * columnCount + column] as bigint) - (centroids[cluster * columnCount + column] as bigint);
    sum += difference * difference;
  }
  return sum;
}

/** The nearest centroid of every point by exact arithmetic; the lowest index wins a tie. */
export function assignExactly(
  points: ArrayLike<number>,
  columnCount: number,
  centroids: ArrayLike<number>,
  fraction: number,
): Int32Array<ArrayBuffer> {
  const fixedPoints = Array.from(points, (value) => fixedPoint(value, fraction));
  const fixedCentroids = Array.from(centroids, (value) => fixedPoint(value, fraction));
  const clusterCount = centroids.length / columnCount;
  return Int32Array.from({ length: points.length / columnCount }, (_, row) => {
    let best = 0;
    let smallest = exactSquaredDistance(fixedPoints, row, fixedCentroids, 0, columnCount);
    for (let cluster = 1; cluster < clusterCount; cluster++) {
      const distance = exactSquaredDistance(fixedPoints, row, fixedCentroids, cluster, columnCount);
      if (distance < smallest) {
        smallest = distance;
        best = cluster;
      }
    }
    return best;
  });
}

/** The nearest whole number, ties to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

/** Exact sums of round(x · 2^exponent) over the points of each cluster, and how many there are, times whole weights. */
export function exactSums(
  points: ArrayLike<number>,
  exponents: ArrayLike<number>,
  labels: ArrayLike<number>,
  clusterCount: number,
  weights?: Uint32Array,
): { readonly sums: BigInt64Array<ArrayBuffer>; readonly counts: Uint32Array<ArrayBuffer> } {
  const columnCount = exponents.length;
  const sums = new BigInt64Array(clusterCount * columnCount);
  const counts = new Uint32Array(clusterCount);
  for (let row = 0; row < labels.length; row++) {
    const cluster = labels[row] as number;
    const weight = weights?.[row] ?? 1;
    counts[cluster] = (counts[cluster] as number) + weight;
    for (let column = 0; column < columnCount; column++) {
      const value = (points[row * columnCount + column] as number) * 2 ** (exponents[column] as number);
      const index = cluster * columnCount + column;
      sums[index] = (sums[index] as bigint) + BigInt(weight) * BigInt(roundHalfEven(value));
    }
  }
  return { sums, counts };
}

/** The float32 nearest to numerator / denominator · 2^exponent for results in float32's normal range, ties to even. */
export function nearestFloat(numerator: bigint, denominator: bigint, exponent: number): number {
  const magnitude = numerator < 0n ? -numerator : numerator;
  if (magnitude === 0n) return 0;
  // A quotient of at least 2^40, its last bit standing for all that is lost.
  const shift = BigInt(Math.max(0, denominator.toString(2).length - magnitude.toString(2).length + 41));
  const quotient = (magnitude << shift) / denominator;
  const lost = quotient * denominator !== magnitude << shift;
  const surplus = quotient.toString(2).length - 25;
  const high = Number(quotient >> BigInt(surplus));
  const below = lost || (quotient & ((1n << BigInt(surplus)) - 1n)) !== 0n;
  const kept = Math.floor(high / 2);
  const up = high % 2 === 1 && (below || kept % 2 === 1);
  const value = (kept + (up ? 1 : 0)) * 2 ** (surplus + 1 - Number(shift) + exponent);
  return numerator < 0n ? -value : value;
}
