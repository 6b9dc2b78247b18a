import { Agglomerative } from '../../cluster/agglomerative.ts';
import type { AgglomerativeFit } from '../../cluster/dendrogram.ts';
import type { Linkage } from '../../cluster/linkage.ts';
import type { Engine } from '../../gpu/engine.ts';
import { breathe, type Job, throwIfAborted } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { cloudPoints } from './sampleData.ts';
import { type Distribution, distributionOf } from './timing.ts';

/** Which hierarchical clustering to time. */
export interface BenchAgglomerativeParameters {
  /** Numbers of points. */
  readonly points: readonly number[];
  readonly dimensions: number;
  readonly linkage: Linkage;
  /** Timed fits of each case. */
  readonly runs: number;
  /** Seed of the points. */
  readonly seed: number;
  /** Most points that ml-hclust is timed with; 0 for none. */
  readonly peerPoints: number;
}

interface TimedFit {
  readonly name: string;
  readonly points: number;
  readonly dimensions: number;
  readonly checked: true;
  /** A whole fit: all merges. */
  readonly milliseconds: Distribution;
}

export interface BenchAgglomerativeReport {
  readonly adapter: Engine['info']['adapter'];
  readonly linkage: Linkage;
  readonly cases: readonly (TimedFit & KernelTimes & { readonly warmUps: number })[];
  /** ml-hclust, on the same points. */
  readonly peers?: readonly TimedFit[];
  /** How many times as fast as the peer ours is. */
  readonly ratios?: readonly { readonly case: string; readonly peer: string; readonly ratio: number }[];
}

/** Clouds of generated points. */
const cloudCount = 16;
const peerName = 'ml-hclust (CPU)';
/** Merges whose heights are checked, from the top. */
const checkedMerges = 5;

/** Times hierarchical clustering of clouds of points, after checking a fit of each. */
export const benchAgglomerative: Job<BenchAgglomerativeParameters, BenchAgglomerativeReport> = {
  name: 'benchAgglomerative',
  page: 'runtime.html',
  run: async (engine, { points, dimensions, linkage, runs, seed, peerPoints }, { onProgress, signal }) => {
    const cases: BenchAgglomerativeReport['cases'][number][] = [];
    const peers: TimedFit[] = [];
    const run = signal ? { signal } : {};
    const estimator = new Agglomerative({ linkage, clusters: 1 });
    for (const rowCount of points) {
      onProgress?.(`${rowCount}×${dimensions}, check`);
      await breathe();
      const data = cloudPoints(rowCount, dimensions, cloudCount, seed);
      const source = { data, rowCount, columnCount: dimensions };
      const fit = await estimator.fit(engine, source, run);
      assertTopMerge(fit, data, dimensions, linkage);
      const peer = rowCount <= peerPoints ? await openPeer(data, dimensions, linkage, fit) : undefined;
      const times: number[] = [];
      const peerTimes: number[] = [];
      for (let turn = 1; turn <= runs; turn++) {
        onProgress?.(`${rowCount}×${dimensions}, run ${turn} of ${runs}`);
        times.push(await timed(() => estimator.fit(engine, source, run)));
        if (peer) {
          await breathe();
          peerTimes.push(await timed(async () => peer()));
        }
        throwIfAborted(signal);
      }
      const kernels = await kernelTimes(engine, 1, async () => void (await estimator.fit(engine, source, run)));
      const summary = (name: string, milliseconds: readonly number[]): TimedFit => ({
        name,
        points: rowCount,
        dimensions,
        checked: true,
        milliseconds: distributionOf(milliseconds),
      });
      cases.push({ ...summary(linkage, times), ...kernels, warmUps: 1 });
      if (peer) peers.push(summary(peerName, peerTimes));
    }
    const report = { adapter: engine.info.adapter, linkage, cases };
    if (peers.length === 0) return { report };
    const ratios = peers.map((peer, place) => ({
      case: `${linkage} ${peer.points}×${dimensions}`,
      peer: peer.name,
      ratio: peer.milliseconds.median / (cases[place]?.milliseconds.median ?? Number.NaN),
    }));
    return { report: { ...report, peers, ratios } };
  },
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Checks the last merge by the definition of the linkage in float64. */
function assertTopMerge(fit: AgglomerativeFit, data: Float32Array, columnCount: number, linkage: Linkage): void {
  if (fit.labels.length < 2) return;
  const halves = fit.labelsAt({ clusters: 2 });
  const rowsOf = (half: number) => Array.from(halves.keys()).filter((row) => halves[row] === half);
  const [left, right] = [rowsOf(0), rowsOf(1)];
  const top = fit.distances.at(-1) ?? 0;
  const expected =
    linkage === 'ward'
      ? wardHeight(data, left, right, columnCount)
      : pairHeight(data, left, right, columnCount, linkage);
  if (!(Math.abs(top - expected) <= 1e-6 * expected)) {
    throw new Error(`The last merge is at the height ${top}; by its definition it would be at ${expected}.`);
  }
}

function distance(a: ArrayLike<number>, first: number, b: ArrayLike<number>, second: number, count: number): number {
  let sum = 0;
  for (let column = 0; column < count; column++) {
    sum += ((a[first * count + column] ?? 0) - (b[second * count + column] ?? 0)) ** 2;
  }
  return Math.sqrt(sum);
}

function wardHeight(
  data: Float32Array,
  left: readonly number[],
  right: readonly number[],
  columnCount: number,
): number {
  const [a, b] = [left, right].map((rows) => {
    const mean = new Float64Array(columnCount);
    for (const row of rows) {
      for (let column = 0; column < columnCount; column++) {
        mean[column] = (mean[column] ?? 0) + (data[row * columnCount + column] ?? 0) / rows.length;
      }
    }
    return mean;
  });
  const [s, t] = [left.length, right.length];
  return Math.sqrt((2 * s * t) / (s + t)) * distance(a ?? [], 0, b ?? [], 0, columnCount);
}

function pairHeight(
  data: Float32Array,
  left: readonly number[],
  right: readonly number[],
  columnCount: number,
  linkage: Exclude<Linkage, 'ward'>,
): number {
  let [least, greatest, sum] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const a of left) {
    for (const b of right) {
      const apart = distance(data, a, data, b, columnCount);
      least = Math.min(least, apart);
      greatest = Math.max(greatest, apart);
      sum += apart;
    }
  }
  return { single: least, complete: greatest, average: sum / left.length / right.length }[linkage];
}

/** The fit of ml-hclust, whose top merges must be ours. */
async function openPeer(data: Float32Array, columnCount: number, linkage: Linkage, fit: AgglomerativeFit) {
  const { agnes } = await import('ml-hclust');
  const rows = Array.from({ length: data.length / columnCount }, (_, row) => [
    ...data.subarray(row * columnCount, (row + 1) * columnCount),
  ]);
  // Its `ward2` is R's ward.D2, which is ours.
  const method = linkage === 'ward' ? 'ward2' : linkage;
  let checked = false;
  return () => {
    const tree = agnes(rows, { method });
    if (checked) return;
    checked = true;
    const heights: number[] = [];
    tree.traverse((cluster) => {
      if (!cluster.isLeaf) heights.push(cluster.height);
    });
    heights.sort((a, b) => a - b);
    for (let place = -1; place >= -Math.min(checkedMerges, heights.length); place--) {
      const [own, theirs] = [fit.distances.at(place) ?? 0, heights.at(place) ?? 0];
      if (Math.abs(own - theirs) <= 1e-4 * own) continue;
      throw new Error(`Merge ${place} from the top is at the height ${own}, ml-hclust’s at ${theirs}.`);
    }
  };
}
