import { abortable, throwIfAborted } from '../../base/abort.ts';
import { InvalidInput, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { labelsHash } from '../labelsHash.ts';
import { lendLabels } from '../lentLabels.ts';
import { type PointSource, preparePoints, shapeOf } from '../points/points.ts';
import { unitFrame, unitRows } from '../points/unitRows.ts';
import { wholeWeights } from '../points/weights.ts';
import { wholeNumber } from '../wholeNumber.ts';
import { type Int8Report, Int8Rounds } from './int8Rounds.ts';
import { runLloyd } from './lloyd.ts';
import { centroidsOf, measuredPoints, objective, type Predictor, predictorOf } from './predictor.ts';
import { initializations, type KMeansInit, startCentroids } from './startCentroids.ts';
import { ClusterState } from './state.ts';

/** What makes points alike. */
export type KMeansMetric = 'euclidean' | 'cosine';

/** Arithmetic that looks for the nearest centroids. */
export type KMeansPrecision = 'f32' | 'int8';

/** Hyperparameters, with scikit-learn's meanings. */
export interface KMeansOptions {
  /** Number of clusters, from 1 to the number of points. Default 8, or those of a fit that is given as `init`. */
  readonly clusters?: number;
  /** Where centroids start; a fit stands for its centroids. Default `k-means++`. */
  readonly init?: KMeansInit | Pick<KMeansFit, 'centroids' | 'sizes'>;
  /**
   * How often to start, with different random numbers; the fit with the smallest inertia is kept (scikit-learn's
   * `n_init`). Only 1 where nothing is random: given centroids and `first` would lead to the same fit again. Default 1: one
   * start of `k-means++` is seldom much worse, as scikit-learn has come to think as well.
   */
  readonly starts?: number;
  /**
   * `cosine` compares directions alone: points are brought to the length 1 (zeros have no direction and are refused), and
   * so are centroids after each round; inertia is the sum of 1 − cos. Default `euclidean`.
   */
  readonly metric?: KMeansMetric;
  /**
   * Squared distance that the centroids may move in the last round, in all, as a share of the mean variance of the
   * columns. 0 goes on until no label changes. Default 1e-4.
   */
  readonly tolerance?: number;
  /** Most rounds of assignment and update, at least 1. Default 300. */
  readonly maximumIterations?: number;
  /** Seed of `k-means++`, `k-means||` and `random`, a whole number from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
  /**
   * Arithmetic that looks for the nearest centroids. `int8`: codes of 8 bits, and f32 only for the points that they are
   * not certain of; for GPUs with packed 8-bit products. Labels are the same. Default `f32`.
   */
  readonly precision?: KMeansPrecision;
}

/** How far a fit is. */
export interface KMeansProgress {
  /** Rounds so far. */
  readonly iteration: number;
  /** Labels that changed in the last round. */
  readonly changed: number;
  /** Sum of the squared distances that the centroids moved in the last round. */
  readonly shift: number;
  readonly converged: boolean;
  /** Which of several starts this is, from 1; absent if there is one. */
  readonly start?: number;
  /** With `precision: 'int8'`: how that goes. */
  readonly int8?: Int8Report;
}

/** A round that has just ended, for drawing while it runs. */
export interface KMeansIteration {
  readonly iteration: number;
  /** [rows]; valid until the callback's promise settles. */
  readonly labels: Tensor<'int32'>;
  /** The centroids after the round: row-major [clusters, columns] in the points' own coordinates. */
  readCentroids(): Promise<Float64Array<ArrayBuffer>>;
}

/** How to run a fit. */
export interface KMeansRun {
  /**
   * What each point weighs, finite and at least 0; one of weight 2 counts as two points there, one of weight 0 is labelled
   * and has no other say. They count as multiples of the smallest power of two with which they sum up to less than 2^32:
   * exactly for whole numbers of such a sum, otherwise within 2^-32 of the sum of all. Neither the centre of the points nor
   * the tolerance depends on them. Default: all weigh 1.
   */
  readonly weights?: Float32Array | Float64Array;
  /** Stops it: `fit` rejects with `Aborted` and has released its memory. */
  readonly signal?: AbortSignal;
  /** Called every few rounds, as the GPU is asked how it stands. */
  readonly onProgress?: (progress: KMeansProgress) => void;
  /** Called and awaited after every round, which then are not batched. */
  readonly onIteration?: (iteration: KMeansIteration) => void | Promise<void>;
}

/** The result of a fit: plain data on the CPU. */
export interface KMeansFit extends Predictor {
  /** Nearest final centroid of each point; the lowest index wins a tie. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Row-major [clusters, columns] in the points' own coordinates. */
  readonly centroids: Float64Array<ArrayBuffer>;
  /** Sum of the squared distances of the points to their centroids, or of 1 − cos, times their weights. */
  readonly inertia: number;
  /** Rounds of assignment and update, the one in which nothing moved included (scikit-learn's `n_iter_`). */
  readonly iterations: number;
  /** False if `maximumIterations` ended it. */
  readonly converged: boolean;
  /** Points of each cluster, whatever they weigh. */
  readonly sizes: Int32Array<ArrayBuffer>;
  /** With `precision: 'int8'`: how that went. Only the labels, not these numbers, are the same on every adapter. */
  readonly int8?: Int8Report;
  /** SHA-256 of the labels, see `labelsHash`. */
  labelsSha256(): Promise<string>;
}

/**
 * The centroids that a fit starts from, if they are given, checked against the points.
 * @param estimator what errors name
 * @throws InvalidInput for fewer points than clusters or a non-finite centroid, ShapeMismatch
 */
export function givenCentroids(
  { clusters, init, metric }: Pick<KMeans, 'clusters' | 'init' | 'metric'>,
  shape: { readonly rowCount: number; readonly columnCount: number },
  estimator: string,
): Float64Array | undefined {
  if (clusters > shape.rowCount) {
    throw new InvalidInput(
      `${estimator}: ${clusters} clusters of ${shape.rowCount} points; there must be at least as many points. Ask for at most ${shape.rowCount} clusters.`,
    );
  }
  if (typeof init === 'string') return undefined;
  if (init.length !== clusters * shape.columnCount) {
    throw new ShapeMismatch(
      `${estimator}: init has ${init.length} numbers, but ${clusters} clusters of ${shape.columnCount} columns need ${clusters * shape.columnCount}; give one row of coordinates a cluster.`,
    );
  }
  const index = init.findIndex((value) => !(Math.abs(value) < 1e300));
  if (index >= 0) {
    throw new InvalidInput(
      `${estimator}: init, row ${Math.floor(index / shape.columnCount)}, column ${index % shape.columnCount} is ${init[index]}; start from finite centroids below 1e300.`,
    );
  }
  const data = Float64Array.from(init);
  return metric === 'cosine'
    ? unitRows({ data, rowCount: clusters, columnCount: shape.columnCount }, `${estimator}: init`).data
    : data;
}

/**
 * k-means clustering (S. Lloyd, 1982) wholly on the GPU, with scikit-learn's rules for empty clusters, tolerance and the
 * count of iterations. The same input gives the same labels, centroids and iterations on every run and every adapter:
 * sums are integers, and assignments that float32 cannot be sure of are decided in exact arithmetic. Points are centred,
 * never rescaled, and their coordinates then count as float32: within 2^-24 of the largest one. One coordinate a million
 * times as far out as the clusters are apart blurs these; take such outliers away.
 *
 * With metric `cosine` it is spherical k-means (I. Dhillon, D. Modha, 2001), with the objective of R's `skmeans`: points
 * are brought to the length 1 in float64 on the CPU, centroids after each round in integers on the GPU.
 *
 * Memory on the GPU: the points as f32 (columns padded to a multiple of 4) and 20 bytes a point (24 with weights); half as
 * much again and 4 bytes a point during `k-means++`, 8 bytes a point and the candidates, at most about 10 a cluster, during
 * `k-means||`. Where a GPU sorts points by cluster to add them up, as it does with many clusters (see `planUpdate`), 16 bytes more for
 * each of at most 4 million entries.
 * If there are fewer different points than clusters, surplus clusters share a centroid and stay empty.
 */
export class KMeans {
  readonly clusters: number;
  readonly init: KMeansInit;
  readonly starts: number;
  readonly metric: KMeansMetric;
  readonly tolerance: number;
  readonly maximumIterations: number;
  readonly seed: number;
  readonly precision: KMeansPrecision;
  readonly #estimator: string;

  /**
   * @param estimator what errors name: an estimator that begins with k-means gives its own name
   * @throws InvalidInput for an option outside its range.
   */
  constructor(options: KMeansOptions = {}, estimator = 'KMeans') {
    this.#estimator = estimator;
    const {
      init: given = 'k-means++',
      tolerance = 1e-4,
      maximumIterations = 300,
      seed = 0,
      metric = 'euclidean',
    } = options;
    const init = typeof given === 'object' && 'centroids' in given ? given.centroids : given;
    const { clusters = typeof given === 'object' && 'sizes' in given ? given.sizes.length : 8, starts = 1 } = options;
    this.clusters = wholeNumber(clusters, 1, `${estimator}: clusters`, 'Ask for at least one cluster.');
    this.maximumIterations = wholeNumber(
      maximumIterations,
      1,
      `${estimator}: maximumIterations`,
      'Allow at least one round.',
    );
    this.seed = wholeNumber(seed, 0, `${estimator}: seed`, 'Choose any such number.');
    if (!(tolerance >= 0 && tolerance < Number.POSITIVE_INFINITY)) {
      throw new InvalidInput(
        `${estimator}: tolerance is ${tolerance}; it must be a finite number of at least 0. Use 0 to go on until no label changes.`,
      );
    }
    this.tolerance = tolerance;
    const { precision = 'f32' } = options;
    if (!['f32', 'int8'].includes(precision)) {
      throw new InvalidInput(
        `${estimator}: precision is "${precision}"; use "f32" or "int8", which give the same labels.`,
      );
    }
    this.precision = precision;
    if (typeof init === 'string' && !initializations.includes(init)) {
      throw new InvalidInput(
        `${estimator}: init is "${init}"; use ${initializations.map((way) => `"${way}"`).join(', ')}, a fit or an array of centroids, row by row.`,
      );
    }
    this.init = init;
    if (metric !== 'euclidean' && metric !== 'cosine') {
      throw new InvalidInput(`${estimator}: metric is "${String(metric)}"; use "euclidean" or "cosine".`);
    }
    this.metric = metric;
    this.starts = wholeNumber(starts, 1, `${estimator}: starts`, 'Start at least once.');
    if (starts > 1 && (typeof init !== 'string' || init === 'first')) {
      throw new InvalidInput(
        `${estimator}: starts is ${starts}, but init leaves nothing to chance: each start would lead to the same fit. Leave starts out, or use "k-means++", "k-means||" or "random".`,
      );
    }
  }

  /**
   * Clusters points: one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is left as it is.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than clusters, a non-finite coordinate or a row of zeros
   * with metric `cosine`, LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: KMeansRun = {}): Promise<KMeansFit> {
    const estimator = this.#estimator;
    const shape = shapeOf(points, estimator);
    const given = givenCentroids(this, shape, estimator);
    const weights = run.weights && wholeWeights(run.weights, shape.rowCount, estimator);
    throwIfAborted(run.signal);
    const cosine = this.metric === 'cosine';
    const measured = await measuredPoints(points, cosine, estimator);
    const prepared = await preparePoints(engine, measured, estimator, {
      ...(given && { include: given }),
      ...(cosine && { frame: unitFrame(shape.columnCount) }),
    });
    try {
      if (weights) prepared.weigh(weights);
      let best: KMeansFit | undefined;
      for (let start = 1; start <= this.starts; start++) {
        const state = new ClusterState(prepared, this.clusters, cosine);
        try {
          await startCentroids(state, this, { given, start, signal: run.signal });
          const fit = await this.#iterate(state, measured, run, this.starts > 1 ? { start } : {});
          if (!best || fit.inertia < best.inertia) best = fit;
        } finally {
          state.release();
        }
      }
      return best as KMeansFit;
    } finally {
      prepared.release();
    }
  }

  async #iterate(
    state: ClusterState,
    source: PointSource,
    run: KMeansRun,
    which: Pick<KMeansProgress, 'start'>,
  ): Promise<KMeansFit> {
    const { points, engine, cosine } = state;
    const { frame, rowCount } = points;
    const int8 = this.precision === 'int8' ? new Int8Rounds(state) : undefined;
    const modelNow = async () => ({ framed: await state.readCentroids(), frame, cosine });
    const status = await runLloyd(state, {
      int8,
      tolerance: this.tolerance,
      maximumIterations: this.maximumIterations,
      signal: run.signal,
      batch: run.onIteration && 1,
      onStatus: async ({ iteration, changed, shift }, converged) => {
        run.onProgress?.({
          iteration,
          changed,
          shift: shift / 4 ** frame.exponent,
          converged,
          ...which,
          ...(int8 && { int8: int8.report }),
        });
        if (!run.onIteration) return;
        const { onIteration } = run;
        const readCentroids = async () => centroidsOf(await modelNow());
        await lendLabels(engine, state.labels, rowCount, (labels) => onIteration({ iteration, labels, readCentroids }));
      },
    }).finally(() => int8?.release());
    const labels = await abortable(state.readLabels(), run.signal);
    const model = await abortable(modelNow(), run.signal);
    const centroids = centroidsOf(model);
    const inertia = await abortable(objective(state, source, labels, centroids, run.weights), run.signal);
    const sizes = new Int32Array(this.clusters);
    for (const label of labels) sizes[label] = (sizes[label] as number) + 1;
    return {
      labels,
      centroids,
      inertia,
      iterations: status.iteration,
      converged: status.halted !== 0,
      sizes,
      ...(int8 && { int8: int8.report }),
      ...predictorOf(engine, model),
      labelsSha256: () => labelsHash(labels),
    };
  }
}
