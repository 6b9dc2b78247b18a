import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { Tensor } from '../../gpu/tensor.ts';
import { labelsHash } from '../labelsHash.ts';
import { lendLabels } from '../lentLabels.ts';
import { type HostPoints, type PointSource, shapeOf } from '../points/points.ts';
import { derivedSeed } from '../random.ts';
import { wholeNumber } from '../wholeNumber.ts';
import { addInertia } from './inertia.ts';
import { KMeans, type KMeansFit, type KMeansIteration, type KMeansOptions, type KMeansRun } from './kmeans.ts';

/** Which cluster is split next: that with the greatest inertia, or with the most points; the lowest index wins a tie. */
export type BisectingStrategy = 'biggest-inertia' | 'largest-cluster';

/** Hyperparameters: those of the splits, and which clusters to split. */
export interface BisectingKMeansOptions
  extends Pick<KMeansOptions, 'clusters' | 'starts' | 'tolerance' | 'maximumIterations' | 'seed'> {
  /** Where the two centroids of a split start. Default `k-means++`. */
  readonly init?: 'k-means++' | 'random';
  /** Default `biggest-inertia`. */
  readonly strategy?: BisectingStrategy;
}

/** The result of a bisecting fit: plain data on the CPU. */
export interface BisectingKMeansFit
  extends Pick<KMeansFit, 'labels' | 'centroids' | 'inertia' | 'sizes' | 'labelsSha256'> {
  /**
   * The splits in their order: the cluster `from` kept its number for the part that has its first point, the other part
   * became cluster number `to`. Without the last splits they lead to the fits with fewer clusters.
   */
  readonly splits: readonly { readonly from: number; readonly to: number }[];
}

/** A split that has just been made, for drawing while it runs. */
export interface BisectingIteration extends Pick<KMeansIteration, 'labels' | 'readCentroids'> {
  /** Clusters by now. */
  readonly clusters: number;
  /** As in `splits` of the fit. */
  readonly split: BisectingKMeansFit['splits'][number];
}

/** How to run a fit. */
export interface BisectingRun extends Pick<KMeansRun, 'signal'> {
  /** Told after each split how many clusters there are. */
  readonly onProgress?: (clusters: number) => void;
  /** Called and awaited after each split, with labels that are sent to the GPU for it. */
  readonly onIteration?: (iteration: BisectingIteration) => void | Promise<void>;
}

/** A cluster that may be split. */
interface Leaf {
  /** Its points, in ascending order. */
  readonly rows: Uint32Array;
  readonly centroid: Float64Array;
  readonly inertia: number;
  /** Whether its points could not be told apart. */
  readonly whole: boolean;
}

function rowsOf({ data, columnCount }: HostPoints, rows: Uint32Array): HostPoints {
  const chosen =
    data instanceof Float32Array
      ? new Float32Array(rows.length * columnCount)
      : new Float64Array(rows.length * columnCount);
  for (let place = 0, index = 0; place < rows.length; place++) {
    const first = (rows[place] as number) * columnCount;
    for (let column = 0; column < columnCount; column++, index++) chosen[index] = data[first + column] as number;
  }
  return { data: chosen, rowCount: rows.length, columnCount };
}

/**
 * Bisecting k-means (M. Steinbach, G. Karypis, V. Kumar, "A comparison of document clustering techniques", 2000): starts
 * with one cluster and splits one after the other in two by `KMeans` on the GPU. Cheaper than `KMeans` for many clusters,
 * with clusters that are nested: those of k + 1 refine those of k. Labels are those of the splits, which need not be the
 * nearest centroids, as in scikit-learn's `BisectingKMeans`.
 *
 * The same input gives the same bits on every run and every adapter. If there are fewer different points than clusters,
 * there are only as many clusters. Memory: that of `KMeans`; on the CPU the points twice.
 */
export class BisectingKMeans {
  readonly clusters: number;
  readonly strategy: BisectingStrategy;
  readonly #split: KMeansOptions;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: BisectingKMeansOptions = {}) {
    const { clusters = 8, strategy = 'biggest-inertia', init = 'k-means++', ...split } = options;
    this.clusters = wholeNumber(clusters, 1, 'BisectingKMeans: clusters', 'Ask for at least one cluster.');
    if (strategy !== 'biggest-inertia' && strategy !== 'largest-cluster') {
      throw new InvalidInput(
        `BisectingKMeans: strategy is "${String(strategy)}"; use "biggest-inertia" or "largest-cluster".`,
      );
    }
    if (init !== 'k-means++' && init !== 'random') {
      throw new InvalidInput(`BisectingKMeans: init is "${String(init)}"; use "k-means++" or "random".`);
    }
    this.strategy = strategy;
    this.#split = { ...split, init };
    new KMeans(this.#split, 'BisectingKMeans');
  }

  /**
   * Clusters points, one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is read.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than clusters or a non-finite coordinate,
   * LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: BisectingRun = {}): Promise<BisectingKMeansFit> {
    const { signal, onProgress, onIteration } = run;
    const shape = shapeOf(points, 'BisectingKMeans');
    if (this.clusters > shape.rowCount) {
      throw new InvalidInput(
        `BisectingKMeans: ${this.clusters} clusters of ${shape.rowCount} points; ask for at most ${shape.rowCount} clusters.`,
      );
    }
    throwIfAborted(signal);
    const host: HostPoints = points instanceof Tensor ? { ...shape, data: await points.read() } : points;
    const all = Uint32Array.from({ length: host.rowCount }, (_, row) => row);
    const once = await new KMeans({ ...this.#split, init: 'first', starts: 1, clusters: 1 }, 'BisectingKMeans').fit(
      engine,
      host,
      signal ? { signal } : {},
    );
    const leaves: Leaf[] = [{ rows: all, centroid: once.centroids, inertia: once.inertia, whole: false }];
    const splits: { from: number; to: number }[] = [];
    while (leaves.length < this.clusters) {
      const from = this.#next(leaves);
      if (from === undefined) break;
      const [kept, made] = await this.#divide(engine, host, leaves[from] as Leaf, splits.length, signal);
      leaves[from] = kept;
      if (!made) continue;
      const split = { from, to: leaves.length };
      splits.push(split);
      leaves.push(made);
      onProgress?.(leaves.length);
      if (!onIteration) continue;
      const readCentroids = async () => joinedCentroids(leaves);
      await lendLabels(engine, labelsOf(leaves, host.rowCount), host.rowCount, (labels) =>
        onIteration({ clusters: leaves.length, split, labels, readCentroids }),
      );
    }
    return conclude(host.rowCount, leaves, splits);
  }

  /** The cluster to split next, if any can be. */
  #next(leaves: readonly Leaf[]): number | undefined {
    const measure = ({ rows, inertia }: Leaf): number => (this.strategy === 'biggest-inertia' ? inertia : rows.length);
    let best: number | undefined;
    for (const [index, leaf] of leaves.entries()) {
      if (leaf.whole || leaf.rows.length < 2) continue;
      if (best === undefined || measure(leaf) > measure(leaves[best] as Leaf)) best = index;
    }
    return best;
  }

  /** Two clusters out of one, the first with its first point; or itself, if its points are all alike. */
  async #divide(
    engine: Engine,
    points: HostPoints,
    leaf: Leaf,
    index: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly [Leaf, Leaf?]> {
    const { columnCount } = points;
    const own = rowsOf(points, leaf.rows);
    const seed = derivedSeed(this.#split.seed ?? 0, 'splits', index);
    const { labels, centroids, sizes } = await new KMeans({ ...this.#split, clusters: 2, seed }, 'BisectingKMeans').fit(
      engine,
      own,
      signal ? { signal } : {},
    );
    if (sizes.includes(0)) return [{ ...leaf, whole: true }];
    const first = labels[0] as number;
    const [kept, made] = [first, 1 - first].map((label): Leaf => {
      const places = new Uint32Array(sizes[label] as number);
      for (let place = 0, found = 0; found < places.length; place++) {
        if (labels[place] === label) places[found++] = place;
      }
      const centroid = centroids.slice(label * columnCount, (label + 1) * columnCount);
      const { data } = rowsOf(own, places);
      const inertia = addInertia(0, data, columnCount, new Uint8Array(places.length), centroid);
      return { rows: places.map((place) => leaf.rows[place] as number), centroid, inertia, whole: false };
    });
    return [kept as Leaf, made as Leaf];
  }
}

/** Row-major [clusters, columns]. */
function joinedCentroids(leaves: readonly Leaf[]): Float64Array<ArrayBuffer> {
  return Float64Array.from(leaves.flatMap(({ centroid }) => [...centroid]));
}

function labelsOf(leaves: readonly Leaf[], rowCount: number): Int32Array<ArrayBuffer> {
  const labels = new Int32Array(rowCount);
  for (const [cluster, { rows }] of leaves.entries()) {
    for (const row of rows) labels[row] = cluster;
  }
  return labels;
}

function conclude(rowCount: number, leaves: readonly Leaf[], splits: BisectingKMeansFit['splits']): BisectingKMeansFit {
  const labels = labelsOf(leaves, rowCount);
  return {
    labels,
    centroids: joinedCentroids(leaves),
    inertia: leaves.reduce((sum, { inertia }) => sum + inertia, 0),
    sizes: Int32Array.from(leaves, ({ rows }) => rows.length),
    splits,
    labelsSha256: () => labelsHash(labels),
  };
}
