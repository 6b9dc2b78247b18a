import { InvalidInput, ShapeMismatch } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { Tensor } from '../gpu/tensor.ts';
import { recordAssign, recordNorms } from './assign.ts';
import { type Frame, toFrame } from './frame.ts';
import { recordGather } from './gather.ts';
import { inertiaOf } from './inertia.ts';
import { type Int8Report, Int8Rounds } from './int8Rounds.ts';
import { labelsHash } from './labelsHash.ts';
import { abortable, assertNotAborted, runLloyd } from './lloyd.ts';
import { type PointSource, preparePoints, shapeOf } from './points.ts';
import { randomRows } from './random.ts';
import { seedPlusPlus } from './seeding.ts';
import { ClusterState } from './state.ts';

/**
 * Where centroids start: `k-means++` draws points far from each other, `random` draws different points, `first` takes the
 * first rows; an array holds them row by row, [clusters, columns].
 */
export type KMeansInit = 'k-means++' | 'random' | 'first' | Float32Array | Float64Array;

/** Arithmetic that looks for the nearest centroids. */
export type KMeansPrecision = 'f32' | 'int8';

/** Hyperparameters, with scikit-learn's meanings. */
export interface KMeansOptions {
  /** Number of clusters, from 1 to the number of points. Default 8. */
  readonly clusters?: number;
  /** Where centroids start. Default `k-means++`. */
  readonly init?: KMeansInit;
  /**
   * Squared distance that the centroids may move in the last round, in all, as a share of the mean variance of the
   * columns. 0 goes on until no label changes. Default 1e-4.
   */
  readonly tolerance?: number;
  /** Most rounds of assignment and update, at least 1. Default 300. */
  readonly maximumIterations?: number;
  /** Seed of `k-means++` and `random`, a whole number from 0 to 2^53 - 1. Default 0. */
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
  /** Stops it: `fit` rejects with `Aborted` and has released its memory. */
  readonly signal?: AbortSignal;
  /** Called every few rounds, as the GPU is asked how it stands. */
  readonly onProgress?: (progress: KMeansProgress) => void;
  /** Called and awaited after every round, which then are not batched. */
  readonly onIteration?: (iteration: KMeansIteration) => void | Promise<void>;
}

/** The result of a fit: plain data on the CPU. */
export interface KMeansFit {
  /** Nearest final centroid of each point; the lowest index wins a tie. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Row-major [clusters, columns] in the points' own coordinates. */
  readonly centroids: Float64Array<ArrayBuffer>;
  /** Sum of the squared distances of the points to their centroids. */
  readonly inertia: number;
  /** Rounds of assignment and update, the one in which nothing moved included (scikit-learn's `n_iter_`). */
  readonly iterations: number;
  /** False if `maximumIterations` ended it. */
  readonly converged: boolean;
  /** Points of each cluster. */
  readonly sizes: Int32Array<ArrayBuffer>;
  /** With `precision: 'int8'`: how that went. Only the labels, not these numbers, are the same on every adapter. */
  readonly int8?: Int8Report;
  /**
   * The nearest centroid of other points, as certain as the labels are.
   * @throws ShapeMismatch, InvalidInput
   */
  predict(points: PointSource): Promise<Int32Array<ArrayBuffer>>;
  /** SHA-256 of the labels, see `labelsHash`. */
  labelsSha256(): Promise<string>;
}

/** Seeds that are recorded between two looks at the abort signal. */
const seedBatch = 16;

/** Centroids out of their frame, in the points' own coordinates. */
export function fromFrame(framed: Float32Array, { centre, exponent }: Frame): Float64Array<ArrayBuffer> {
  const columnCount = centre.length;
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const clusterCount = framed.length / rowFloats;
  return Float64Array.from({ length: clusterCount * columnCount }, (_, index) => {
    const column = index % columnCount;
    const value = framed[Math.floor(index / columnCount) * rowFloats + column] as number;
    return value / 2 ** exponent + (centre[column] as number);
  });
}

/** Labels of points by centroids in a frame. */
export async function predictLabels(
  engine: Engine,
  source: PointSource,
  framed: Float32Array<ArrayBuffer>,
  frame: Frame,
): Promise<Int32Array<ArrayBuffer>> {
  const { columnCount } = shapeOf(source, 'predict');
  if (columnCount !== frame.centre.length) {
    throw new ShapeMismatch(
      `predict: points have ${columnCount} columns, but the centroids have ${frame.centre.length}; give points with the same columns.`,
    );
  }
  const points = await preparePoints(engine, source, 'predict', { frame });
  try {
    const state = new ClusterState(points, framed.length / points.rowFloats);
    try {
      // A power of two: exact.
      const scale = 2 ** (points.frame.exponent - frame.exponent);
      state.setCentroids(framed.map((value) => value * scale));
      recordNorms(state);
      recordAssign(state, { fresh: true });
      return await state.readLabels();
    } finally {
      state.release();
    }
  } finally {
    points.release();
  }
}

/**
 * The centroids that a fit starts from, if they are given, checked against the points.
 * @throws InvalidInput for fewer points than clusters or a non-finite centroid, ShapeMismatch
 */
export function givenCentroids(
  { clusters, init }: Pick<KMeans, 'clusters' | 'init'>,
  shape: { readonly rowCount: number; readonly columnCount: number },
): Float64Array | undefined {
  if (clusters > shape.rowCount) {
    throw new InvalidInput(
      `KMeans: ${clusters} clusters of ${shape.rowCount} points; there must be at least as many points. Ask for at most ${shape.rowCount} clusters.`,
    );
  }
  if (typeof init === 'string') return undefined;
  if (init.length !== clusters * shape.columnCount) {
    throw new ShapeMismatch(
      `KMeans: init has ${init.length} numbers, but ${clusters} clusters of ${shape.columnCount} columns need ${clusters * shape.columnCount}; give one row of coordinates a cluster.`,
    );
  }
  const index = init.findIndex((value) => !(Math.abs(value) < 1e300));
  if (index >= 0) {
    throw new InvalidInput(
      `KMeans: init, row ${Math.floor(index / shape.columnCount)}, column ${index % shape.columnCount} is ${init[index]}; start from finite centroids below 1e300.`,
    );
  }
  return Float64Array.from(init);
}

/** @throws InvalidInput unless `value` is a whole number of at least `least` */
export function wholeNumber(value: number, least: number, name: string, remedy: string): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InvalidInput(`KMeans: ${name} is ${value}; it must be a whole number of at least ${least}. ${remedy}`);
  }
  return value;
}

/**
 * k-means clustering (S. Lloyd, 1982) wholly on the GPU, with scikit-learn's rules for empty clusters, tolerance and the
 * count of iterations. The same input gives the same labels, centroids and iterations on every run and every adapter:
 * sums are integers, and assignments that float32 cannot be sure of are decided in exact arithmetic. Points are centred,
 * never rescaled.
 *
 * Memory on the GPU: the points as f32 (columns padded to a multiple of 4) and 8 bytes a point; half as much again and 4
 * bytes a point during k-means++.
 * If there are fewer different points than clusters, surplus clusters share a centroid and stay empty.
 */
export class KMeans {
  readonly clusters: number;
  readonly init: KMeansInit;
  readonly tolerance: number;
  readonly maximumIterations: number;
  readonly seed: number;
  readonly precision: KMeansPrecision;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: KMeansOptions = {}) {
    const { clusters = 8, init = 'k-means++', tolerance = 1e-4, maximumIterations = 300, seed = 0 } = options;
    this.clusters = wholeNumber(clusters, 1, 'clusters', 'Ask for at least one cluster.');
    this.maximumIterations = wholeNumber(maximumIterations, 1, 'maximumIterations', 'Allow at least one round.');
    this.seed = wholeNumber(seed, 0, 'seed', 'Choose any such number.');
    if (!(tolerance >= 0 && tolerance < Number.POSITIVE_INFINITY)) {
      throw new InvalidInput(
        `KMeans: tolerance is ${tolerance}; it must be a finite number of at least 0. Use 0 to go on until no label changes.`,
      );
    }
    this.tolerance = tolerance;
    const { precision = 'f32' } = options;
    if (!['f32', 'int8'].includes(precision)) {
      throw new InvalidInput(`KMeans: precision is "${precision}"; use "f32" or "int8", which give the same labels.`);
    }
    this.precision = precision;
    if (typeof init === 'string' && !['k-means++', 'random', 'first'].includes(init)) {
      throw new InvalidInput(
        `KMeans: init is "${init}"; use "k-means++", "random", "first" or an array of centroids, row by row.`,
      );
    }
    this.init = init;
  }

  /**
   * Clusters points: one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is left as it is.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than clusters or a non-finite coordinate,
   * LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: KMeansRun = {}): Promise<KMeansFit> {
    const shape = shapeOf(points, 'KMeans');
    const include = givenCentroids(this, shape);
    assertNotAborted(run.signal);
    const prepared = await preparePoints(engine, points, 'KMeans', include ? { include } : {});
    try {
      const state = new ClusterState(prepared, this.clusters);
      try {
        await this.#seed(state, include, run.signal);
        return await this.#iterate(state, points, run);
      } finally {
        state.release();
      }
    } finally {
      prepared.release();
    }
  }

  async #seed(state: ClusterState, given: Float64Array | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { engine, points } = state;
    const { clusters, init, seed } = this;
    if (given) {
      state.setCentroids(toFrame(given, points.frame, 0, clusters));
    } else if (init === 'first') {
      recordGather(points, [...Array(clusters).keys()], state.centroids);
    } else if (init === 'random') {
      recordGather(points, randomRows(seed, clusters, points.rowCount), state.centroids);
    } else {
      const rows = engine.allocate(clusters * 4);
      let recorded = 0;
      try {
        await seedPlusPlus(state, seed, rows, async () => {
          recorded++;
          if (recorded % seedBatch === 0) await abortable(engine.idle(), signal);
        });
      } finally {
        rows.release();
      }
    }
  }

  async #iterate(state: ClusterState, source: PointSource, run: KMeansRun): Promise<KMeansFit> {
    const { points, engine } = state;
    const { frame, rowCount } = points;
    const int8 = this.precision === 'int8' ? new Int8Rounds(state) : undefined;
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
          ...(int8 && { int8: int8.report }),
        });
        if (!run.onIteration) return;
        state.labels.retain();
        const labels = new Tensor(engine, state.labels, [rowCount], 'int32');
        const readCentroids = async () => fromFrame(await state.readCentroids(), frame);
        try {
          await run.onIteration({ iteration, labels, readCentroids });
        } finally {
          labels.dispose();
        }
      },
    }).finally(() => int8?.release());
    const labels = await abortable(state.readLabels(), run.signal);
    const framed = await abortable(state.readCentroids(), run.signal);
    const centroids = fromFrame(framed, frame);
    const inertia = await abortable(inertiaOf(state, source, labels, centroids), run.signal);
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
      predict: (others) => predictLabels(engine, others, framed, frame),
      labelsSha256: () => labelsHash(labels),
    };
  }
}
