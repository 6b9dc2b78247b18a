import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { KMeans } from '../kmeans/kmeans.ts';
import { distinctRows } from '../points/duplicates.ts';
import { framePoints } from '../points/framedPoints.ts';
import { type PointSource, shapeOf } from '../points/points.ts';
import { AgglomerativeFit, type DendrogramCut, type LeafPoints } from './dendrogram.ts';
import type { Leaves, Linkage, Merges } from './linkage.ts';
import { MatrixClusters } from './linkageMatrix.ts';
import { type LinkageRun, mergeMutualNeighbours } from './mutualNeighbours.ts';
import { chainMerges, largestChain } from './neighbourChain.ts';
import { spanningTree } from './spanningTree.ts';
import { WardClusters } from './wardClusters.ts';

const linkages: readonly Linkage[] = ['ward', 'complete', 'average', 'single'];

/** Hyperparameters, with scikit-learn's meanings. */
export interface AgglomerativeOptions {
  /** Number of clusters of `labels`, from 1 to the number of points. Default 2, unless `height` is given. */
  readonly clusters?: number;
  /** Cuts at this height instead: clusters that are as far apart or farther stay apart. At least 0. */
  readonly height?: number;
  /**
   * The distance between two clusters: `ward` how much their merge adds to the squared deviations from the means, as a
   * distance; `complete`, `average` and `single` the greatest, mean and smallest distance of their points. Default `ward`.
   */
  readonly linkage?: Linkage;
  /**
   * Brings the points to this many clusters by k-means first and links those, by their means and sizes: for more points
   * than a linkage has time or memory for. From 1 to the number of points; not done unless given.
   */
  readonly preclusters?: number;
  /** Seed of that k-means, a whole number from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
}

function assertWhole(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new InvalidInput(`Agglomerative: ${name} is ${value}; it must be a whole number of at least ${least}.`);
}

/**
 * Hierarchical clustering from single points upwards, with Euclidean distances. The GPU finds nearest neighbours in
 * float32; where that cannot be sure which is nearest, float64 decides, and heights are computed in float64. So the same
 * points give the same hierarchy on every run and every adapter. Equal points merge first, at height 0. Other equal
 * distances allow more than one hierarchy: `complete` and `average` of up to 8,192 different points then take scikit-learn's,
 * by a chain of neighbours on the CPU; otherwise a fixed order decides, which has no meaning.
 *
 * - `ward`, `complete`, `average`: all mutual nearest neighbours merge at once (F. Murtagh, 1983). Ward heights are those
 *   of scikit-learn and R's `ward.D2`. O(n) memory for `ward`; a matrix of 4·n² bytes on the GPU, within one binding (5,792
 *   points in 128 MiB), and a smaller one beside it for `complete` and `average`, and n²/2 distances in float64 on the CPU
 *   for their heights.
 * - `single`: the edges of a minimum spanning tree (O. Borůvka, 1926), O(n) memory.
 *
 * About n² distances in all for usual data. Many ties are slow, since float64 decides each on the CPU.
 */
export class Agglomerative {
  readonly clusters: number | undefined;
  readonly height: number | undefined;
  readonly linkage: Linkage;
  readonly preclusters: number | undefined;
  readonly seed: number;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: AgglomerativeOptions = {}) {
    const { clusters, height, linkage = 'ward', preclusters, seed = 0 } = options;
    if (clusters !== undefined && height !== undefined) {
      throw new InvalidInput(
        `Agglomerative: clusters is ${clusters} and height is ${height}; cut by one of them, and by others with labelsAt().`,
      );
    }
    assertWhole('clusters', clusters, 1);
    assertWhole('preclusters', preclusters, 1);
    assertWhole('seed', seed, 0);
    if (height !== undefined && !(height >= 0)) {
      throw new InvalidInput(`Agglomerative: height is ${height}; cut at a height of at least 0.`);
    }
    if (!linkages.includes(linkage)) {
      throw new InvalidInput(`Agglomerative: linkage is "${linkage}"; use ${linkages.join(', ')}.`);
    }
    this.clusters = height === undefined ? (clusters ?? 2) : undefined;
    this.height = height;
    this.linkage = linkage;
    this.preclusters = preclusters;
    this.seed = seed;
  }

  /**
   * Clusters points: one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is read back.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than clusters or a non-finite coordinate,
   * LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: LinkageRun = {}): Promise<AgglomerativeFit> {
    throwIfAborted(run.signal);
    const { rowCount } = shapeOf(points, 'Agglomerative');
    const { preclusters = rowCount } = this;
    if (preclusters > rowCount) {
      throw new InvalidInput(
        `Agglomerative: ${preclusters} preclusters of ${rowCount} points; ask for at most ${rowCount}, or leave preclusters out.`,
      );
    }
    if (this.clusters !== undefined && this.clusters > preclusters) {
      throw new InvalidInput(
        `Agglomerative: ${this.clusters} clusters of ${preclusters} ${preclusters < rowCount ? 'preclusters' : 'points'}; ask for at most ${preclusters} clusters.`,
      );
    }
    const { source, ...leaves } =
      this.preclusters === undefined ? pointLeaves(points, rowCount) : await this.#precluster(engine, points, run);
    const merges = await this.#link(engine, source, leaves.leafSizes, run);
    const cut: DendrogramCut =
      this.height === undefined
        ? { clusters: Math.min(this.clusters ?? 1, leaves.leafSizes.length) }
        : { height: this.height };
    return new AgglomerativeFit(merges, leaves, cut);
  }

  /** The non-empty clusters of a k-means, as leaves. */
  async #precluster(
    engine: Engine,
    points: PointSource,
    run: LinkageRun,
  ): Promise<LeafPoints & { readonly source: PointSource }> {
    const { columnCount } = shapeOf(points, 'Agglomerative');
    const { preclusters = 1, seed } = this;
    const fit = await new KMeans({ clusters: preclusters, seed }).fit(
      engine,
      points,
      run.signal ? { signal: run.signal } : {},
    );
    const filled = Array.from(fit.sizes.keys()).filter((cluster) => (fit.sizes[cluster] as number) > 0);
    const leaf = new Map(filled.map((cluster, position) => [cluster, position]));
    const data = new Float64Array(filled.length * columnCount);
    filled.forEach((cluster, position) => {
      data.set(fit.centroids.subarray(cluster * columnCount, (cluster + 1) * columnCount), position * columnCount);
    });
    return {
      source: { data, rowCount: filled.length, columnCount },
      leafOf: fit.labels.map((label) => leaf.get(label) as number),
      leafSizes: Int32Array.from(filled, (cluster) => fit.sizes[cluster] as number),
    };
  }

  async #link(engine: Engine, source: PointSource, leafSizes: Int32Array, run: LinkageRun): Promise<Merges> {
    const { coordinates, columnCount, rowCount, frame } = await framePoints(source, 'Agglomerative');
    const { firstRows, kinds } = distinctRows(coordinates, columnCount);
    const weights = new Float64Array(firstRows.length);
    kinds.forEach((kind, row) => {
      weights[kind] = (weights[kind] as number) + (leafSizes[row] as number);
    });
    const distinct = new Float64Array(firstRows.length * columnCount);
    firstRows.forEach((row, kind) => {
      distinct.set(coordinates.subarray(row * columnCount, (row + 1) * columnCount), kind * columnCount);
    });
    const merges = await this.#mergeDistinct(engine, { coordinates: distinct, columnCount, weights }, run);
    // First each point with the first that is equal, at height 0.
    const repeated = Array.from({ length: rowCount }, (_, row) => row).filter(
      (row) => firstRows[kinds[row] as number] !== row,
    );
    const rowOf = (kind: number) => firstRows[kind] as number;
    return {
      left: Int32Array.from([...repeated.map((row) => rowOf(kinds[row] as number)), ...merges.left.map(rowOf)]),
      right: Int32Array.from([...repeated, ...merges.right.map(rowOf)]),
      heights: Float64Array.from([
        ...repeated.fill(0),
        ...merges.heights.map((height) => height / 2 ** frame.exponent),
      ]),
    };
  }

  async #mergeDistinct(engine: Engine, leaves: Leaves, run: LinkageRun): Promise<Merges> {
    if (this.linkage === 'single') return spanningTree(engine, leaves, run);
    const { linkage } = this;
    const clusters =
      linkage === 'ward' ? new WardClusters(engine, leaves) : new MatrixClusters(engine, leaves, linkage);
    let merges: Merges | undefined;
    try {
      merges = await mergeMutualNeighbours(clusters, run, linkage !== 'ward' && clusters.count <= largestChain);
    } finally {
      clusters.release();
    }
    if (merges) return merges;
    throwIfAborted(run.signal);
    const chained = chainMerges(leaves, linkage === 'average' ? 'average' : 'complete');
    run.onProgress?.({ clusters: 1 });
    return chained;
  }
}

/** Every point a leaf. */
function pointLeaves(source: PointSource, rowCount: number): LeafPoints & { readonly source: PointSource } {
  return {
    source,
    leafOf: Int32Array.from({ length: rowCount }, (_, row) => row),
    leafSizes: new Int32Array(rowCount).fill(1),
  };
}
