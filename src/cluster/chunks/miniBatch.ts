import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { PointChunks } from '../../base/pointChunks.ts';
import type { Engine } from '../../gpu/engine.ts';
import { Tensor } from '../../gpu/tensor.ts';
import { recordAssign, recordNorms } from '../kmeans/assign.ts';
import { givenCentroids, KMeans, type KMeansFit, type KMeansOptions, type KMeansRun } from '../kmeans/kmeans.ts';
import { toFrame } from '../points/frame.ts';
import type { PointStatistics } from '../points/pointSet.ts';
import { type HostPoints, type PointSource, shapeOf } from '../points/points.ts';
import { randomIndex, randomRows } from '../random.ts';
import { wholeNumber } from '../wholeNumber.ts';
import { arrayChunks } from './arrayChunks.ts';
import { type ChunkFit, concludeChunks } from './chunkFit.ts';
import { ChunkReader } from './chunkReader.ts';
import { ChunkRounds } from './chunkRounds.ts';
import { seedChunks } from './chunkSeeds.ts';
import { surveyChunks } from './chunkSurvey.ts';
import { HeldChunk } from './heldChunk.ts';
import { BatchCentres } from './miniBatchCentres.ts';
import { type MiniBatchIteration, type MiniBatchProgress, ShownBatches } from './shownBatches.ts';
import { defaultChunkRows } from './streamingKMeans.ts';

/** Hyperparameters, with scikit-learn's meanings and defaults. */
export interface MiniBatchKMeansOptions extends Pick<KMeansOptions, 'clusters' | 'init' | 'seed'> {
  /** Points of a batch, at least 1. Default 1,024. */
  readonly batchSize?: number;
  /** Most passes over as many points as there are, at least 1. Default 100. */
  readonly maximumIterations?: number;
  /** Batches without a smaller smoothed inertia that end it, at least 1; Infinity goes on to the last. Default 10. */
  readonly noImprovement?: number;
  /**
   * Share of the largest cluster's points below which a cluster starts again from a random point of the batch, from 0
   * (never) to 1. Default 0.01.
   */
  readonly reassignmentRatio?: number;
}

/** The result of a fit by mini-batches. */
export interface MiniBatchKMeansFit extends Omit<ChunkFit, 'labels'>, Pick<KMeansFit, 'labels' | 'converged'> {
  /** Batches that moved the centroids. */
  readonly steps: number;
}

/** The result of a fit by mini-batches over chunks: labels in compact form. */
export type MiniBatchChunkFit = Omit<MiniBatchKMeansFit, 'labels'> & Pick<ChunkFit, 'labels'>;

/** How to run a fit over chunks. */
export interface MiniBatchChunkRun extends Pick<KMeansRun, 'signal'> {
  /** Called after each batch. */
  readonly onProgress?: (progress: MiniBatchProgress) => void;
}

/** How to run a fit. */
export interface MiniBatchRun extends MiniBatchChunkRun {
  /** Called and awaited after each batch. */
  readonly onIteration?: (iteration: MiniBatchIteration) => void | Promise<void>;
}

/** Rows in a frame, batch by batch. */
type Batches = AsyncGenerator<Float32Array<ArrayBuffer>>;

/**
 * k-means by mini-batches (D. Sculley, "Web-scale k-means clustering", 2010), with the rules of scikit-learn's
 * `MiniBatchKMeans` for stopping and for clusters with few points: each batch is assigned on the GPU, and each centroid
 * moves to the mean of all points that it was given so far. Far fewer distances than `KMeans`, a slightly greater inertia.
 * All points are assigned at the end.
 *
 * Batches are drawn with replacement by counter-based random numbers, from chunks in their order (shuffle sorted data
 * first). Labels are exact, centroids move in float64: the same input gives the same result on every run, every adapter and
 * for every size of chunks. `k-means++` and `random` start from 3 · batchSize random points.
 *
 * Memory on the GPU: a batch, and at the end a chunk of 32 MiB, whatever the number of points.
 */
export class MiniBatchKMeans {
  readonly batchSize: number;
  readonly maximumIterations: number;
  readonly noImprovement: number;
  readonly reassignmentRatio: number;
  readonly #start: KMeans;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: MiniBatchKMeansOptions = {}) {
    const {
      batchSize = 1024,
      maximumIterations = 100,
      noImprovement = 10,
      reassignmentRatio = 0.01,
      ...start
    } = options;
    this.#start = new KMeans(start, 'MiniBatchKMeans');
    if (this.#start.init === 'k-means||') {
      throw new InvalidInput('MiniBatchKMeans: init is "k-means||"; use "k-means++", "random", "first" or centroids.');
    }
    this.batchSize = wholeNumber(batchSize, 1, 'MiniBatchKMeans: batchSize', 'A thousand points are usual.');
    this.maximumIterations = wholeNumber(
      maximumIterations,
      1,
      'MiniBatchKMeans: maximumIterations',
      'Allow at least one pass.',
    );
    this.noImprovement =
      noImprovement === Number.POSITIVE_INFINITY
        ? noImprovement
        : wholeNumber(noImprovement, 1, 'MiniBatchKMeans: noImprovement', 'Use Infinity to go on to the last batch.');
    if (!(reassignmentRatio >= 0 && reassignmentRatio <= 1)) {
      throw new InvalidInput(
        `MiniBatchKMeans: reassignmentRatio is ${reassignmentRatio}; it must be a share from 0 to 1. Use 0 to let small clusters be.`,
      );
    }
    this.reassignmentRatio = reassignmentRatio;
  }

  /**
   * Clusters points, one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is read.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than clusters or a non-finite coordinate,
   * LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: MiniBatchRun = {}): Promise<MiniBatchKMeansFit> {
    const shape = shapeOf(points, 'MiniBatchKMeans');
    const host: HostPoints = points instanceof Tensor ? { ...shape, data: await points.read() } : points;
    const shown = run.onIteration && new ShownBatches(engine, host, run.onIteration);
    try {
      const fit = await this.#fit(engine, arrayChunks(host), run, (statistics) => this.#drawn(host, statistics), shown);
      return { ...fit, labels: fit.labels.slice() };
    } finally {
      shown?.release();
    }
  }

  /**
   * Clusters points that are read chunk by chunk.
   * @throws what `StreamingKMeans.fit` throws
   */
  async fitChunks(engine: Engine, points: PointChunks, run: MiniBatchChunkRun = {}): Promise<MiniBatchChunkFit> {
    return this.#fit(engine, points, run, (statistics, reader) => this.#inOrder(reader, statistics));
  }

  async #fit(
    engine: Engine,
    points: PointChunks,
    run: MiniBatchChunkRun,
    batchesOf: (statistics: PointStatistics, reader: ChunkReader) => Batches,
    shown?: ShownBatches,
  ): Promise<MiniBatchChunkFit> {
    throwIfAborted(run.signal);
    const reader = new ChunkReader(points, 'MiniBatchKMeans', run.signal);
    const { statistics, centroids } = await this.#survey(reader);
    const { clusters } = this.#start;
    const centres = new BatchCentres(centroids, {
      clusterCount: clusters,
      rowCount: reader.rowCount,
      batchSize: Math.min(this.batchSize, reader.rowCount),
      noImprovement: this.noImprovement,
      reassignmentRatio: this.reassignmentRatio,
      seed: this.#start.seed,
    });
    await this.#learn(engine, statistics, centres, batchesOf(statistics, reader), { ...run, shown });
    const framed = centres.rounded();
    const rounds = new ChunkRounds(engine, reader, statistics, clusters, defaultChunkRows(reader));
    try {
      rounds.state.setCentroids(framed);
      await rounds.assignFinally();
      const fit = await concludeChunks(engine, reader, rounds.labels, framed, statistics.frame);
      return { ...fit, steps: centres.steps, converged: centres.converged };
    } finally {
      rounds.release();
    }
  }

  /** The points' frame, and where centroids start in it. */
  async #survey(reader: ChunkReader) {
    const { clusters, init, seed } = this.#start;
    let given: Float64Array | undefined;
    const { statistics, picked } = await surveyChunks(reader, (rowCount) => {
      given = givenCentroids(this.#start, { rowCount, columnCount: reader.columnCount }, 'MiniBatchKMeans');
      if (given) return { rows: [], include: given };
      if (init === 'first') return { rows: [...Array(clusters).keys()] };
      const sampled = Math.min(rowCount, 3 * Math.max(this.batchSize, clusters));
      return { rows: randomRows(seed, sampled, rowCount) };
    });
    const { frame, meanVariance } = statistics;
    if (init !== 'k-means++') return { statistics, centroids: toFrame(given ?? picked, frame, 0, clusters) };
    const { columnCount } = reader;
    const sample = new ChunkReader(
      arrayChunks({ data: picked, rowCount: picked.length / columnCount, columnCount }),
      'MiniBatchKMeans',
    );
    return { statistics, centroids: await seedChunks(sample, frame, meanVariance, clusters, seed) };
  }

  async #learn(
    engine: Engine,
    statistics: PointStatistics,
    centres: BatchCentres,
    batches: Batches,
    { signal, onProgress, shown }: MiniBatchChunkRun & { readonly shown: ShownBatches | undefined },
  ): Promise<void> {
    const { frame } = statistics;
    const columnCount = frame.centre.length;
    const { batchSize, clusterCount } = centres.options;
    const chunk = new HeldChunk(engine, statistics, { capacity: batchSize, columnCount, clusterCount });
    try {
      for await (const framed of batches) {
        throwIfAborted(signal);
        const { state } = chunk;
        chunk.upload(framed);
        state.setCentroids(centres.rounded());
        engine.clear(state.counters);
        recordNorms(state);
        recordAssign(state, { fresh: true });
        centres.learn(framed, await state.readLabels());
        const progress = { step: centres.steps, meanSquare: centres.meanSquare / 4 ** frame.exponent };
        onProgress?.(progress);
        await shown?.show(progress, { framed: centres.rounded(), frame });
        if (centres.converged) break;
      }
    } finally {
      chunk.release();
    }
  }

  /** Batches of random rows, with replacement. */
  async *#drawn({ data, rowCount, columnCount }: HostPoints, { frame }: PointStatistics): Batches {
    const { seed } = this.#start;
    const size = Math.min(this.batchSize, rowCount);
    const steps = Math.max(1, Math.floor((this.maximumIterations * rowCount) / size));
    const rowFloats = Math.ceil(columnCount / 4) * 4;
    const framed = new Float32Array(size * rowFloats);
    for (let step = 0; step < steps; step++) {
      for (let place = 0; place < size; place++) {
        const row = randomIndex(seed, 'batches', step * size + place, rowCount);
        toFrame(data, frame, row, 1, framed.subarray(place * rowFloats));
      }
      yield framed;
    }
  }

  /** All rows in their order, batch after batch, over and over. */
  async *#inOrder(reader: ChunkReader, { frame }: PointStatistics): Batches {
    for (let pass = 0; pass < this.maximumIterations; pass++) {
      for await (const { framed } of reader.framed(frame, Math.min(this.batchSize, reader.rowCount))) yield framed;
    }
  }
}
