import { breathe } from '../../base/pieces.ts';
import { Agglomerative } from '../../cluster/hierarchy/agglomerative.ts';
import type { AgglomerativeFit } from '../../cluster/hierarchy/dendrogram.ts';
import type { Linkage } from '../../cluster/hierarchy/linkage.ts';
import type { Engine } from '../../gpu/engine.ts';
import { benchSizes, type ClusterBenchReport, rowArrays, sizesOf, sizeText, type TimedCase } from './clusterBench.ts';
import type { Job, JobContext } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { cloudPoints } from './sampleData.ts';
import { type Contender, type TimedContender, timeInTurns } from './turns.ts';

/** Which hierarchical clustering to time: the first of each list, and each further one with the first of the other list. */
export interface BenchAgglomerativeParameters {
  readonly points: readonly number[];
  readonly dimensions: readonly number[];
  readonly linkage: Linkage;
  /** Timed fits of each case. */
  readonly runs: number;
  /** Seed of the points. */
  readonly seed: number;
  /** Most points that ml-hclust is timed with; 0 for none. */
  readonly peerPoints: number;
}

export type BenchAgglomerativeReport = ClusterBenchReport<
  TimedCase & KernelTimes & { readonly warmUps: number },
  TimedCase
>;

interface Size {
  readonly points: number;
  readonly dimensions: number;
}

/** Clouds of generated points. */
const cloudCount = 16;
/** Merges whose heights are checked, from the top. */
const checkedMerges = 5;

/** Times hierarchical clustering of clouds of points, after checking a fit of each. */
export const benchAgglomerative: Job<BenchAgglomerativeParameters, BenchAgglomerativeReport> = {
  name: 'benchAgglomerative',
  page: 'runtime.html',
  run: (engine, parameters, context) => {
    const { points, dimensions } = parameters;
    return benchSizes(engine.info.adapter, sizesOf({ points, dimensions }), (size) =>
      timeSize(engine, size, parameters, context),
    );
  },
};

async function timeSize(
  engine: Engine,
  size: Size,
  { linkage, runs, seed, peerPoints }: BenchAgglomerativeParameters,
  context: JobContext,
) {
  const { points, dimensions } = size;
  const onProgress = (message: string) => context.onProgress?.(`${sizeText(size)}: ${message}`);
  onProgress('check');
  await breathe();
  const data = cloudPoints(points, dimensions, cloudCount, seed);
  const source = { data, rowCount: points, columnCount: dimensions };
  const estimator = new Agglomerative({ linkage, clusters: 1 });
  const fitOnce = () => estimator.fit(engine, source, context.signal ? { signal: context.signal } : {});
  const fit = await fitOnce();
  assertTopMerge(fit, data, dimensions, linkage);
  const others = points <= peerPoints ? [await openPeer(rowArrays(data, dimensions), linkage, fit)] : [];
  const timed = await timeInTurns([{ name: linkage, run: fitOnce }], others, runs, { ...context, onProgress });
  const kernels = await kernelTimes(engine, 1, async () => void (await fitOnce()));
  const summary = ({ name, milliseconds }: TimedContender<Contender>): TimedCase => ({
    name,
    ...size,
    checked: true,
    milliseconds,
  });
  return {
    ours: timed.ours.map((entry) => ({ ...summary(entry), ...kernels, warmUps: 1 })),
    theirs: timed.theirs.map(summary),
  };
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
async function openPeer(rows: number[][], linkage: Linkage, fit: AgglomerativeFit) {
  const { agnes } = await import('ml-hclust');
  // Its `ward2` is R's ward.D2, which is ours.
  const method = linkage === 'ward' ? 'ward2' : linkage;
  let checked = false;
  const run = () => {
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
  return { name: 'ml-hclust (CPU)', run };
}
