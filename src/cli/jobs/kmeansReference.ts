/** Float64 checks of a k-means fit, for the benchmark. */
import type { KMeansFit } from '../../cluster/kmeans/kmeans.ts';
import { sampleOf } from './sampleData.ts';

/** Multiplications that a check may take: about half a second of plain JavaScript. */
const checkBudget = 2 ** 27;
/** Centring the points in float32 moves a distance by less than this share of it. */
const distanceTolerance = 1e-5;

/**
 * Checks that the labels name nearest centroids (every row, or a random choice where there are too many), that the sizes
 * count them, and that the inertia is theirs.
 *
 * @returns the number of rows whose centroid was searched
 * @throws Error with the first row that is wrong
 */
export function assertAssignment(
  points: Float32Array,
  columnCount: number,
  fit: Pick<KMeansFit, 'labels' | 'centroids' | 'sizes' | 'inertia'>,
): number {
  const { labels, centroids, sizes, inertia } = fit;
  const rowCount = points.length / columnCount;
  const clusterCount = centroids.length / columnCount;
  const distance = (row: number, cluster: number) => {
    let sum = 0;
    for (let column = 0; column < columnCount; column++) {
      const difference = (points[row * columnCount + column] ?? 0) - (centroids[cluster * columnCount + column] ?? 0);
      sum += difference * difference;
    }
    return sum;
  };

  const counts = new Array<number>(clusterCount).fill(0);
  let sum = 0;
  for (let row = 0; row < rowCount; row++) {
    const label = labels[row] ?? -1;
    counts[label] = (counts[label] ?? Number.NaN) + 1;
    sum += distance(row, label);
  }
  if (counts.length !== clusterCount || counts.some((count, cluster) => count !== sizes[cluster])) {
    throw new Error(`k-means is wrong: the labels count ${counts} points a cluster, the sizes are ${sizes}.`);
  }
  if (!(Math.abs(sum - inertia) <= 1e-9 * sum)) {
    throw new Error(`k-means is wrong: its inertia is ${inertia}; in float64 its labels and centroids have ${sum}.`);
  }

  const checkedRows = Math.min(rowCount, Math.max(1, Math.floor(checkBudget / centroids.length)));
  for (const row of sampleOf(rowCount, checkedRows, rowCount)) {
    const own = distance(row, labels[row] ?? -1);
    for (let cluster = 0; cluster < clusterCount; cluster++) {
      const other = distance(row, cluster);
      if (!(own <= other + distanceTolerance * (own + other))) {
        throw new Error(
          `k-means is wrong: point ${row} is in cluster ${labels[row]} at squared distance ${own}; cluster ${cluster} is nearer, at ${other}.`,
        );
      }
    }
  }
  return checkedRows;
}

/**
 * Checks that the centroids are the means of the points with these labels. Where a cluster has none, its centroid was
 * moved by another rule, and nothing is checked.
 *
 * @throws Error with the first centroid that is wrong
 */
export function assertUpdate(
  points: Float32Array,
  columnCount: number,
  labels: Int32Array,
  centroids: Float64Array,
): void {
  const sums = new Float64Array(centroids.length);
  const magnitudes = new Float64Array(columnCount);
  const counts = new Int32Array(centroids.length / columnCount);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
    for (let column = 0; column < columnCount; column++) {
      const value = points[row * columnCount + column] ?? 0;
      const index = label * columnCount + column;
      sums[index] = (sums[index] ?? 0) + value;
      magnitudes[column] = Math.max(magnitudes[column] ?? 0, Math.abs(value));
    }
  }
  if (counts.includes(0)) return;
  sums.forEach((sum, index) => {
    const mean = sum / (counts[Math.floor(index / columnCount)] ?? 1);
    const tolerance = 1e-6 * (magnitudes[index % columnCount] ?? 0);
    if (!(Math.abs(mean - (centroids[index] ?? Number.NaN)) <= tolerance)) {
      throw new Error(
        `k-means is wrong: coordinate ${index % columnCount} of centroid ${Math.floor(index / columnCount)} is ${centroids[index]}; the mean of its points is ${mean}.`,
      );
    }
  });
}

/**
 * Checks that the centroids of another library are as good as ours: by the sum of squared distances to the nearest one, of
 * all points or of a random choice where there are too many. Neither library's float32 sums move it by a ten-thousandth.
 *
 * @throws Error with both sums
 */
export function assertSameInertia(
  points: Float32Array,
  columnCount: number,
  name: string,
  theirs: ArrayLike<number>,
  ours: ArrayLike<number>,
): void {
  const rowCount = points.length / columnCount;
  const rows = sampleOf(rowCount, Math.max(1, Math.floor(checkBudget / ours.length)), rowCount);
  const inertiaOf = (centroids: ArrayLike<number>) =>
    rows.reduce((sum, row) => {
      let least = Number.POSITIVE_INFINITY;
      for (let first = 0; first < centroids.length; first += columnCount) {
        let distance = 0;
        for (let column = 0; column < columnCount; column++) {
          distance += ((points[row * columnCount + column] ?? 0) - (centroids[first + column] ?? 0)) ** 2;
        }
        least = Math.min(least, distance);
      }
      return sum + least;
    }, 0);
  const [their, own] = [inertiaOf(theirs), inertiaOf(ours)];
  if (theirs.length === ours.length && Math.abs(their - own) <= 1e-4 * own) return;
  throw new Error(`The centroids of ${name} have the inertia ${their} on ${rows.length} points, ours ${own}.`);
}
