import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput, LimitExceeded } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { Tensor } from '../../gpu/tensor.ts';
import { labelsHash } from '../labelsHash.ts';
import { lendLabels } from '../lentLabels.ts';
import { type HostPoints, type PointSource, shapeOf } from '../points/points.ts';
import { wholeNumber } from '../wholeNumber.ts';
import { addInertia } from './inertia.ts';
import { KMeans, type KMeansFit, type KMeansOptions, type KMeansRun } from './kmeans.ts';
import { balancedLabels, type Capacity } from './transport.ts';

/** Hyperparameters: those of the k-means that it starts from, and how large a cluster may be. */
export interface BalancedKMeansOptions
  extends Pick<KMeansOptions, 'clusters' | 'init' | 'starts' | 'tolerance' | 'seed'> {
  /**
   * Share of the points that a cluster may have at most, from 1 / clusters to 1; rounded up to whole points. Default: sizes
   * differ by at most 1.
   */
  readonly maximumShare?: number;
  /** Most rounds of balanced assignment and update, at least 1. Default 100. */
  readonly maximumIterations?: number;
}

/** The result of a balanced fit: plain data on the CPU. */
export type BalancedKMeansFit = Pick<
  KMeansFit,
  'labels' | 'centroids' | 'inertia' | 'iterations' | 'converged' | 'sizes' | 'labelsSha256'
>;

/** How to run a fit. */
export interface BalancedKMeansRun extends Pick<KMeansRun, 'signal' | 'onProgress'> {
  /** Called and awaited after every balanced round, with labels that are sent to the GPU for it. */
  readonly onIteration?: NonNullable<KMeansRun['onIteration']>;
}

/** Most distances that are held at a time: 512 MiB. */
const largestEntryCount = 2 ** 26;

/**
 * k-means with clusters of equal or limited sizes: `KMeans` on the GPU first, then rounds in which the points are assigned
 * at the least sum of squared distances that the sizes allow ("Constrained K-Means Clustering", K. Bennett, P. Bradley,
 * A. Demiriz, 2000; see `balancedLabels`), and centroids become means, until no label changes or the inertia does not
 * shrink. Each round is optimal; the result is a local optimum, as that of k-means is.
 *
 * The balanced rounds run on the CPU in float64, one point moving after the other: for up to 67 million points times
 * clusters, and in practice some hundred clusters. The same input gives the same bits on every run and adapter.
 */
export class BalancedKMeans {
  readonly maximumShare: number | undefined;
  readonly maximumIterations: number;
  readonly #start: KMeans;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: BalancedKMeansOptions = {}) {
    const { maximumShare, maximumIterations = 100, ...start } = options;
    this.#start = new KMeans(start, 'BalancedKMeans');
    this.maximumIterations = wholeNumber(
      maximumIterations,
      1,
      'BalancedKMeans: maximumIterations',
      'Allow at least one round.',
    );
    const { clusters } = this.#start;
    if (maximumShare !== undefined && !(maximumShare >= 1 / clusters && maximumShare <= 1)) {
      throw new InvalidInput(
        `BalancedKMeans: maximumShare is ${maximumShare}; ${clusters} clusters that hold all points need a share from 1 / ${clusters} to 1.`,
      );
    }
    this.maximumShare = maximumShare;
  }

  /**
   * Clusters points, one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is read.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than clusters or a non-finite coordinate,
   * LimitExceeded, OutOfMemory, Aborted
   */
  async fit(
    engine: Engine,
    points: PointSource,
    { onIteration, ...run }: BalancedKMeansRun = {},
  ): Promise<BalancedKMeansFit> {
    const { clusters } = this.#start;
    const shape = shapeOf(points, 'BalancedKMeans');
    if (shape.rowCount * clusters > largestEntryCount) {
      throw new LimitExceeded(
        `BalancedKMeans: ${shape.rowCount} points times ${clusters} clusters are ${shape.rowCount * clusters} distances; at most ${largestEntryCount} are held. Balance a sample, or ask for fewer clusters.`,
      );
    }
    const host: HostPoints = points instanceof Tensor ? { ...shape, data: await points.read() } : points;
    const free = await this.#start.fit(engine, host, run);
    const capacity = this.#capacity(shape.rowCount);
    let { centroids } = free;
    let labels = free.labels;
    let inertia = Number.POSITIVE_INFINITY;
    for (let iteration = 1; ; iteration++) {
      throwIfAborted(run.signal);
      const next = balancedLabels(squaredDistances(host, centroids, clusters), clusters, capacity);
      const moved = meansOf(host, next, centroids);
      const nextInertia = addInertia(0, host.data, host.columnCount, next, moved);
      const settled = iteration > 1 && !(nextInertia < inertia);
      if (!settled) {
        labels = next;
        centroids = moved;
        inertia = nextInertia;
      }
      if (onIteration) {
        const now = centroids;
        const readCentroids = async () => now.slice();
        await lendLabels(engine, labels, host.rowCount, (lent) =>
          onIteration({ iteration, labels: lent, readCentroids }),
        );
      }
      if (!settled && iteration < this.maximumIterations) continue;
      const sizes = new Int32Array(clusters);
      for (const label of labels) sizes[label] = (sizes[label] as number) + 1;
      const final = labels;
      const labelsSha256 = () => labelsHash(final);
      return { labels, centroids, inertia, iterations: iteration, converged: settled, sizes, labelsSha256 };
    }
  }

  #capacity(rowCount: number): Capacity {
    const { clusters } = this.#start;
    const even = Math.ceil(rowCount / clusters);
    if (this.maximumShare === undefined) return { least: Math.floor(rowCount / clusters), most: even };
    // A product that is whole but for its rounding (0.07 · 100) is not to be rounded up.
    const most = Math.ceil(this.maximumShare * rowCount * (1 - 2 * Number.EPSILON));
    return { least: 0, most: Math.max(even, most) };
  }
}

/** [rows, clusters] */
function squaredDistances(
  { data, rowCount, columnCount }: HostPoints,
  centroids: Float64Array,
  clusters: number,
): Float64Array {
  const distances = new Float64Array(rowCount * clusters);
  for (let row = 0, entry = 0; row < rowCount; row++) {
    for (let cluster = 0; cluster < clusters; cluster++, entry++) {
      let sum = 0;
      for (let column = 0; column < columnCount; column++) {
        const difference =
          (data[row * columnCount + column] as number) - (centroids[cluster * columnCount + column] as number);
        sum += difference * difference;
      }
      distances[entry] = sum;
    }
  }
  return distances;
}

/** The mean of each cluster; one without points stays where it is. */
function meansOf(
  { data, columnCount }: HostPoints,
  labels: Int32Array,
  centroids: Float64Array,
): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(centroids.length);
  const counts = new Float64Array(centroids.length / columnCount);
  for (const [row, label] of labels.entries()) {
    counts[label] = (counts[label] as number) + 1;
    for (let column = 0; column < columnCount; column++) {
      const place = label * columnCount + column;
      sums[place] = (sums[place] as number) + (data[row * columnCount + column] as number);
    }
  }
  return sums.map((sum, place) => {
    const count = counts[Math.floor(place / columnCount)] as number;
    return count === 0 ? (centroids[place] as number) : sum / count;
  });
}
