import { KMeans, type KMeansFit, type KMeansPrecision } from '../../cluster/kmeans.ts';
import type { Engine } from '../../gpu/engine.ts';
import { breathe, type Job, type JobContext, throwIfAborted } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { assertAssignment, assertUpdate } from './kmeansReference.ts';
import { cloudPoints } from './sampleData.ts';
import { type Distribution, distributionOf, scaled } from './timing.ts';

/** Which k-means to time. */
export interface BenchKmeansParameters {
  readonly points: number;
  readonly dimensions: number;
  readonly clusters: number;
  /** Rounds of assignment and update of each fit. */
  readonly iterations: number;
  /** Timed fits. */
  readonly runs: number;
  /** Seed of the points. */
  readonly seed: number;
  /** Whether ml-kmeans is timed too, in turns with ours. */
  readonly peers: boolean;
  /** `int8`: assignment in 8 bits is timed too, in turns with f32. Default `f32`. */
  readonly precision?: KMeansPrecision;
}

interface TimedFit {
  readonly name: string;
  readonly points: number;
  readonly dimensions: number;
  readonly clusters: number;
  /** Rounds that were done: fewer than asked for where nothing moved any more. */
  readonly iterations: number;
  readonly checked: true;
  /** A whole fit: upload, iterations, final assignment, readback. */
  readonly milliseconds: Distribution;
  /** That, over the number of iterations. */
  readonly millisecondsPerIteration: Distribution;
  /** 2 · points · dimensions · clusters of one iteration over its median time, in 10⁹ a second. */
  readonly gops: number;
}

interface CheckedFit {
  /** Of assignment in 8 bits: the share of points, in its last round, that it left to f32, and whether it was given up. */
  readonly recheckShare?: number;
  readonly gaveUp?: boolean;
  /** Points whose nearest centroid was searched in float64, chosen at random where they are not all. */
  readonly checkedRows: number;
  /** Fits before the timed ones. */
  readonly warmUps: number;
}

export interface BenchKmeansReport {
  readonly adapter: Engine['info']['adapter'];
  readonly cases: readonly (TimedFit & KernelTimes & CheckedFit)[];
  /** Other libraries, on the same points, from the same centroids, for as many iterations. */
  readonly peers?: readonly TimedFit[];
  /** How many times as fast as the peer, or as f32, an iteration of ours is. */
  readonly ratios?: readonly { readonly case: string; readonly peer: string; readonly ratio: number }[];
}

/** Times k-means from the first points as centroids, after checking a fit of the same points. */
export const benchKmeans: Job<BenchKmeansParameters, BenchKmeansReport> = {
  name: 'benchKmeans',
  page: 'bench/',
  run: async (engine, parameters, context) => {
    const { dimensions, clusters, runs, seed } = parameters;
    context.onProgress?.('making points');
    await breathe();
    const points = cloudPoints(parameters.points, dimensions, clusters, seed);
    const fitWith = (precision: KMeansPrecision) => (iterations: number) =>
      fitOnce(engine, points, { ...parameters, precision }, iterations, context);
    const fitFor = fitWith('f32');

    const { iterations, checkedRows } = await check(points, parameters, fitFor, context);
    const peer = parameters.peers ? await openPeer(points, { ...parameters, iterations }) : undefined;
    const int8 = parameters.precision === 'int8' ? await checkInt8(iterations, fitFor, fitWith('int8')) : undefined;
    const times: number[] = [];
    const int8Times: number[] = [];
    const peerTimes: number[] = [];
    for (let run = 1; run <= runs; run++) {
      context.onProgress?.(`k-means, run ${run} of ${runs}`);
      times.push(await timed(() => fitFor(iterations)));
      if (int8) int8Times.push(await timed(() => fitWith('int8')(iterations)));
      if (peer) {
        context.onProgress?.(`${peer.name}, run ${run} of ${runs}`);
        await breathe();
        peerTimes.push(await timed(async () => peer.run()));
      }
      throwIfAborted(context.signal);
    }
    context.onProgress?.('k-means, times of the kernels');
    const kernelsWith = (precision: KMeansPrecision) =>
      kernelTimes(engine, 1, async () => void (await fitWith(precision)(iterations)));

    // The two fits that were checked, or the one that was compared with f32.
    const summary = { ...summarize('k-means f32', parameters, iterations, times), checkedRows };
    const cases: BenchKmeansReport['cases'][number][] = [{ ...summary, warmUps: 2, ...(await kernelsWith('f32')) }];
    if (int8) {
      const inInt8 = { ...summarize('k-means int8', parameters, iterations, int8Times), checkedRows };
      cases.push({ ...inInt8, warmUps: 1, ...int8, ...(await kernelsWith('int8')) });
    }
    const peers = peer ? [summarize(peer.name, parameters, iterations, peerTimes)] : [];
    const ratios = [
      ...cases.slice(1).map((entry) => ratioOf(entry, summary)),
      ...peers.flatMap((theirs) => cases.map((entry) => ratioOf(entry, theirs))),
    ];
    return {
      report: {
        adapter: engine.info.adapter,
        cases,
        ...(peers.length > 0 && { peers }),
        ...(ratios.length > 0 && { ratios }),
      },
    };
  },
};

function ratioOf(ours: TimedFit, theirs: TimedFit) {
  const ratio = theirs.millisecondsPerIteration.median / ours.millisecondsPerIteration.median;
  return { case: ours.name, peer: theirs.name, ratio };
}

/** Compares the labels of assignment in 8 bits with those in f32, which must be the same. */
async function checkInt8(
  iterations: number,
  inF32: (iterations: number) => Promise<KMeansFit>,
  inInt8: (iterations: number) => Promise<KMeansFit>,
): Promise<{ readonly recheckShare: number; readonly gaveUp: boolean }> {
  const { labels, int8 } = await inInt8(iterations);
  const expected = (await inF32(iterations)).labels;
  const row = labels.findIndex((label, index) => label !== expected[index]);
  if (row >= 0) {
    throw new Error(`int8 assigns point ${row} to cluster ${labels[row]}, f32 to ${expected[row]}; they must agree.`);
  }
  return { recheckShare: int8?.recheckShare ?? 0, gaveUp: int8?.gaveUp ?? false };
}

function fitOnce(
  engine: Engine,
  data: Float32Array,
  { points, dimensions, clusters, precision = 'f32' }: BenchKmeansParameters,
  maximumIterations: number,
  { signal }: JobContext,
): Promise<KMeansFit> {
  const means = new KMeans({ clusters, init: 'first', tolerance: 0, maximumIterations, precision });
  return means.fit(engine, { data, rowCount: points, columnCount: dimensions }, signal ? { signal } : {});
}

/**
 * Checks a fit against float64: its labels by a search for the nearest centroids, its update by the centroids that one
 * more iteration makes of those labels. These two fits are the warm-up.
 */
async function check(
  points: Float32Array,
  { dimensions, iterations }: BenchKmeansParameters,
  fitFor: (iterations: number) => Promise<KMeansFit>,
  { onProgress }: JobContext,
): Promise<{ readonly iterations: number; readonly checkedRows: number }> {
  onProgress?.('k-means, check against float64');
  const first = await fitFor(iterations);
  const checkedRows = assertAssignment(points, dimensions, first);
  const next = await fitFor(iterations + 1);
  assertUpdate(points, dimensions, first.labels, next.centroids);
  return { iterations: first.iterations, checkedRows };
}

async function openPeer(data: Float32Array, { points, dimensions, clusters, iterations }: BenchKmeansParameters) {
  const { kmeans } = await import('ml-kmeans');
  const rows = Array.from({ length: points }, (_, row) => [...data.subarray(row * dimensions, (row + 1) * dimensions)]);
  const initialization = rows.slice(0, clusters).map((row) => [...row]);
  return {
    name: 'ml-kmeans (CPU)',
    run() {
      const result = kmeans(rows, clusters, { initialization, maxIterations: iterations, tolerance: 0 });
      if (result.iterations !== iterations) {
        throw new Error(`ml-kmeans did ${result.iterations} iterations where ours did ${iterations}.`);
      }
    },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function summarize(
  name: string,
  { points, dimensions, clusters }: BenchKmeansParameters,
  iterations: number,
  times: readonly number[],
): TimedFit {
  const milliseconds = distributionOf(times);
  const millisecondsPerIteration = scaled(milliseconds, 1 / iterations);
  return {
    name,
    points,
    dimensions,
    clusters,
    iterations,
    checked: true,
    milliseconds,
    millisecondsPerIteration,
    gops: (2 * points * dimensions * clusters) / (millisecondsPerIteration.median * 1e6),
  };
}
