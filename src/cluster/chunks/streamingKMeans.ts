import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { PointChunks } from '../../base/pointChunks.ts';
import type { Engine } from '../../gpu/engine.ts';
import { givenCentroids, KMeans, type KMeansFit, type KMeansOptions, type KMeansRun } from '../kmeans/kmeans.ts';
import { haltReasons, type Status } from '../kmeans/state.ts';
import { toFrame } from '../points/frame.ts';
import type { PointStatistics } from '../points/pointSet.ts';
import { randomRows } from '../random.ts';
import { wholeNumber } from '../wholeNumber.ts';
import { type ChunkFit, concludeChunks } from './chunkFit.ts';
import { ChunkReader } from './chunkReader.ts';
import { ChunkRounds } from './chunkRounds.ts';
import { seedChunks } from './chunkSeeds.ts';
import { surveyChunks } from './chunkSurvey.ts';

/** Hyperparameters: those of `KMeans`, and the size of what lies on the GPU. */
export interface StreamingKMeansOptions
  extends Pick<KMeansOptions, 'clusters' | 'init' | 'tolerance' | 'maximumIterations' | 'seed'> {
  /** Rows on the GPU at a time, at least 1. Results do not depend on it. Default: as many as 32 MiB hold. */
  readonly chunkRows?: number;
}

/** The result of a fit over chunks: that of `KMeans`, with labels in compact form. */
export interface StreamingKMeansFit extends ChunkFit, Pick<KMeansFit, 'iterations' | 'converged'> {
  /** Rows that were on the GPU at a time. */
  readonly chunkRows: number;
}

/** Bytes of the points that lie on the GPU at a time, unless told otherwise. */
const defaultChunkBytes = 32 << 20;

/** Rows on the GPU at a time, unless told otherwise. */
export function defaultChunkRows({ columnCount, rowCount }: ChunkReader): number {
  const rows = Math.floor(defaultChunkBytes / (Math.ceil(columnCount / 4) * 16));
  return Math.min(rowCount, Math.max(64, rows));
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
    this.#hyperparameters = new KMeans(options, 'StreamingKMeans');
    const { init } = this.#hyperparameters;
    if (typeof init === 'string' && !['k-means++', 'random', 'first'].includes(init)) {
      throw new InvalidInput(
        `StreamingKMeans: init is "${init}"; over chunks there are "k-means++", "random", "first" and arrays of centroids.`,
      );
    }
    this.chunkRows =
      chunkRows === undefined
        ? undefined
        : wholeNumber(chunkRows, 1, 'StreamingKMeans: chunkRows', 'Leave it out for a chunk of 32 MiB.');
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
    throwIfAborted(run.signal);
    const reader = new ChunkReader(points, 'StreamingKMeans', run.signal);
    const { statistics, centroids } = await this.#survey(reader);
    const { clusters } = this.#hyperparameters;
    const capacity = Math.min(this.chunkRows ?? defaultChunkRows(reader), reader.rowCount);
    const rounds = new ChunkRounds(engine, reader, statistics, clusters, capacity);
    try {
      rounds.state.setCentroids(centroids);
      const status = await this.#iterate(rounds, statistics, run);
      const framed = await rounds.state.readCentroids();
      const fit = await concludeChunks(engine, reader, rounds.labels, framed, statistics.frame);
      const converged = status.halted !== haltReasons.running;
      return { ...fit, iterations: status.iteration, converged, chunkRows: capacity };
    } finally {
      rounds.release();
    }
  }

  /** Reads the points for their frame, and finds where centroids start. */
  async #survey(reader: ChunkReader): Promise<Survey> {
    const { clusters, init, seed } = this.#hyperparameters;
    let given: Float64Array | undefined;
    const { statistics, picked } = await surveyChunks(reader, (rowCount) => {
      given = givenCentroids(this.#hyperparameters, { rowCount, columnCount: reader.columnCount }, 'StreamingKMeans');
      if (init === 'first') return { rows: [...Array(clusters).keys()] };
      if (init === 'random') return { rows: randomRows(seed, clusters, rowCount) };
      return { rows: [], include: given };
    });
    const { frame, meanVariance } = statistics;
    const centroids =
      init === 'k-means++'
        ? await seedChunks(reader, frame, meanVariance, clusters, seed)
        : toFrame(given ?? picked, frame, 0, clusters);
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
