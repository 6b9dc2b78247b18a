import { abortable } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import { toFrame } from '../points/frame.ts';
import { recordGather } from '../points/gather.ts';
import type { PointSet } from '../points/pointSet.ts';
import { derivedSeed, randomRows } from '../random.ts';
import { seedPlusPlus } from './seeding.ts';
import { seedParallel } from './seedParallel.ts';
import type { ClusterState } from './state.ts';

/** Ways to find where centroids start. */
export const initializations = ['k-means++', 'k-means||', 'random', 'first'] as const;

/**
 * Where centroids start: `k-means++` draws points far from each other one by one, `k-means||` many at a time (for many
 * clusters, see `seedParallel`), `random` draws different points, `first` takes the first rows; an array holds them row by
 * row, [clusters, columns].
 */
export type KMeansInit = (typeof initializations)[number] | Float32Array | Float64Array;

/** Where and how a fit starts. */
export interface StartOptions {
  /** Centroids that the caller gave, row by row. */
  readonly given: Float64Array | undefined;
  /** Which of several starts this is, from 1. */
  readonly start: number;
  readonly signal: AbortSignal | undefined;
}

/** Seeds that are recorded between two looks at the abort signal. */
const seedBatch = 16;

/** The numbers of the points that may be centroids, in ascending order: those that weigh something. */
function weighingRows({ rowCount, weights }: PointSet, clusters: number): Uint32Array {
  const all = Uint32Array.from({ length: rowCount }, (_, row) => row);
  const rows = weights ? all.filter((row) => weights.values[row] !== 0) : all;
  if (rows.length < clusters) {
    throw new InvalidInput(
      `KMeans: ${clusters} clusters of ${rows.length} points with a positive weight; there must be at least as many. Ask for at most ${rows.length} clusters.`,
    );
  }
  return rows;
}

/** The seed of one of several starts; that of the first is the seed itself. */
function seedOf(seed: number, start: number): number {
  return start === 1 ? seed : derivedSeed(seed, 'starts', start);
}

/** Puts the centroids that a fit starts from into `state`. @throws InvalidInput, Aborted */
export async function startCentroids(
  state: ClusterState,
  { clusters, init, seed }: { readonly clusters: number; readonly init: KMeansInit; readonly seed: number },
  { given, start, signal }: StartOptions,
): Promise<void> {
  const { engine, points } = state;
  if (given) {
    state.setCentroids(toFrame(given, points.frame, 0, clusters));
    return;
  }
  const rows = weighingRows(points, clusters);
  const ownSeed = seedOf(seed, start);
  const pick = (places: readonly number[]): void => {
    recordGather(
      points,
      places.map((place) => rows[place] as number),
      state.centroids,
    );
  };
  if (init === 'first') {
    pick([...Array(clusters).keys()]);
  } else if (init === 'random') {
    pick(randomRows(ownSeed, clusters, rows.length));
  } else {
    let recorded = 0;
    const afterSeed = async (): Promise<void> => {
      recorded++;
      if (recorded % seedBatch === 0) await abortable(engine.idle(), signal);
    };
    await (init === 'k-means||' ? seedParallel : seedRows)(state, ownSeed, afterSeed);
  }
}

/** k-means++, whose rows nobody asks for. */
async function seedRows(state: ClusterState, seed: number, afterSeed: () => Promise<void>): Promise<void> {
  const rows = state.engine.allocate(state.clusterCount * 4);
  try {
    await seedPlusPlus(state, seed, rows, afterSeed);
  } finally {
    rows.release();
  }
}
