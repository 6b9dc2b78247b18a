/** What the benchmarks of clustering have in common: the sizes, and how cases compare with others and with smaller ones. */
import type { Engine } from '../../gpu/engine.ts';
import type { JobResult } from './job.ts';
import type { Distribution } from './timing.ts';

/** How much there is to cluster, by what grows. */
export interface ClusterSize {
  readonly points: number;
  readonly dimensions: number;
  /** Clusters or components, where their number is given. */
  readonly clusters?: number;
  readonly components?: number;
}

type Axis = keyof ClusterSize;

/** A timed and checked piece of work. */
export interface TimedCase {
  readonly name: string;
  readonly points: number;
  readonly dimensions: number;
  readonly checked: true;
  /** End to end: from points on the CPU to the result there. */
  readonly milliseconds: Distribution;
  /** That, over the number of iterations, where there are any. */
  readonly millisecondsPerIteration?: Distribution;
}

/** How many times as fast as a peer a case is. */
export interface Ratio {
  readonly case: string;
  readonly peer: string;
  readonly ratio: number;
}

/** What a larger size costs, compared with the size before it in the same list. */
export interface Growth {
  readonly case: string;
  readonly axis: Axis;
  readonly from: number;
  readonly to: number;
  /** Its median time, of an iteration where there are iterations, over that of the size before. */
  readonly ratio: number;
}

/** The cases of a benchmark, its peers, and what follows from them. */
export interface ClusterBenchReport<Ours extends TimedCase, Theirs extends TimedCase> {
  readonly adapter: Engine['info']['adapter'];
  readonly cases: readonly Ours[];
  /** Others, on the same points. */
  readonly peers?: readonly Theirs[];
  readonly ratios?: readonly Ratio[];
  readonly growth?: readonly Growth[];
}

/** The sizes of the lists: the first number of each, and each further one with the first of the other lists. */
export function sizesOf<Name extends Axis>(
  lists: Readonly<Record<Name, readonly number[]>>,
): Readonly<Record<Name, number>>[] {
  const axes = Object.entries<readonly number[]>(lists);
  const first = Object.fromEntries(axes.map(([axis, values]) => [axis, values[0]])) as Record<Name, number>;
  return [first, ...axes.flatMap(([axis, values]) => values.slice(1).map((value) => ({ ...first, [axis]: value })))];
}

/** A size for people: `1,000×16, 8 clusters`. */
export function sizeText({ points, dimensions, clusters, components }: ClusterSize): string {
  const parts = clusters === undefined ? '' : `, ${clusters} clusters`;
  const mixed = components === undefined ? '' : `, ${components} components`;
  return `${points.toLocaleString('en')}×${dimensions}${parts}${mixed}`;
}

/**
 * Times every size and sets the cases against their peers and against smaller ones.
 *
 * @param timeSize checks and times one size
 */
export async function benchSizes<Size extends ClusterSize, Ours extends TimedCase, Theirs extends TimedCase>(
  adapter: Engine['info']['adapter'],
  sizes: readonly Size[],
  timeSize: (size: Size) => Promise<{ ours: readonly Ours[]; theirs: readonly Theirs[] }>,
): Promise<JobResult<ClusterBenchReport<Ours, Theirs>>> {
  const cases: Ours[] = [];
  const peers: Theirs[] = [];
  const ratios: Ratio[] = [];
  const grown: SizedCase[] = [];
  for (const size of sizes) {
    const { ours, theirs } = await timeSize(size);
    cases.push(...ours);
    grown.push(...ours.map((entry) => ({ size, name: entry.name, cost: costOf(entry) })));
    peers.push(...theirs);
    const nameOf = ({ name }: Ours) => (sizes.length === 1 ? name : `${name} ${sizeText(size)}`);
    const against = (measure: TimedCase, entries: readonly Ours[]) =>
      entries.map((entry) => ({ case: nameOf(entry), peer: measure.name, ratio: costOf(measure) / costOf(entry) }));
    // The first of ours is the measure of the others, which do the same in other ways.
    for (const measure of ours.slice(0, 1)) ratios.push(...against(measure, ours.slice(1)));
    for (const measure of theirs) ratios.push(...against(measure, ours));
  }
  const growth = growthOf(grown);
  return {
    report: {
      adapter,
      cases,
      ...(peers.length > 0 && { peers }),
      ...(ratios.length > 0 && { ratios }),
      ...(growth.length > 0 && { growth }),
    },
  };
}

function costOf({ milliseconds, millisecondsPerIteration = milliseconds }: TimedCase): number {
  return millisecondsPerIteration.median;
}

interface SizedCase {
  readonly size: ClusterSize;
  readonly name: string;
  readonly cost: number;
}

const axes = ['points', 'dimensions', 'clusters', 'components'] as const;

/** Each case against the one before it in the same list, which is the last of the same name or the first. */
function growthOf(cases: readonly SizedCase[]): Growth[] {
  return cases.flatMap(({ size, name, cost }, place): Growth[] => {
    const earlier = cases.slice(0, place).filter((entry) => entry.name === name);
    for (const before of [earlier.at(-1), earlier[0]]) {
      if (!before) continue;
      const [axis, ...more] = axes.filter((each) => before.size[each] !== size[each]);
      if (!axis || more.length > 0) continue;
      const [from = Number.NaN, to = Number.NaN] = [before.size[axis], size[axis]];
      return [{ case: name, axis, from, to, ratio: cost / before.cost }];
    }
    return [];
  });
}

/** Points as other libraries take them. */
export function rowArrays(data: Float32Array, columnCount: number): number[][] {
  return Array.from({ length: data.length / columnCount }, (_, row) => [
    ...data.subarray(row * columnCount, (row + 1) * columnCount),
  ]);
}
