import { Dbscan, type DbscanFit } from '../../cluster/dbscan.ts';
import { suggestEpsilon } from '../../cluster/kDistances.ts';
import type { Engine } from '../../gpu/engine.ts';
import { assertDensity } from './dbscanReference.ts';
import { breathe, type Job, type JobContext, throwIfAborted } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { cloudPoints } from './sampleData.ts';
import { type Distribution, distributionOf } from './timing.ts';

/** Which DBSCAN to time. */
export interface BenchDbscanParameters {
  /** Numbers of points, each with each number of dimensions. */
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

interface TimedFit {
  readonly name: string;
  readonly points: number;
  readonly dimensions: number;
  /** The suggested one. */
  readonly epsilon: number;
  readonly clusters: number;
  readonly noise: number;
  readonly checked: true;
  /** A whole fit: sorting into cells, upload, steps, readback. */
  readonly milliseconds: Distribution;
  readonly millisecondsPerThousandPoints: number;
}

export interface BenchDbscanReport {
  readonly adapter: Engine['info']['adapter'];
  readonly cases: readonly (TimedFit & KernelTimes & { readonly checkedRows: number; readonly warmUps: number })[];
  /** Another library, on the same points. */
  readonly peers?: readonly TimedFit[];
  /** How many times as fast as the peer ours is. */
  readonly ratios?: readonly { readonly case: string; readonly peer: string; readonly ratio: number }[];
}

/** Clouds of generated points. */
const cloudCount = 8;

/** Times DBSCAN on clouds of points, after checking a fit of each. */
export const benchDbscan: Job<BenchDbscanParameters, BenchDbscanReport> = {
  name: 'benchDbscan',
  page: 'runtime.html',
  run: async (engine, parameters, context) => {
    const cases: BenchDbscanReport['cases'][number][] = [];
    const peers: TimedFit[] = [];
    const ratios: { case: string; peer: string; ratio: number }[] = [];
    for (const dimensions of parameters.dimensions) {
      for (const points of parameters.points) {
        const { ours, theirs } = await timeCase(engine, { ...parameters, points, dimensions }, context);
        cases.push(ours);
        if (!theirs) continue;
        peers.push(theirs);
        const ratio = theirs.milliseconds.median / ours.milliseconds.median;
        ratios.push({ case: `${ours.name} ${points}×${dimensions}`, peer: theirs.name, ratio });
      }
    }
    const report = { adapter: engine.info.adapter, cases };
    return { report: parameters.peers ? { ...report, peers, ratios } : report };
  },
};

interface Size extends Omit<BenchDbscanParameters, 'points' | 'dimensions'> {
  readonly points: number;
  readonly dimensions: number;
}

async function timeCase(engine: Engine, size: Size, { onProgress, signal }: JobContext) {
  const { points, dimensions, minimumPoints, runs, seed } = size;
  const name = `${points}×${dimensions}`;
  onProgress?.(`${name}, check against float64`);
  await breathe();
  const data = cloudPoints(points, dimensions, cloudCount, seed);
  const source = { data, rowCount: points, columnCount: dimensions };
  const run = signal ? { signal } : {};
  const { epsilon } = await suggestEpsilon(engine, source, minimumPoints, run);
  const estimator = new Dbscan({ epsilon, minimumPoints });
  const fit = await estimator.fit(engine, source, run);
  const checkedRows = assertDensity(data, dimensions, estimator, fit);
  const peer = size.peers ? await openPeer(data, size, epsilon, fit) : undefined;
  const times: number[] = [];
  const peerTimes: number[] = [];
  for (let turn = 1; turn <= runs; turn++) {
    onProgress?.(`${name}, run ${turn} of ${runs}`);
    const start = performance.now();
    await estimator.fit(engine, source, run);
    times.push(performance.now() - start);
    if (peer) {
      await breathe();
      const peerStart = performance.now();
      peer.run();
      peerTimes.push(performance.now() - peerStart);
    }
    throwIfAborted(signal);
  }
  const kernels = await kernelTimes(engine, 1, async () => void (await estimator.fit(engine, source, run)));
  const summary = (own: string, milliseconds: readonly number[]): TimedFit => {
    const distribution = distributionOf(milliseconds);
    return {
      name: own,
      points,
      dimensions,
      epsilon,
      clusters: fit.clusters,
      noise: fit.noise,
      checked: true,
      milliseconds: distribution,
      millisecondsPerThousandPoints: (distribution.median * 1000) / points,
    };
  };
  return {
    ours: { ...summary('DBSCAN', times), checkedRows, warmUps: 1, ...kernels },
    theirs: peer && summary(peer.name, peerTimes),
  };
}

async function openPeer(
  data: Float32Array,
  { points, dimensions, minimumPoints }: Size,
  epsilon: number,
  fit: DbscanFit,
) {
  const { DBSCAN } = await import('density-clustering');
  const rows = Array.from({ length: points }, (_, row) => [...data.subarray(row * dimensions, (row + 1) * dimensions)]);
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
