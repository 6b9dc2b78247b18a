import { type Colour, coloursFor } from '../shared/palette.ts';
import type { Cloud, PlottedAxis } from './cloud.ts';

/** More clusters have the same colours again: to tell more apart is beyond anyone. */
const mostColours = 192;

/** Where clusters are in the plot: row-major [clusters, 3]. */
function placesOf(
  centroids: ArrayLike<number>,
  columnCount: number,
  axes: readonly PlottedAxis[],
): Float64Array<ArrayBuffer> {
  const count = Math.min(centroids.length / columnCount, mostColours);
  const places = new Float64Array(count * 3);
  for (let cluster = 0; cluster < count; cluster++) {
    for (const [position, { column, middle, scale }] of axes.entries()) {
      places[cluster * 3 + position] = ((centroids[cluster * columnCount + column] ?? 0) - middle) * scale;
    }
  }
  return places;
}

/** The means of clusters by their labels: row-major [clusters, columns]. */
function meansOf({ points }: Cloud, labels: Int32Array): Float64Array<ArrayBuffer> {
  const { data, columnCount } = points;
  const clusterCount = labels.reduce((most, label) => Math.max(most, label), -1) + 1;
  const sums = new Float64Array(clusterCount * columnCount);
  const sizes = new Float64Array(clusterCount);
  labels.forEach((label, row) => {
    if (label < 0) return;
    sizes[label] = (sizes[label] as number) + 1;
    for (let column = 0; column < columnCount; column++) {
      const index = label * columnCount + column;
      sums[index] = (sums[index] as number) + (data[row * columnCount + column] as number);
    }
  });
  return sums.map((sum, index) => sum / Math.max(sizes[Math.floor(index / columnCount)] as number, 1));
}

/**
 * A colour a cluster, such that neighbours in the plot differ; the colours of a picture are what they are.
 *
 * @param clusters centroids, row-major [clusters, columns], or the labels of all points
 */
export function clusterColours(
  cloud: Cloud,
  axes: readonly PlottedAxis[],
  clusters: Float64Array | Int32Array,
): Colour[] {
  const means = clusters instanceof Int32Array ? meansOf(cloud, clusters) : clusters;
  const { columnCount } = cloud.points;
  if (!cloud.picture) return coloursFor(placesOf(means, columnCount, axes));
  return Array.from({ length: means.length / columnCount }, (_, cluster): Colour => {
    const [red = 0, green = 0, blue = 0] = means.subarray(cluster * columnCount, cluster * columnCount + 3);
    return [red / 255, green / 255, blue / 255];
  });
}
