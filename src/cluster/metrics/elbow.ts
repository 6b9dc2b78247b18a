import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { KMeans, type KMeansOptions } from '../kmeans/kmeans.ts';
import { measuredPoints } from '../kmeans/predictor.ts';
import { type PointSource, shapeOf } from '../points/points.ts';
import { silhouette } from './silhouette.ts';

/** What to try. */
export interface ElbowOptions {
  /** Numbers of clusters, ascending, at least three. */
  readonly clusters: readonly number[];
  /** Of each k-means, but for the number of clusters. */
  readonly kmeans?: Omit<KMeansOptions, 'clusters' | 'init'> & { readonly init?: 'k-means++' | 'random' | 'first' };
  /**
   * Points whose silhouettes are averaged, drawn by the seed of k-means; 0 for none. With metric `cosine`, points are
   * brought to the length 1 for them too. Default 2,000.
   */
  readonly silhouetteSample?: number;
  /** Stops it with `Aborted`. */
  readonly signal?: AbortSignal;
  /** Called after each number of clusters. */
  readonly onProgress?: (entry: ElbowEntry) => void;
}

/** A number of clusters, and how well it does. */
export interface ElbowEntry {
  readonly clusters: number;
  /** Sum of the squared distances of the points to their centroids. */
  readonly inertia: number;
  /** Mean silhouette; undefined where there is none (one cluster, as many as points) or it was not asked for. */
  readonly silhouette: number | undefined;
}

/** Series over the number of clusters, and what they suggest. */
export interface Elbow {
  readonly entries: readonly ElbowEntry[];
  /** The number of clusters at the elbow of the inertia. */
  readonly elbow: number;
  /** The number of clusters with the greatest silhouette, if there is one. */
  readonly bestSilhouette: number | undefined;
}

/**
 * Where a falling curve bends most: the place farthest below the line between its ends, both axes brought to [0, 1]
 * (V. Satopää et al., "Finding a 'Kneedle' in a haystack", 2011, without smoothing). The first of equal ones; the first
 * place if none is below.
 */
export function elbowOf(x: readonly number[], y: readonly number[]): number {
  const [firstX = 0, firstY = 0, lastX = 0, lastY = 0] = [x[0], y[0], x.at(-1), y.at(-1)];
  let elbow = 0;
  let deepest = 0;
  x.forEach((value, place) => {
    const along = (value - firstX) / (lastX - firstX);
    const fallen = (firstY - (y[place] as number)) / (firstY - lastY);
    if (fallen - along > deepest) {
      deepest = fallen - along;
      elbow = place;
    }
  });
  return elbow;
}

/**
 * Clusters points by k-means for several numbers of clusters.
 * @throws InvalidInput for numbers of clusters that are not ascending or out of range, and what `KMeans` throws
 */
export async function elbow(engine: Engine, points: PointSource, options: ElbowOptions): Promise<Elbow> {
  const { clusters, kmeans = {}, silhouetteSample = 2000, signal, onProgress } = options;
  const { rowCount } = shapeOf(points, 'elbow');
  const isAscending = (count: number, place: number) =>
    Number.isSafeInteger(count) && count > (clusters[place - 1] ?? 0) && count <= rowCount;
  if (!Array.isArray(clusters) || clusters.length < 3 || !clusters.every(isAscending)) {
    throw new InvalidInput(
      `elbow: clusters are ${String(clusters)}; give at least three whole numbers from 1 to ${rowCount}, the number of points, ascending.`,
    );
  }
  const measured = await measuredPoints(points, kmeans.metric === 'cosine', 'elbow');
  const run = signal ? { signal } : {};
  const entries: ElbowEntry[] = [];
  for (const count of clusters) {
    const { inertia, labels, sizes } = await new KMeans({ ...kmeans, clusters: count }).fit(engine, points, run);
    const filled = sizes.filter((size) => size > 0).length;
    const isDefined = silhouetteSample !== 0 && filled > 1 && filled < rowCount;
    const drawn = { sample: silhouetteSample, seed: kmeans.seed ?? 0, ...run };
    const entry = {
      clusters: count,
      inertia,
      silhouette: isDefined ? await silhouette(engine, measured, labels, drawn) : undefined,
    };
    entries.push(entry);
    onProgress?.(entry);
  }
  const place = elbowOf(
    clusters,
    entries.map(({ inertia }) => inertia),
  );
  let best: ElbowEntry | undefined;
  for (const entry of entries) {
    if (entry.silhouette !== undefined && entry.silhouette > (best?.silhouette ?? -2)) best = entry;
  }
  return { entries, elbow: clusters[place] as number, bestSilhouette: best?.clusters };
}
