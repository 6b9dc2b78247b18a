import { GaussianMixture } from '../../cluster/gaussianMixture.ts';
import type { CovarianceType } from '../../cluster/gaussianMixtureModel.ts';
import type { Engine } from '../../gpu/engine.ts';
import {
  type ReferenceMixture,
  type ReferenceProblem,
  referenceRound,
  referenceStart,
} from './gaussianMixtureReference.ts';
import { breathe, type Job, type JobContext, throwIfAborted } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { cloudPoints } from './sampleData.ts';
import { type Distribution, distributionOf, scaled } from './timing.ts';

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

interface TimedFit {
  readonly name: string;
  readonly covariance: CovarianceType;
  readonly points: number;
  readonly dimensions: number;
  readonly components: number;
  readonly iterations: number;
  readonly checked: true;
  /** A whole fit: upload, covariance of the points, rounds, labels, readback. */
  readonly milliseconds: Distribution;
  /** That, over the number of rounds. */
  readonly millisecondsPerIteration: Distribution;
}

export interface BenchGaussianMixtureReport {
  readonly adapter: Engine['info']['adapter'];
  readonly cases: readonly (TimedFit & KernelTimes & { readonly checkedRows: number; readonly warmUps: number })[];
  /** Float64 on the CPU, on the same points, from the same start, for as many rounds. */
  readonly peers?: readonly TimedFit[];
  /** How many times as fast as the peer a round of ours is. */
  readonly ratios?: readonly { readonly case: string; readonly peer: string; readonly ratio: number }[];
}

interface Size extends Omit<BenchGaussianMixtureParameters, 'points' | 'dimensions' | 'components'> {
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
  run: async (engine, parameters, context) => {
    const cases: BenchGaussianMixtureReport['cases'][number][] = [];
    const peers: TimedFit[] = [];
    const ratios: { case: string; peer: string; ratio: number }[] = [];
    for (const size of sizesOf(parameters)) {
      const { ours, theirs } = await timeCase(engine, size, context);
      cases.push(ours);
      if (!theirs) continue;
      peers.push(theirs);
      const ratio = theirs.millisecondsPerIteration.median / ours.millisecondsPerIteration.median;
      ratios.push({ case: nameOf(size), peer: theirs.name, ratio });
    }
    const report = { adapter: engine.info.adapter, cases };
    return { report: parameters.peers ? { ...report, peers, ratios } : report };
  },
};

function sizesOf({ points, dimensions, components, ...rest }: BenchGaussianMixtureParameters): Size[] {
  const first = { points: points[0] ?? 1, dimensions: dimensions[0] ?? 1, components: components[0] ?? 1 };
  return [
    { ...rest, ...first },
    ...points.slice(1).map((count) => ({ ...rest, ...first, points: count })),
    ...dimensions.slice(1).map((count) => ({ ...rest, ...first, dimensions: count })),
    ...components.slice(1).map((count) => ({ ...rest, ...first, components: count })),
  ];
}

function nameOf({ points, dimensions, components, covariance }: Size): string {
  return `${covariance} ${points}×${dimensions}, ${components} components`;
}

async function timeCase(engine: Engine, size: Size, { onProgress, signal }: JobContext) {
  const { points, dimensions, components, covariance, iterations, runs, seed } = size;
  const name = nameOf(size);
  onProgress?.(`${name}, check against float64`);
  await breathe();
  const data = cloudPoints(points, dimensions, components, seed);
  const means = data.slice(0, components * dimensions);
  const fitFor = (rows: Float32Array, maximumIterations: number) =>
    new GaussianMixture({ components, covariance, means, tolerance: 0, regularization, maximumIterations }).fit(
      engine,
      { data: rows, rowCount: rows.length / dimensions, columnCount: dimensions },
      signal ? { signal } : {},
    );
  const affordable = Math.floor(checkBudget / (components * dimensions ** 2));
  const checkedRows = Math.max(components, Math.min(points, affordable));
  const checked = data.subarray(0, checkedRows * dimensions);
  const problem = { points: checked, columnCount: dimensions, covariance, regularization };
  assertRound(problem, means, await fitFor(checked, 1));

  const times: number[] = [];
  const peerTimes: number[] = [];
  for (let turn = 0; turn <= runs; turn++) {
    onProgress?.(`${name}, run ${turn} of ${runs}`);
    const start = performance.now();
    await fitFor(data, iterations);
    // The first warms up.
    if (turn > 0) times.push(performance.now() - start);
    if (turn > 0 && size.peers) {
      await breathe();
      const peerStart = performance.now();
      runReference({ ...problem, points: data }, means, iterations);
      peerTimes.push(performance.now() - peerStart);
    }
    throwIfAborted(signal);
  }
  const kernels = await kernelTimes(engine, 1, async () => void (await fitFor(data, iterations)));
  const summary = (own: string, milliseconds: readonly number[]): TimedFit => {
    const distribution = distributionOf(milliseconds);
    return {
      name: own,
      covariance,
      points,
      dimensions,
      components,
      iterations,
      checked: true,
      milliseconds: distribution,
      millisecondsPerIteration: scaled(distribution, 1 / iterations),
    };
  };
  return {
    ours: { ...summary('Gaussian mixture f32', times), checkedRows, warmUps: 2, ...kernels },
    theirs: size.peers ? summary('TypeScript f64 (CPU)', peerTimes) : undefined,
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
