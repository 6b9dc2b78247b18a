import { InvalidInput } from '../base/errors.ts';
import type { PointChunks } from '../base/pointChunks.ts';
import type { Engine } from '../gpu/engine.ts';
import { ChunkReader } from './chunkReader.ts';
import { ChunkRounds } from './chunkRounds.ts';
import { RowPicker, seedChunks } from './chunkSeeds.ts';
import { type Frame, toFrame } from './frame.ts';
import { addInertia } from './inertia.ts';
import {
  fromFrame,
  givenCentroids,
  KMeans,
  type KMeansFit,
  type KMeansOptions,
  type KMeansRun,
  predictLabels,
  wholeNumber,
} from './kmeans.ts';
import { assertNotAborted } from './lloyd.ts';
import { RangeSums, VarianceSums } from './pointRanges.ts';
import type { PointStatistics } from './pointSet.ts';
import { randomRows } from './random.ts';
import { haltReasons, type Status } from './state.ts';
import type { StoredLabels } from './storedLabels.ts';

/** Hyperparameters: those of `KMeans`, and the size of what lies on the GPU. */
export interface StreamingKMeansOptions
  extends Pick<KMeansOptions, 'clusters' | 'init' | 'tolerance' | 'maximumIterations' | 'seed'> {
  /** Rows on the GPU at a time, at least 1. Results do not depend on it. Default: as many as 32 MiB hold. */
  readonly chunkRows?: number;
}

/** The result of a fit over chunks: that of `KMeans`, with labels in compact form. */
export interface StreamingKMeansFit extends Omit<KMeansFit, 'labels'> {
  /** Nearest final centroid of each point; the lowest index wins a tie. */
  readonly labels: StoredLabels;
  /** Rows that were on the GPU at a time. */
  readonly chunkRows: number;
  /** The labels of other points that come chunk by chunk: one array a chunk. @throws ShapeMismatch, InvalidInput */
  predictChunks(points: PointChunks): AsyncGenerator<Int32Array<ArrayBuffer>>;
}

/** Bytes of the points that lie on the GPU at a time, unless told otherwise. */
const defaultChunkBytes = 32 << 20;

function defaultChunkRows(columnCount: number): number {
  return Math.max(64, Math.floor(defaultChunkBytes / (Math.ceil(columnCount / 4) * 16)));
}

/** What the first two readings find out. */
interface Survey {
  readonly statistics: PointStatistics;
  /** [clusters][rowFloats] in the frame. */
  readonly centroids: Float32Array<ArrayBuffer>;
}

/**
 * k-means of points that are read chunk by chunk, as often as needed: of more than the GPU, or the computer's memory,
 * holds. Labels, centroids, iterations and inertia have the same bits as those of `KMeans` for the same points in one array,
 * whatever the chunks and `chunkRows` are: the frame comes from sums in the order of the rows, sums of clusters are exact.
 *
 * The points are read twice first, for their ranges and variances, then once a round, twice at the end, and with
 * `k-means++` once for each cluster (use `random`, or centroids of a sample, where that is too often); once more where a
 * cluster becomes empty. While a chunk is computed the next is read.
 *
 * Memory on the GPU, however many points there are: with r = `chunkRows`, k clusters and d columns padded to a multiple of
 * 4, r · (4 d + 20) + k · (12 d + 12) bytes, up to a quarter more by the steps of the buffer pool, and 4 bytes a row of the
 * chunk where clusters become empty. On the CPU: a few chunks, 1 byte a point for labels (2 above 256 clusters, 4 above
 * 65,536), and 4 bytes a point during `k-means++`.
 */
export class StreamingKMeans {
  readonly chunkRows: number | undefined;
  readonly #hyperparameters: KMeans;

  /** @throws InvalidInput for an option outside its range. */
  constructor({ chunkRows, ...options }: StreamingKMeansOptions = {}) {
    this.#hyperparameters = new KMeans(options);
    const { init } = this.#hyperparameters;
    if (typeof init === 'string' && !['k-means++', 'random', 'first'].includes(init)) {
      throw new InvalidInput(
        `StreamingKMeans: init is "${init}"; over chunks there are "k-means++", "random", "first" and arrays of centroids.`,
      );
    }
    this.chunkRows =
      chunkRows === undefined
        ? undefined
        : wholeNumber(chunkRows, 1, 'chunkRows', 'Leave it out for a chunk of 32 MiB.');
  }

  /**
   * Clusters points that are read chunk by chunk.
   * @throws ShapeMismatch for a chunk of another width, InvalidInput for no points, fewer points than clusters, a non-finite
   * coordinate or a source that yields other rows when read again, LimitExceeded, OutOfMemory, Aborted
   */
  async fit(
    engine: Engine,
    points: PointChunks,
    run: Pick<KMeansRun, 'signal' | 'onProgress'> = {},
  ): Promise<StreamingKMeansFit> {
    assertNotAborted(run.signal);
    const reader = new ChunkReader(points, 'StreamingKMeans', run.signal);
    const { statistics, centroids } = await this.#survey(reader);
    const { clusters } = this.#hyperparameters;
    const capacity = Math.min(this.chunkRows ?? defaultChunkRows(reader.columnCount), reader.rowCount);
    const rounds = new ChunkRounds(engine, reader, statistics, clusters, capacity);
    try {
      rounds.state.setCentroids(centroids);
      const status = await this.#iterate(rounds, statistics, run);
      const framed = await rounds.state.readCentroids();
      return await conclude(engine, reader, rounds.labels, { framed, frame: statistics.frame, status, capacity });
    } finally {
      rounds.release();
    }
  }

  /** Reads the points for their frame, and finds where centroids start. */
  async #survey(reader: ChunkReader): Promise<Survey> {
    const { clusters, init, seed } = this.#hyperparameters;
    const { columnCount } = reader;
    const ranges = new RangeSums(columnCount, 'StreamingKMeans');
    for await (const { data } of reader.chunks()) ranges.add(data);
    const { rowCount } = reader;
    const given = givenCentroids(this.#hyperparameters, { rowCount, columnCount });
    const plan = ranges.finish(given ? { include: given } : {});
    const { frame, largest } = plan;
    const variances = new VarianceSums(plan);
    const rows =
      init === 'first' ? [...Array(clusters).keys()] : init === 'random' ? randomRows(seed, clusters, rowCount) : [];
    const picker = new RowPicker(rows, columnCount);
    for await (const chunk of reader.chunks()) {
      variances.add(chunk.data);
      picker.add(chunk);
    }
    const statistics = { frame, largest, meanVariance: variances.mean(rowCount) };
    const centroids =
      init === 'k-means++'
        ? await seedChunks(reader, frame, statistics.meanVariance, clusters, seed)
        : toFrame(given ?? picker.picked, frame, 0, clusters);
    return { statistics, centroids };
  }

  async #iterate(
    rounds: ChunkRounds,
    { frame, meanVariance }: PointStatistics,
    { onProgress }: Pick<KMeansRun, 'onProgress'>,
  ): Promise<Status> {
    const { tolerance, maximumIterations } = this.#hyperparameters;
    rounds.state.setThreshold(tolerance * meanVariance);
    let status = await rounds.round(true);
    for (;;) {
      const { iteration, changed, shift, halted } = status;
      const converged = halted !== haltReasons.running;
      onProgress?.({ iteration, changed, shift: shift / 4 ** frame.exponent, converged });
      if (converged || iteration >= maximumIterations) break;
      status = await rounds.round(false);
    }
    if (status.halted !== haltReasons.settled) await rounds.assignFinally();
    return status;
  }
}

/** Where an iteration has ended. */
interface End {
  readonly framed: Float32Array<ArrayBuffer>;
  readonly frame: Frame;
  readonly status: Status;
  readonly capacity: number;
}

async function conclude(
  engine: Engine,
  reader: ChunkReader,
  labels: StoredLabels,
  { framed, frame, status, capacity }: End,
): Promise<StreamingKMeansFit> {
  const centroids = fromFrame(framed, frame);
  const sizes = new Int32Array(centroids.length / reader.columnCount);
  let inertia = 0;
  for await (const { data, rowCount, firstRow } of reader.chunks()) {
    const own = labels.slice(firstRow, firstRow + rowCount);
    for (const label of own) sizes[label] = (sizes[label] as number) + 1;
    inertia = addInertia(inertia, data, reader.columnCount, own, centroids);
  }
  return {
    labels,
    centroids,
    inertia,
    iterations: status.iteration,
    converged: status.halted !== haltReasons.running,
    sizes,
    chunkRows: capacity,
    predict: (others) => predictLabels(engine, others, framed, frame),
    async *predictChunks(others) {
      for await (const { data, rowCount } of new ChunkReader(others, 'predict').chunks()) {
        const points = { data, rowCount, columnCount: others.columnCount };
        yield rowCount === 0 ? new Int32Array() : await predictLabels(engine, points, framed, frame);
      }
    },
    labelsSha256: () => labels.sha256(),
  };
}
