import { type Colour, paletteColour, paletteNumbers } from '../shared/palette.ts';
import type { Cloud, PlottedAxis } from './cloud.ts';
import {
  type ColouredLabels,
  type ColouredPlaces,
  type ColourNumbers,
  numbersByOverlap,
  numbersByPlace,
} from './colourMatching.ts';

/** More clusters have the same colours again: to tell more apart is beyond anyone. */
const mostColours = 192;

/** What has got colours in any of the panes, for the others to follow. */
export class SharedColours {
  /** The most clusters so far, where they were when they got them. */
  places: ColouredPlaces | undefined;
  /** What was found in the panes that have finished. */
  readonly found: ColouredLabels[] = [];

  clear(): void {
    this.places = undefined;
    this.found.length = 0;
  }
}

/** Where clusters are in the plot: row-major [clusters, 3], of no more than get colours of their own. */
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
  let clusterCount = 0;
  for (const label of labels) clusterCount = Math.max(clusterCount, label + 1);
  const sums = new Float64Array(clusterCount * columnCount);
  const sizes = new Float64Array(clusterCount);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    if (label < 0) continue;
    sizes[label] = (sizes[label] as number) + 1;
    for (let column = 0; column < columnCount; column++) {
      const index = label * columnCount + column;
      sums[index] = (sums[index] as number) + (data[row * columnCount + column] as number);
    }
  }
  return sums.map((sum, index) => sum / Math.max(sizes[Math.floor(index / columnCount)] as number, 1));
}

/** Clusters of a picture have the colours that they are. */
function ownColours(centroids: Float64Array): Colour[] {
  return Array.from({ length: centroids.length / 3 }, (_, cluster): Colour => {
    const [red = 0, green = 0, blue = 0] = centroids.subarray(cluster * 3, cluster * 3 + 3);
    return [red / 255, green / 255, blue / 255];
  });
}

/**
 * The colours of the clusters in one pane: such that neighbours in the plot differ, clusters keep theirs from one iteration to
 * the next, and those that are about the same have the same in all panes.
 */
export class ClusterColours {
  readonly #shared: SharedColours;
  #numbers: ColourNumbers = [];

  constructor(shared: SharedColours) {
    this.#shared = shared;
  }

  /** Forgets all clusters. */
  clear(): void {
    this.#numbers = [];
  }

  /** While clusters are found, each with a number that it keeps. @param centroids row-major [clusters, columns] */
  atStage(cloud: Cloud, axes: readonly PlottedAxis[], centroids: Float64Array): Colour[] {
    if (cloud.picture) return ownColours(centroids);
    const places = placesOf(centroids, cloud.points.columnCount, axes);
    return this.#take(places, this.#numbers);
  }

  /** Once they were found. @param labels of all points */
  atEnd(cloud: Cloud, axes: readonly PlottedAxis[], labels: Int32Array, centroids?: Float64Array): Colour[] {
    const colours = this.#byLabels(cloud, axes, labels, centroids, this.#shared.found);
    this.#shared.found.push({ numbers: this.#numbers, labels });
    return colours;
  }

  /** For other clusters than were found before. @param before the labels that the colours so far are of */
  atCut(cloud: Cloud, axes: readonly PlottedAxis[], labels: Int32Array, before: Int32Array): Colour[] {
    return this.#byLabels(cloud, axes, labels, undefined, [{ numbers: this.#numbers, labels: before }]);
  }

  #byLabels(
    cloud: Cloud,
    axes: readonly PlottedAxis[],
    labels: Int32Array,
    centroids: Float64Array | undefined,
    others: readonly ColouredLabels[],
  ): Colour[] {
    const means = centroids ?? meansOf(cloud, labels);
    if (cloud.picture) return ownColours(means);
    const places = placesOf(means, cloud.points.columnCount, axes);
    const count = places.length / 3;
    return this.#take(places, others.length > 0 ? numbersByOverlap(labels, count, others) : this.#numbers);
  }

  #take(places: Float64Array, kept: ColourNumbers): Colour[] {
    const { places: others } = this.#shared;
    const near = others ? numbersByPlace(places, kept, others) : kept;
    const numbers = paletteNumbers(places, near);
    this.#numbers = numbers;
    if (numbers.length > (others?.numbers.length ?? 0)) this.#shared.places = { numbers, places };
    return numbers.map(paletteColour);
  }
}
