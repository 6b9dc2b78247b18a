import { LimitExceeded, ShapeMismatch } from '../../base/errors.ts';
import type { Engine } from '../../gpu/engine.ts';
import { labelsHash } from '../labelsHash.ts';
import type { Frame } from '../points/frame.ts';
import { type PointSource, preparePoints, shapeOf } from '../points/points.ts';
import { wholeNumber } from '../wholeNumber.ts';
import type { PointEvaluation } from './gaussianMixtureLayout.ts';
import { hasMatrices, type MixtureModel, packModel, parameterCountOf } from './gaussianMixtureModel.ts';
import { GaussianMixturePass } from './gaussianMixturePass.ts';
import { type MixtureSample, sampleMixture } from './gaussianMixtureSample.ts';

/** The result of a fit: plain data on the CPU. */
export interface GaussianMixtureFit {
  /** [components], of sum 1. */
  readonly weights: Float64Array<ArrayBuffer>;
  /** Row-major [components, columns]. */
  readonly means: Float64Array<ArrayBuffer>;
  /** [components, columns, columns] (full), [columns, columns] (tied), [components, columns] (diag), [components] (spherical). */
  readonly covariances: Float64Array<ArrayBuffer>;
  /** Mean log-likelihood of a point in the last round, before its maximization (scikit-learn's `lower_bound_`). */
  readonly lowerBound: number;
  /** Rounds of expectation and maximization (scikit-learn's `n_iter_`). */
  readonly iterations: number;
  /** False if `maximumIterations` ended it. */
  readonly converged: boolean;
  /** Most probable component of each point; the lowest of equal ones. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Points of each component, by label. */
  readonly sizes: Int32Array<ArrayBuffer>;
  /** Mean log-likelihood of a point under the final parameters. */
  readonly meanLogLikelihood: number;
  /** Bayesian information criterion (G. Schwarz, 1978) of the points: the smaller the better. */
  readonly bic: number;
  /** Akaike's information criterion (1974) of the points: the smaller the better. */
  readonly aic: number;
  /** The most probable component of other points. @throws ShapeMismatch, InvalidInput, LimitExceeded */
  predict(points: PointSource): Promise<Int32Array<ArrayBuffer>>;
  /** Probability of each component for other points, row-major [rows, components]. @throws as `predict` */
  predictProbability(points: PointSource): Promise<Float32Array<ArrayBuffer>>;
  /** Log-density of the mixture at other points: the lower, the stranger. @throws as `predict` */
  scoreSamples(points: PointSource): Promise<Float64Array<ArrayBuffer>>;
  /**
   * Draws points. Point i depends on the seed and i alone.
   * @param count a whole number of at least 1
   * @param seed a whole number from 0 to 2^53 - 1, 0 unless given
   * @throws InvalidInput; LimitExceeded for more than 2^28 numbers, which are 2 GiB
   */
  sample(count: number, seed?: number): MixtureSample;
  /** SHA-256 of the labels, see `labelsHash`. */
  labelsSha256(): Promise<string>;
}

/** Where the iteration from one start ended. */
export interface Course {
  readonly model: MixtureModel;
  readonly lowerBound: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Numbers relative to the centre of a frame, or back with a `sign` of 1. */
export function moved(points: Float64Array, centre: Float64Array, sign: 1 | -1): Float64Array<ArrayBuffer> {
  return points.map((value, index) => value + sign * (centre[index % centre.length] as number));
}

/** The parameters of a model in a frame, in the points' own coordinates. */
export function parametersOf(
  { weights, means, covariances }: MixtureModel,
  { centre }: Frame,
): Pick<GaussianMixtureFit, 'weights' | 'means' | 'covariances'> {
  return { weights: weights.slice(), means: moved(means, centre, 1), covariances: covariances.slice() };
}

/** Says that points are too far away for a frame in which the mixture can be told. */
function tooFar(what: string, exponent: number): string {
  const reach = (2 ** -exponent).toPrecision(2);
  return `${what}: a point lies about ${reach} away from the points that the mixture was fitted to, too far for float32 to resolve the mixture beside it. Leave such points out.`;
}

async function evaluateOthers(
  engine: Engine,
  model: MixtureModel,
  frame: Frame,
  points: PointSource,
  what: string,
): Promise<PointEvaluation> {
  const { columnCount } = shapeOf(points, what);
  if (columnCount !== model.columnCount) {
    throw new ShapeMismatch(
      `${what}: points have ${columnCount} columns, but the mixture has ${model.columnCount}; give points with the same columns.`,
    );
  }
  const prepared = await preparePoints(engine, points, what, { frame });
  try {
    const pass = new GaussianMixturePass(prepared, {
      componentCount: model.componentCount,
      full: hasMatrices(model.covarianceType),
    });
    try {
      const { exponent } = prepared.frame;
      const packed = packModel(model, exponent, () => tooFar(what, exponent));
      return await pass.evaluate(packed, what === 'predictProbability');
    } finally {
      pass.release();
    }
  } finally {
    prepared.release();
  }
}

/** Most numbers of a sample: 2 GiB of float64. */
const largestSample = 2 ** 28;

/** @throws InvalidInput, LimitExceeded */
function sampleOf(model: MixtureModel, { centre }: Frame, count: number, seed: number): MixtureSample {
  wholeNumber(count, 1, 'sample: count', 'Draw at least one point.');
  wholeNumber(seed, 0, 'sample: seed', 'Choose any such number.');
  const most = Math.floor(largestSample / model.columnCount);
  if (count > most) {
    throw new LimitExceeded(
      `sample: ${count} points of ${model.columnCount} columns; at most ${most} are drawn at once. Draw several times, with other seeds.`,
    );
  }
  return sampleMixture(model, centre, count, seed);
}

/** The result of the fit that ended with `course`. */
export function fitOf(
  engine: Engine,
  { frame, rowCount }: { readonly frame: Frame; readonly rowCount: number },
  { model, ...course }: Course,
  { labels, scores }: PointEvaluation,
): GaussianMixtureFit {
  const logLikelihood = scores.reduce((sum, score) => sum + score, 0);
  const parameterCount = parameterCountOf(model);
  const sizes = new Int32Array(model.componentCount);
  for (const label of labels) sizes[label] = (sizes[label] as number) + 1;
  const evaluate = (points: PointSource, what: string) => evaluateOthers(engine, model, frame, points, what);
  return {
    ...parametersOf(model, frame),
    ...course,
    labels,
    sizes,
    meanLogLikelihood: logLikelihood / rowCount,
    bic: parameterCount * Math.log(rowCount) - 2 * logLikelihood,
    aic: 2 * parameterCount - 2 * logLikelihood,
    predict: async (points) => (await evaluate(points, 'predict')).labels,
    predictProbability: async (points) => (await evaluate(points, 'predictProbability')).probabilities,
    scoreSamples: async (points) => (await evaluate(points, 'scoreSamples')).scores,
    sample: (count, seed = 0) => sampleOf(model, frame, count, seed),
    labelsSha256: () => labelsHash(labels),
  };
}
