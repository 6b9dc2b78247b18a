import type { Engine } from '../../gpu/engine.ts';
import { rowDistance } from '../hierarchy/linkage.ts';
import { type PointSource, shapeOf } from '../points/points.ts';
import { type Scatter, scatterOf } from './scatter.ts';
import { silhouette } from './silhouette.ts';

/** Measures of a clustering that need no true classes. */
export interface ClusterMetrics {
  /** Mean silhouette, from −1 to 1: the greater the better. */
  readonly silhouette: number;
  /** Points that the silhouette is the mean of. */
  readonly silhouettePoints: number;
  /** Davies–Bouldin index, at least 0: the smaller the better. */
  readonly daviesBouldin: number;
  /** Calinski–Harabasz index, at least 0: the greater the better. */
  readonly calinskiHarabasz: number;
}

/** Points from which on `clusterMetrics` takes the silhouettes of a sample. */
const sampledFrom = 10_000;

function daviesBouldinOf({ means, radii, columnCount }: Scatter): number {
  let sum = 0;
  radii.forEach((radius, a) => {
    let worst = 0;
    radii.forEach((other, b) => {
      if (a === b) return;
      const apart = rowDistance(means, a, b, columnCount);
      // Clusters with the same mean count for nothing, as in scikit-learn.
      if (apart > 0) worst = Math.max(worst, (radius + other) / apart);
    });
    sum += worst;
  });
  return sum / radii.length;
}

function calinskiHarabaszOf({ means, sizes, columnCount, rowCount, within }: Scatter): number {
  const mean = new Float64Array(columnCount);
  means.forEach((value, index) => {
    const column = index % columnCount;
    mean[column] = (mean[column] as number) + (value * (sizes[Math.floor(index / columnCount)] as number)) / rowCount;
  });
  let between = 0;
  means.forEach((value, index) => {
    between +=
      (sizes[Math.floor(index / columnCount)] as number) * (value - (mean[index % columnCount] as number)) ** 2;
  });
  if (within === 0) return 1;
  return (between / (sizes.length - 1)) * ((rowCount - sizes.length) / within);
}

/**
 * The Davies–Bouldin index (1979): the mean over the clusters of how badly each is separated from the one that it is
 * separated worst from, (rᵢ + rⱼ) / |mᵢ − mⱼ| with mean distances r to the means m. Noise (−1) counts as a cluster.
 * @param labels one integer a point
 * @throws ShapeMismatch, InvalidInput for fewer than 2 clusters or as many as points, LimitExceeded
 */
export async function daviesBouldin(engine: Engine, points: PointSource, labels: ArrayLike<number>): Promise<number> {
  return daviesBouldinOf(await scatterOf(engine, points, labels, 'daviesBouldin'));
}

/**
 * The Calinski–Harabasz index (1974): the variance between clusters over the variance within, each by its degrees of
 * freedom; 1 where there is none within, as in scikit-learn. Noise (−1) counts as a cluster.
 * @param labels one integer a point
 * @throws ShapeMismatch, InvalidInput for fewer than 2 clusters or as many as points, LimitExceeded
 */
export async function calinskiHarabasz(
  engine: Engine,
  points: PointSource,
  labels: ArrayLike<number>,
): Promise<number> {
  return calinskiHarabaszOf(await scatterOf(engine, points, labels, 'calinskiHarabasz'));
}

/**
 * All measures at once; the silhouette over a sample of 10,000 points where there are more.
 * @param seed of the sample
 * @throws ShapeMismatch, InvalidInput for fewer than 2 clusters or as many as points, LimitExceeded, Aborted
 */
export async function clusterMetrics(
  engine: Engine,
  points: PointSource,
  labels: ArrayLike<number>,
  { seed = 0, signal }: { readonly seed?: number; readonly signal?: AbortSignal } = {},
): Promise<ClusterMetrics> {
  const silhouettePoints = Math.min(sampledFrom, shapeOf(points, 'clusterMetrics').rowCount);
  const scatter = await scatterOf(engine, points, labels, 'clusterMetrics');
  return {
    silhouette: await silhouette(engine, points, labels, { sample: silhouettePoints, seed, ...(signal && { signal }) }),
    silhouettePoints,
    daviesBouldin: daviesBouldinOf(scatter),
    calinskiHarabasz: calinskiHarabaszOf(scatter),
  };
}
