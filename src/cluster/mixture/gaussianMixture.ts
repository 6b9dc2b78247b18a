import { abortable, throwIfAborted } from '../../base/abort.ts';
import { InvalidInput, LimitExceeded, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { KMeans } from '../kmeans/kmeans.ts';
import { lendLabels } from '../lentLabels.ts';
import type { PointSet } from '../points/pointSet.ts';
import { type PointSource, preparePoints, shapeOf } from '../points/points.ts';
import { wholeNumber } from '../wholeNumber.ts';
import { type Course, fitOf, type GaussianMixtureFit, moved, parametersOf } from './gaussianMixtureFit.ts';
import { momentLayoutOf, type PackedComponents } from './gaussianMixtureLayout.ts';
import {
  type CovarianceType,
  covarianceLength,
  covarianceTypes,
  estimate,
  hasMatrices,
  type MixtureModel,
  type MixtureShape,
  mixtureModel,
  packMeans,
  packModel,
} from './gaussianMixtureModel.ts';
import { GaussianMixturePass } from './gaussianMixturePass.ts';

/** Hyperparameters, with scikit-learn's meanings. */
export interface GaussianMixtureOptions {
  /** Number of components, from 1 to the number of points. Default 1. */
  readonly components?: number;
  /**
   * Covariances: `full`, a matrix for each component; `tied`, one matrix for all; `diag`, a variance for each component and
   * column; `spherical`, a variance for each component. Default `full`.
   */
  readonly covariance?: CovarianceType;
  /** Change of the mean log-likelihood of a point, at least 0, up to which a round is the last. Default 1e-3. */
  readonly tolerance?: number;
  /** Added to all variances, at least 0, in squared units of the points. Default 1e-6. */
  readonly regularization?: number;
  /** Most rounds of expectation and maximization, at least 1. Default 100. */
  readonly maximumIterations?: number;
  /** Times that k-means starts anew, from `seed`, `seed` + 1 … (0 after the largest); the fit with the highest lower bound is kept. Default 1. */
  readonly starts?: number;
  /** Seed of the k-means that parameters start from, a whole number from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** Means to start from instead of k-means, row-major [components, columns]. */
  readonly means?: Float32Array | Float64Array;
  /** With `means`: weights to start from, [components], above 0. Default: all the same. They are scaled to a sum of 1. */
  readonly weights?: Float32Array | Float64Array;
  /** With `means`: covariances to start from, as in `GaussianMixtureFit`. Default: those of the points, for each component. */
  readonly covariances?: Float32Array | Float64Array;
}

/** How far a fit is. */
export interface GaussianMixtureProgress {
  /** Which start, from 0. */
  readonly start: number;
  /** Rounds of this start so far. */
  readonly iteration: number;
  /** Mean log-likelihood of a point before the last maximization. */
  readonly lowerBound: number;
  /** By how much it rose in the last round; Infinity in the first. */
  readonly change: number;
}

/** A round that has just ended, for drawing while it runs. */
export interface GaussianMixtureIteration extends GaussianMixtureProgress {
  /**
   * [rows]: the most probable component of each point under the parameters that the round began with, the lowest of equal
   * ones; valid until the callback's promise settles.
   */
  readonly labels: Tensor<'int32'>;
  /** The parameters that the round ended with, laid out as in `GaussianMixtureFit`. */
  readParameters(): Promise<Pick<GaussianMixtureFit, 'weights' | 'means' | 'covariances'>>;
}

/** How to run a fit. */
export interface GaussianMixtureRun {
  /** Stops it: `fit` rejects with `Aborted` and has released its memory. */
  readonly signal?: AbortSignal;
  /** Called after every round. */
  readonly onProgress?: (progress: GaussianMixtureProgress) => void;
  /** Called and awaited after every round, with labels that lie on the GPU in any case: showing them costs nothing. */
  readonly onIteration?: (iteration: GaussianMixtureIteration) => void | Promise<void>;
}

/** Most columns of covariances that are matrices: the CPU factorizes them in every round. */
const largestMatrix = 1024;

/** Centroids and labels of k-means. */
interface Division {
  readonly labels: Int32Array<ArrayBuffer>;
  readonly centroids: Float64Array<ArrayBuffer>;
}

function magnitude(value: number, name: string): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidInput(
      `GaussianMixture: ${name} is ${value}; it must be a finite number of at least 0. Leave it out for the default.`,
    );
  }
  return value;
}

/**
 * A mixture of Gaussian distributions, fitted by expectation–maximization (A. Dempster, N. Laird, D. Rubin, 1977) as
 * scikit-learn's `GaussianMixture` does, from the clusters of k-means or from given parameters.
 *
 * The GPU computes log-densities, responsibilities and their moments in float32, from points in a centred frame and about
 * the current means; the CPU makes and factorizes covariances in float64. Responsibilities exist for a window of points at
 * a time (at most 64 MiB), so the GPU holds the points, 8 bytes a point more, and O(components · columns²) for moments.
 * Float32 needs correlation matrices with a condition number below about 10^5, regularization included. `full` and `tied`
 * take at most 1,024 columns. The same input gives the same result on every run on one adapter; adapters may differ in
 * the last bits of float32.
 */
export class GaussianMixture {
  readonly components: number;
  readonly covariance: CovarianceType;
  readonly tolerance: number;
  readonly regularization: number;
  readonly maximumIterations: number;
  readonly starts: number;
  readonly seed: number;
  readonly #given: Pick<GaussianMixtureOptions, 'means' | 'weights' | 'covariances'>;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: GaussianMixtureOptions = {}) {
    const { components = 1, covariance = 'full', tolerance = 1e-3, regularization = 1e-6 } = options;
    const { maximumIterations = 100, starts = 1, seed = 0, means, weights, covariances } = options;
    this.components = wholeNumber(components, 1, 'GaussianMixture: components', 'Round it, or leave it out.');
    if (!covarianceTypes.includes(covariance)) {
      throw new InvalidInput(`GaussianMixture: covariance is "${covariance}"; use ${covarianceTypes.join(', ')}.`);
    }
    this.covariance = covariance;
    this.tolerance = magnitude(tolerance, 'tolerance');
    this.regularization = magnitude(regularization, 'regularization');
    this.maximumIterations = wholeNumber(
      maximumIterations,
      1,
      'GaussianMixture: maximumIterations',
      'Round it, or leave it out.',
    );
    this.starts = wholeNumber(starts, 1, 'GaussianMixture: starts', 'Round it, or leave it out.');
    this.seed = wholeNumber(seed, 0, 'GaussianMixture: seed', 'Round it, or leave it out.');
    if (!means && (weights || covariances)) {
      throw new InvalidInput('GaussianMixture: weights or covariances are given without means; give means too.');
    }
    if (means && starts > 1) {
      throw new InvalidInput(
        `GaussianMixture: starts is ${starts}, but all starts from given means are the same; use 1, or leave out means.`,
      );
    }
    const wrongWeight = weights?.findIndex((weight) => !(weight > 0 && weight < 1e300)) ?? -1;
    if (weights && (weights.length !== components || wrongWeight >= 0)) {
      throw new InvalidInput(
        `GaussianMixture: weights are [${weights}]; give ${components} finite numbers above 0, one a component.`,
      );
    }
    this.#given = { ...(means && { means }), ...(weights && { weights }), ...(covariances && { covariances }) };
  }

  /**
   * Fits the mixture to points: one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is left as
   * it is.
   * @throws ShapeMismatch, InvalidInput for no points, fewer points than components, a non-finite coordinate or a
   * covariance that is not positive definite, LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: GaussianMixtureRun = {}): Promise<GaussianMixtureFit> {
    const { rowCount, columnCount } = shapeOf(points, 'GaussianMixture');
    const shape = this.#shapeFor(engine, rowCount, columnCount);
    const means = this.#givenMeans(columnCount);
    throwIfAborted(run.signal);
    const divisions = means ? [] : await this.#divide(engine, points, run.signal);
    const prepared = await preparePoints(engine, points, 'GaussianMixture', means ? { include: means } : {});
    try {
      const pass = new GaussianMixturePass(prepared, {
        componentCount: this.components,
        full: hasMatrices(this.covariance),
      });
      try {
        const courses: Course[] = [];
        for (const start of Array(this.starts).keys()) {
          const division = divisions[start];
          const begun = division
            ? await this.#fromDivision(shape, pass, division, run.signal)
            : await this.#fromMeans(shape, prepared, means as Float64Array<ArrayBuffer>, run.signal);
          courses.push(await this.#iterate(begun, pass, start, run));
        }
        const best = courses.reduce((kept, course) => (course.lowerBound > kept.lowerBound ? course : kept));
        const packed = packModel(best.model, prepared.frame.exponent);
        return fitOf(engine, prepared, best, await abortable(pass.evaluate(packed, false), run.signal));
      } finally {
        pass.release();
      }
    } finally {
      prepared.release();
    }
  }

  #shapeFor(engine: Engine, rowCount: number, columnCount: number): MixtureShape {
    const { components: componentCount, covariance: covarianceType, regularization } = this;
    if (componentCount > rowCount) {
      throw new InvalidInput(
        `GaussianMixture: ${componentCount} components of ${rowCount} points; there must be at least as many points. Ask for at most ${rowCount} components.`,
      );
    }
    const full = hasMatrices(covarianceType);
    if (full && columnCount > largestMatrix) {
      throw new LimitExceeded(
        `GaussianMixture: ${columnCount} columns with covariance "${covarianceType}"; at most ${largestMatrix} are possible. Use "diag" or "spherical", or reduce the dimensions.`,
      );
    }
    const bytes = componentCount * momentLayoutOf(columnCount, full).totalVectors * 16;
    const limit = engine.device.limits.maxStorageBufferBindingSize;
    if (bytes > limit) {
      throw new LimitExceeded(
        `GaussianMixture: the moments of ${componentCount} components of ${columnCount} columns take ${bytes} bytes; this adapter binds at most ${limit}. Ask for fewer components, or use "diag" or "spherical".`,
      );
    }
    return { componentCount, columnCount, covarianceType, regularization };
  }

  #givenMeans(columnCount: number): Float64Array<ArrayBuffer> | undefined {
    const { means } = this.#given;
    if (!means) return undefined;
    if (means.length !== this.components * columnCount) {
      throw new ShapeMismatch(
        `GaussianMixture: means has ${means.length} numbers, but ${this.components} components of ${columnCount} columns need ${this.components * columnCount}; give one row of coordinates a component.`,
      );
    }
    const index = means.findIndex((value) => !(Math.abs(value) < 1e300));
    if (index >= 0) {
      throw new InvalidInput(
        `GaussianMixture: means, row ${Math.floor(index / columnCount)}, column ${index % columnCount} is ${means[index]}; start from finite means below 1e300.`,
      );
    }
    return Float64Array.from(means);
  }

  /** The clusters of k-means, for each start. */
  async #divide(engine: Engine, points: PointSource, signal: AbortSignal | undefined): Promise<Division[]> {
    const divisions: Division[] = [];
    for (let start = 0; start < this.starts; start++) {
      const means = new KMeans({ clusters: this.components, seed: this.#seedOf(start) });
      divisions.push(await means.fit(engine, points, signal ? { signal } : {}));
    }
    return divisions;
  }

  #seedOf(start: number): number {
    const left = Number.MAX_SAFE_INTEGER - this.seed;
    return start <= left ? this.seed + start : start - left - 1;
  }

  async #fromDivision(
    shape: MixtureShape,
    pass: GaussianMixturePass,
    { labels, centroids }: Division,
    signal: AbortSignal | undefined,
  ): Promise<MixtureModel> {
    const { centre, exponent } = pass.points.frame;
    const centres = packMeans(moved(centroids, centre, -1), shape.columnCount, exponent);
    return (await maximize(shape, pass, labels, centres, signal)).model;
  }

  async #fromMeans(
    shape: MixtureShape,
    points: PointSet,
    means: Float64Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ): Promise<MixtureModel> {
    const given = Float64Array.from(this.#given.weights ?? new Float64Array(this.components).fill(1));
    const total = given.reduce((sum, weight) => sum + weight, 0);
    return mixtureModel(shape, {
      weights: given.map((weight) => weight / total),
      means: moved(means, points.frame.centre, -1),
      covariances: this.#givenCovariances(shape) ?? (await covariancesOf(shape, points, signal)),
    });
  }

  #givenCovariances(shape: MixtureShape): Float64Array<ArrayBuffer> | undefined {
    const { covariances } = this.#given;
    if (!covariances) return undefined;
    const length = covarianceLength(shape);
    if (covariances.length !== length) {
      throw new ShapeMismatch(
        `GaussianMixture: covariances has ${covariances.length} numbers, but ${shape.componentCount} components of ${shape.columnCount} columns with covariance "${shape.covarianceType}" need ${length}; give them as a fit returns them.`,
      );
    }
    return Float64Array.from(covariances);
  }

  async #iterate(
    begun: MixtureModel,
    pass: GaussianMixturePass,
    start: number,
    { signal, onProgress, onIteration }: GaussianMixtureRun,
  ): Promise<Course> {
    const { engine, rowCount, frame } = pass.points;
    let model = begun;
    let lowerBound = Number.NEGATIVE_INFINITY;
    let iterations = 0;
    let converged = false;
    while (!converged && iterations < this.maximumIterations) {
      const packed = packModel(model, frame.exponent);
      const step = await maximize(model, pass, packed, packed.means, signal);
      model = step.model;
      const change = step.logLikelihood / rowCount - lowerBound;
      lowerBound = step.logLikelihood / rowCount;
      iterations++;
      converged = Math.abs(change) <= this.tolerance;
      const progress = { start, iteration: iterations, lowerBound, change };
      onProgress?.(progress);
      if (!onIteration) continue;
      const readParameters = async () => parametersOf(step.model, frame);
      await lendLabels(engine, pass.labels, rowCount, (labels) => onIteration({ ...progress, labels, readParameters }));
    }
    return { model, lowerBound, iterations, converged };
  }
}

/**
 * A round, of which the responsibilities come from packed components or from labels: parameters from the moments about
 * `centres`, once more about the new means where those are far away.
 */
async function maximize(
  shape: MixtureShape,
  pass: GaussianMixturePass,
  source: PackedComponents | Int32Array<ArrayBuffer>,
  centres: Float32Array<ArrayBuffer>,
  signal: AbortSignal | undefined,
): Promise<{ readonly model: MixtureModel; readonly logLikelihood: number }> {
  const { exponent } = pass.points.frame;
  const { moments, logLikelihood } = await abortable(pass.totals(source, centres), signal);
  let made = estimate(shape, moments, centres, exponent);
  if (made.coarse) {
    const nearer = packMeans(made.parameters.means, shape.columnCount, exponent);
    const again = await abortable(pass.totals(source, nearer), signal);
    made = estimate(shape, again.moments, nearer, exponent);
  }
  return { model: mixtureModel(shape, made.parameters), logLikelihood };
}

/** The covariance of the points, for each component. */
async function covariancesOf(
  { componentCount, ...shape }: MixtureShape,
  points: PointSet,
  signal: AbortSignal | undefined,
): Promise<Float64Array<ArrayBuffer>> {
  const pass = new GaussianMixturePass(points, { componentCount: 1, full: hasMatrices(shape.covarianceType) });
  try {
    const middle = packMeans(new Float64Array(shape.columnCount), shape.columnCount, 0);
    const all = new Int32Array(points.rowCount);
    const { covariances } = (await maximize({ componentCount: 1, ...shape }, pass, all, middle, signal)).model;
    if (shape.covarianceType === 'tied') return covariances;
    return Float64Array.from(
      { length: covariances.length * componentCount },
      (_, index) => covariances[index % covariances.length] as number,
    );
  } finally {
    pass.release();
  }
}
