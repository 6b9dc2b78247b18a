import { breathe } from '../../base/pieces.ts';
import { KMeans, type KMeansFit, type KMeansPrecision } from '../../cluster/kmeans/kmeans.ts';
import type { Engine } from '../../gpu/engine.ts';
import { benchSizes, type ClusterBenchReport, rowArrays, sizesOf, sizeText, type TimedCase } from './clusterBench.ts';
import type { Job, JobContext, JobResult } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { assertAssignment, assertSameInertia, assertUpdate } from './kmeansReference.ts';
import { cloudPoints } from './sampleData.ts';
import { type Distribution, scaled } from './timing.ts';
import { type Contender, type TimedContender, timeInTurns } from './turns.ts';

/** Which k-means to time: the first of each list, and each further one with the first of the other lists. */
export interface BenchKmeansParameters extends FitParameters {
  readonly points: readonly number[];
  readonly dimensions: readonly number[];
  readonly clusters: readonly number[];
  /** Whether other libraries are timed too, in turns with ours. */
  readonly peers: boolean;
  /** Rounds of the peers' fits, where those of `iterations` take too long. Default: as many. */
  readonly peerIterations?: number;
}

interface FitParameters {
  /** Rounds of assignment and update of each fit. */
  readonly iterations: number;
  /** Timed fits. */
  readonly runs: number;
  /** Seed of the points. */
  readonly seed: number;
  /** `int8`: assignment in 8 bits is timed too, in turns with f32. Default `f32`. */
  readonly precision?: KMeansPrecision;
  /** Share of the points that is put into one cloud, from 0 to 1; the rest is spread evenly over all. Default 0. */
  readonly skew?: number;
}

interface TimedFit extends TimedCase {
  readonly clusters: number;
  /** Rounds that were done: fewer than asked for where nothing moved any more. */
  readonly iterations: number;
  /** The time of a whole fit (upload, iterations, final assignment, readback), over the number of iterations. */
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
  /** Share of the points in one cloud, where there is any skew. */
  readonly skew?: number;
  /** Fits before the timed ones. */
  readonly warmUps: number;
}

/** Other libraries start from the same centroids. */
export type BenchKmeansReport = ClusterBenchReport<TimedFit & KernelTimes & CheckedFit, TimedFit>;

/** What k-means is to do: the first points are the first centroids, and nothing ends it early. */
export interface KmeansProblem {
  readonly data: Float32Array<ArrayBuffer>;
  readonly points: number;
  readonly dimensions: number;
  readonly clusters: number;
  readonly iterations: number;
}

/** k-means of another library. */
export interface KmeansPeer {
  readonly name: string;
  /** The centroids after the rounds of the problem, row by row. */
  fit(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** Sets another library to work. */
export type OpenKmeansPeer = (problem: KmeansProblem) => Promise<KmeansPeer>;

interface Size {
  readonly points: number;
  readonly dimensions: number;
  readonly clusters: number;
}

/**
 * Times k-means from the first points as centroids, after checking a fit of the same points.
 *
 * @param openPeers make the peers, when `parameters.peers` asks for them
 */
export function runBenchKmeans(
  engine: Engine,
  parameters: BenchKmeansParameters,
  context: JobContext,
  openPeers: readonly OpenKmeansPeer[],
): Promise<JobResult<BenchKmeansReport>> {
  const { points, dimensions, clusters, peers } = parameters;
  return benchSizes(engine.info.adapter, sizesOf({ points, dimensions, clusters }), (size) =>
    timeSize(engine, size, parameters, context, peers ? openPeers : []),
  );
}

/** The benchmark beside ml-kmeans; the page of benchmarks has one more peer. */
export const benchKmeans: Job<BenchKmeansParameters, BenchKmeansReport> = {
  name: 'benchKmeans',
  page: 'bench/',
  run: (engine, parameters, context) => runBenchKmeans(engine, parameters, context, [openMlKmeans]),
};

async function timeSize(
  engine: Engine,
  size: Size,
  parameters: FitParameters & { readonly peerIterations?: number },
  context: JobContext,
  openPeers: readonly OpenKmeansPeer[],
) {
  const { points, dimensions, clusters } = size;
  const { runs, seed, precision, skew = 0 } = parameters;
  const onProgress = (message: string) => context.onProgress?.(`${sizeText(size)}: ${message}`);
  onProgress('making points');
  await breathe();
  const data = cloudPoints(points, dimensions, clusters, seed, skew);
  const source = { data, rowCount: points, columnCount: dimensions };
  const fitWith = (kind: KMeansPrecision, maximumIterations: number) =>
    new KMeans({ clusters, init: 'first', tolerance: 0, maximumIterations, precision: kind }).fit(
      engine,
      source,
      context.signal ? { signal: context.signal } : {},
    );

  onProgress('k-means, check against float64');
  const { iterations, checkedRows } = await check(data, dimensions, parameters.iterations, (rounds) =>
    fitWith('f32', rounds),
  );
  const int8 =
    precision === 'int8' ? compare(await fitWith('int8', iterations), await fitWith('f32', iterations)) : undefined;
  const rounds = Math.min(iterations, parameters.peerIterations ?? iterations);
  const problem = { data, points, dimensions, clusters, iterations: rounds };
  const peers: KmeansPeer[] = [];
  try {
    if (openPeers.length > 0) {
      const { centroids } = await fitWith('f32', rounds);
      for (const open of openPeers) {
        onProgress('starting a peer');
        const peer = await open(problem);
        peers.push(peer);
        onProgress(`${peer.name}, check`);
        await breathe();
        assertSameInertia(data, dimensions, peer.name, await peer.fit(), centroids);
      }
    }
    const kinds = int8 ? (['f32', 'int8'] as const) : (['f32'] as const);
    const timed = await timeInTurns(
      kinds.map((kind) => ({ name: `k-means ${kind}`, kind, run: () => fitWith(kind, iterations) })),
      peers.map((peer) => ({ name: peer.name, run: () => peer.fit() })),
      runs,
      { ...context, onProgress },
    );
    const summary = ({ name, milliseconds }: TimedContender<Contender>, done: number): TimedFit => {
      const millisecondsPerIteration = scaled(milliseconds, 1 / done);
      const gops = (2 * points * dimensions * clusters) / (millisecondsPerIteration.median * 1e6);
      return { name, ...size, iterations: done, checked: true, milliseconds, millisecondsPerIteration, gops };
    };
    const cases: BenchKmeansReport['cases'][number][] = [];
    for (const entry of timed.ours) {
      onProgress(`${entry.name}, times of the kernels`);
      const kernels = await kernelTimes(engine, 1, async () => void (await entry.run()));
      // In f32 two fits were checked, in 8 bits one was compared with f32.
      const about = entry.kind === 'int8' ? { ...int8, warmUps: 1 } : { warmUps: 2 };
      cases.push({ ...summary(entry, iterations), ...(skew > 0 && { skew }), checkedRows, ...about, ...kernels });
    }
    return { ours: cases, theirs: timed.theirs.map((entry) => summary(entry, rounds)) };
  } finally {
    for (const peer of peers) peer.dispose();
  }
}

/** Compares the labels of assignment in 8 bits with those in f32, which must be the same. */
function compare({ labels, int8 }: KMeansFit, inF32: KMeansFit) {
  const row = labels.findIndex((label, index) => label !== inF32.labels[index]);
  if (row >= 0) {
    throw new Error(
      `int8 assigns point ${row} to cluster ${labels[row]}, f32 to ${inF32.labels[row]}; they must agree.`,
    );
  }
  return { recheckShare: int8?.recheckShare ?? 0, gaveUp: int8?.gaveUp ?? false };
}

/**
 * Checks a fit against float64: its labels by a search for the nearest centroids, its update by the centroids that one
 * more iteration makes of those labels. These two fits are the warm-up.
 */
async function check(
  points: Float32Array,
  dimensions: number,
  iterations: number,
  fitFor: (iterations: number) => Promise<KMeansFit>,
): Promise<{ readonly iterations: number; readonly checkedRows: number }> {
  const first = await fitFor(iterations);
  const checkedRows = assertAssignment(points, dimensions, first);
  const next = await fitFor(iterations + 1);
  assertUpdate(points, dimensions, first.labels, next.centroids);
  return { iterations: first.iterations, checkedRows };
}

/** ml-kmeans, on the CPU. */
export const openMlKmeans: OpenKmeansPeer = async ({ data, dimensions, clusters, iterations }) => {
  const { kmeans } = await import('ml-kmeans');
  const rows = rowArrays(data, dimensions);
  const initialization = rows.slice(0, clusters).map((row) => [...row]);
  return {
    name: 'ml-kmeans (CPU)',
    async fit() {
      const result = kmeans(rows, clusters, { initialization, maxIterations: iterations, tolerance: 0 });
      if (result.iterations !== iterations) {
        throw new Error(`ml-kmeans did ${result.iterations} iterations where ours did ${iterations}.`);
      }
      return result.centroids.flat();
    },
    dispose() {},
  };
};
