import { breathe } from '../../base/pieces.ts';
import { GaussianMixture } from '../../cluster/mixture/gaussianMixture.ts';
import type { CovarianceType } from '../../cluster/mixture/gaussianMixtureModel.ts';
import type { Engine } from '../../gpu/engine.ts';
import { benchSizes, type ClusterBenchReport, sizesOf, sizeText, type TimedCase } from './clusterBench.ts';
import {
  type ReferenceMixture,
  type ReferenceProblem,
  referenceRound,
  referenceStart,
} from './gaussianMixtureReference.ts';
import type { Job, JobContext } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { cloudPoints } from './sampleData.ts';
import { type Distribution, scaled } from './timing.ts';
import { type Contender, type TimedContender, timeInTurns } from './turns.ts';

/** Which mixtures to time: the first of each list, and each further one with the first of the other lists. */
export interface BenchGaussianMixtureParameters {
  readonly points: readonly number[];
  readonly dimensions: readonly number[];
  readonly components: readonly number[];
  readonly covariance: CovarianceType;
  /** Rounds of expectation and maximization of each fit. */
  readonly iterations: number;
  /** Timed fits of each case. */
  readonly runs: number;
  /** Seed of the points. */
  readonly seed: number;
  /** Whether float64 TypeScript on the CPU is timed too, in turns with ours. */
  readonly peers: boolean;
}

interface TimedFit extends TimedCase {
  readonly covariance: CovarianceType;
  readonly components: number;
  readonly iterations: number;
  /** The time of a whole fit (upload, covariance of the points, rounds, labels, readback), over the number of rounds. */
  readonly millisecondsPerIteration: Distribution;
}

/** The peer is float64 on the CPU, from the same start, for as many rounds. */
export type BenchGaussianMixtureReport = ClusterBenchReport<
  TimedFit & KernelTimes & { readonly checkedRows: number; readonly warmUps: number },
  TimedFit
>;

interface Size {
  readonly points: number;
  readonly dimensions: number;
  readonly components: number;
}

/** Products that the check may take: some seconds of plain JavaScript. */
const checkBudget = 2 ** 28;
const regularization = 1e-6;

/** Times expectation–maximization from the first points as means, after checking a round of it. */
export const benchGaussianMixture: Job<BenchGaussianMixtureParameters, BenchGaussianMixtureReport> = {
  name: 'benchGaussianMixture',
  page: 'runtime.html',
  run: (engine, parameters, context) => {
    const { points, dimensions, components } = parameters;
    return benchSizes(engine.info.adapter, sizesOf({ points, dimensions, components }), (size) =>
      timeSize(engine, size, parameters, context),
    );
  },
};

async function timeSize(
  engine: Engine,
  size: Size,
  { covariance, iterations, runs, seed, peers }: BenchGaussianMixtureParameters,
  context: JobContext,
) {
  const { points, dimensions, components } = size;
  const onProgress = (message: string) => context.onProgress?.(`${covariance} ${sizeText(size)}: ${message}`);
  onProgress('check against float64');
  await breathe();
  const data = cloudPoints(points, dimensions, components, seed);
  const means = data.slice(0, components * dimensions);
  const fitFor = (rows: Float32Array, maximumIterations: number) =>
    new GaussianMixture({ components, covariance, means, tolerance: 0, regularization, maximumIterations }).fit(
      engine,
      { data: rows, rowCount: rows.length / dimensions, columnCount: dimensions },
      context.signal ? { signal: context.signal } : {},
    );
  const affordable = Math.floor(checkBudget / (components * dimensions ** 2));
  const checkedRows = Math.max(components, Math.min(points, affordable));
  const checked = data.subarray(0, checkedRows * dimensions);
  const problem = { points: checked, columnCount: dimensions, covariance, regularization };
  assertRound(problem, means, await fitFor(checked, 1));

  const ours = { name: 'Gaussian mixture f32', run: () => fitFor(data, iterations) };
  onProgress('warming up');
  await ours.run();
  const reference = () => runReference({ ...problem, points: data }, means, iterations);
  const others = peers ? [{ name: 'TypeScript f64 (CPU)', run: reference }] : [];
  const timed = await timeInTurns([ours], others, runs, { ...context, onProgress });
  const kernels = await kernelTimes(engine, 1, async () => void (await ours.run()));
  const summary = ({ name, milliseconds }: TimedContender<Contender>): TimedFit => ({
    name,
    covariance,
    ...size,
    iterations,
    checked: true,
    milliseconds,
    millisecondsPerIteration: scaled(milliseconds, 1 / iterations),
  });
  return {
    ours: timed.ours.map((entry) => ({ ...summary(entry), checkedRows, warmUps: 2, ...kernels })),
    theirs: timed.theirs.map(summary),
  };
}

function runReference(problem: ReferenceProblem, means: Float32Array, iterations: number): void {
  let mixture = referenceStart(problem, means);
  for (let iteration = 0; iteration < iterations; iteration++) mixture = referenceRound(problem, mixture).mixture;
}

/**
 * Checks one round from given means against float64.
 *
 * @throws Error with the first number that is wrong
 */
export function assertRound(
  problem: ReferenceProblem,
  means: ArrayLike<number>,
  fit: ReferenceMixture & { readonly lowerBound: number },
): void {
  const { mixture, meanLogLikelihood } = referenceRound(problem, referenceStart(problem, means));
  if (!(Math.abs(fit.lowerBound - meanLogLikelihood) <= 1e-5 * (1 + Math.abs(meanLogLikelihood)))) {
    throw new Error(
      `The mixture is wrong: its lower bound is ${fit.lowerBound}; in float64 it is ${meanLogLikelihood}.`,
    );
  }
  for (const name of ['weights', 'means', 'covariances'] as const) {
    const expected = mixture[name];
    const tolerance = 1e-4 * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expected.forEach((value, index) => {
      if (Math.abs((fit[name][index] ?? Number.NaN) - value) <= tolerance) return;
      throw new Error(
        `The mixture is wrong: number ${index} of its ${name} is ${fit[name][index]}; in float64 it is ${value}.`,
      );
    });
  }
}
