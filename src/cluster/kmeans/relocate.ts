import type { Allocation } from '../../gpu/allocation.ts';
import { roundEven } from '../points/fixedPoint.ts';
import { readRows } from '../points/gather.ts';
import { readDistanceKeys } from './distances.ts';
import { recordFinish } from './finish.ts';
import type { ClusterState } from './state.ts';

/** The rows with positive keys, farthest first, the lower row before an equal one. */
function byDistance(keys: Uint32Array): Uint32Array {
  const rows = Uint32Array.from(keys.keys()).filter((row) => (keys[row] as number) > 0);
  return rows.sort((a, b) => (keys[b] as number) - (keys[a] as number) || a - b);
}

/** A point that becomes the centre of an empty cluster. */
export interface Move {
  /** The cluster that it leaves. */
  readonly label: number;
  /** Its rowFloats coordinates in the frame. */
  readonly point: Float32Array;
  /** Its weight, a whole number. Default 1. */
  readonly weight?: number;
}

/** Chooses the `wanted` farthest points with different coordinates; fewer if there are not as many. */
async function chooseMoves(state: ClusterState, wanted: number): Promise<Move[]> {
  const { points } = state;
  const weights = points.weights?.values;
  const keys = await readDistanceKeys(state);
  // Points without weight cannot fill a cluster.
  const order = byDistance(weights ? keys.map((key, row) => (weights[row] === 0 ? 0 : key)) : keys);
  const labels = await state.readLabels();
  const moves: Move[] = [];
  const seen = new Set<string>();
  for (let first = 0, step = 2 * wanted + 16; moves.length < wanted && first < order.length; first += step, step *= 2) {
    const rows = [...order.subarray(first, first + step)];
    const coordinates = await readRows(points, rows);
    for (const [position, row] of rows.entries()) {
      const point = coordinates.subarray(position * points.rowFloats, (position + 1) * points.rowFloats);
      const key = point.join();
      if (seen.has(key) || moves.length === wanted) continue;
      seen.add(key);
      moves.push({ label: labels[row] as number, point, weight: weights?.[row] ?? 1 });
    }
  }
  return moves;
}

/** Clusters without points in the round that has just halted. */
export async function readEmptyClusters(state: ClusterState): Promise<number[]> {
  const counts = new Uint32Array(await state.engine.readBytes(state.counts, state.clusterCount * 4));
  return [...counts.keys()].filter((cluster) => counts[cluster] === 0);
}

/**
 * Moves points, at most as many as there are empty clusters, into those, and ends the round.
 * @param keepSums leave the sums and counts of the labels for the next round, see `recordFinish`
 */
export async function movePoints(
  state: ClusterState,
  empty: readonly number[],
  moves: readonly Move[],
  keepSums = false,
): Promise<void> {
  const { engine, points, clusterCount } = state;
  const { columnCount, exponents } = points;
  const counts = new Uint32Array(await engine.readBytes(state.counts, clusterCount * 4));
  const sums = new BigInt64Array(await engine.readBytes(state.sums, clusterCount * columnCount * 8));
  const [labelledCounts, labelledSums] = [counts.slice(), sums.slice()];
  const add = ({ point, weight = 1 }: Move, cluster: number, sign: 1 | -1): void => {
    counts[cluster] = (counts[cluster] as number) + sign * weight;
    for (let column = 0; column < columnCount; column++) {
      const value = roundEven((point[column] as number) * 2 ** (exponents[column] as number));
      const index = cluster * columnCount + column;
      sums[index] = (sums[index] as bigint) + BigInt(sign * weight) * BigInt(value);
    }
  };
  moves.forEach((move, order) => {
    add(move, move.label, -1);
    add(move, empty[order] as number, 1);
  });
  const upload = (allocation: Allocation, { buffer }: Uint32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>): void =>
    engine.upload(allocation, new Uint8Array(buffer));
  upload(state.counts, counts);
  upload(state.sums, sums);
  recordFinish(state, moves.length > 0 ? 'pointsMoved' : 'nothingMoved', keepSums);
  if (!keepSums) return;
  // The labels are as they were, and the next round starts from their sums.
  upload(state.counts, labelledCounts);
  upload(state.sums, labelledSums);
}

/**
 * Ends a round that halted because clusters are empty, as scikit-learn does (`_relocate_empty_clusters_dense`): each
 * empty cluster, lowest index first, becomes the farthest point from its former centroid, which leaves the sum and the
 * count of its cluster. Points at the same place count once, and points at distance 0 not at all; a cluster that is
 * empty after that goes to the centroid of the largest.
 */
export async function relocateEmptyClusters(state: ClusterState): Promise<void> {
  const empty = await readEmptyClusters(state);
  await movePoints(state, empty, await chooseMoves(state, empty.length), true);
}
