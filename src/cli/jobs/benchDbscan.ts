import { breathe } from '../../base/pieces.ts';
import { Dbscan, type DbscanFit } from '../../cluster/dbscan/dbscan.ts';
import { suggestEpsilon } from '../../cluster/dbscan/kDistances.ts';
import type { Engine } from '../../gpu/engine.ts';
import { benchSizes, type ClusterBenchReport, rowArrays, sizesOf, sizeText, type TimedCase } from './clusterBench.ts';
import { assertDensity } from './dbscanReference.ts';
import type { Job, JobContext } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { cloudPoints } from './sampleData.ts';
import { type Contender, type TimedContender, timeInTurns } from './turns.ts';

/** Which DBSCAN to time: the first of each list, and each further one with the first of the other list. */
export interface BenchDbscanParameters {
  readonly points: readonly number[];
  readonly dimensions: readonly number[];
  readonly minimumPoints: number;
  /** Timed fits of each case. */
  readonly runs: number;
  /** Seed of the points. */
  readonly seed: number;
  /** Whether density-clustering is timed too, in turns with ours. */
  readonly peers: boolean;
}

interface TimedFit extends TimedCase {
  /** The suggested one. */
  readonly epsilon: number;
  readonly clusters: number;
  readonly noise: number;
  readonly millisecondsPerThousandPoints: number;
}

export type BenchDbscanReport = ClusterBenchReport<
  TimedFit & KernelTimes & { readonly checkedRows: number; readonly warmUps: number },
  TimedFit
>;

/** Clouds of generated points. */
const cloudCount = 8;

/** Times DBSCAN on clouds of points, after checking a fit of each. */
export const benchDbscan: Job<BenchDbscanParameters, BenchDbscanReport> = {
  name: 'benchDbscan',
  page: 'runtime.html',
  run: (engine, parameters, context) => {
    const { points, dimensions } = parameters;
    return benchSizes(engine.info.adapter, sizesOf({ points, dimensions }), (size) =>
      timeSize(engine, size, parameters, context),
    );
  },
};

interface Size {
  readonly points: number;
  readonly dimensions: number;
}

async function timeSize(
  engine: Engine,
  size: Size,
  { minimumPoints, runs, seed, peers }: BenchDbscanParameters,
  context: JobContext,
) {
  const { points, dimensions } = size;
  const onProgress = (message: string) => context.onProgress?.(`${sizeText(size)}: ${message}`);
  onProgress('check against float64');
  await breathe();
  const data = cloudPoints(points, dimensions, cloudCount, seed);
  const source = { data, rowCount: points, columnCount: dimensions };
  const run = context.signal ? { signal: context.signal } : {};
  const { epsilon } = await suggestEpsilon(engine, source, minimumPoints, run);
  const estimator = new Dbscan({ epsilon, minimumPoints });
  const fit = await estimator.fit(engine, source, run);
  const checkedRows = assertDensity(data, dimensions, estimator, fit);
  const ours = { name: 'DBSCAN', run: () => estimator.fit(engine, source, run) };
  const others = peers ? [await openPeer(rowArrays(data, dimensions), estimator, fit)] : [];
  const timed = await timeInTurns([ours], others, runs, { ...context, onProgress });
  const kernels = await kernelTimes(engine, 1, async () => void (await ours.run()));
  const summary = ({ name, milliseconds }: TimedContender<Contender>): TimedFit => ({
    name,
    ...size,
    epsilon,
    clusters: fit.clusters,
    noise: fit.noise,
    checked: true,
    milliseconds,
    millisecondsPerThousandPoints: (milliseconds.median * 1000) / points,
  });
  return {
    ours: timed.ours.map((entry) => ({ ...summary(entry), checkedRows, warmUps: 1, ...kernels })),
    theirs: timed.theirs.map(summary),
  };
}

async function openPeer(rows: number[][], { epsilon, minimumPoints }: Dbscan, fit: DbscanFit) {
  const { DBSCAN } = await import('density-clustering');
  return {
    name: 'density-clustering (CPU)',
    run() {
      const peer = new DBSCAN();
      const clusters = peer.run(rows, epsilon, minimumPoints);
      // It leaves pairs at exactly epsilon out, which hardly occur here, and counts points as noise that a later cluster borders on.
      if (clusters.length !== fit.clusters) {
        throw new Error(`density-clustering found ${clusters.length} clusters where ours found ${fit.clusters}.`);
      }
    },
  };
}
