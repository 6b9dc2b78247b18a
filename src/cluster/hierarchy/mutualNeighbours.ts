import { throwIfAborted } from '../../base/abort.ts';
import { type Candidates, type LinkedClusters, type Merges, winsTie } from './linkage.ts';

/** How far the merges are. */
export interface LinkageProgress {
  /** Clusters that are left. */
  readonly clusters: number;
}

/** How to run a linkage. */
export interface LinkageRun {
  /** Stops it: it rejects with `Aborted` and has released its memory. */
  readonly signal?: AbortSignal;
  /** Called after every round of merges. */
  readonly onProgress?: (progress: LinkageProgress) => void;
}

/** Share of a distance below which another counts as equally great. */
const tieShare = 1e-12;

/** Nearest neighbour of a cluster that is not known. */
const unknown = -1;

/**
 * Merges clusters until one is left. In each round all pairs of clusters merge that are each other's nearest neighbours;
 * for linkages under which a merged cluster is no nearer to others than its parts were (ward, complete, average), that
 * gives the merges that always merging the closest pair gives (F. Murtagh, "A survey of recent advances in hierarchical
 * clustering algorithms", 1983). Neighbours that a merge does not touch are kept from round to round.
 * @param leaveTies gives up as soon as two neighbours of a cluster are equally near: there is then more than one hierarchy
 * @returns undefined if it gave up
 */
export async function mergeMutualNeighbours(
  clusters: LinkedClusters,
  run: LinkageRun,
  leaveTies: boolean,
): Promise<Merges | undefined> {
  const leafCount = clusters.count;
  const left = new Int32Array(leafCount - 1);
  const right = new Int32Array(leafCount - 1);
  const heights = new Float64Array(leafCount - 1);
  let mergeCount = 0;
  /** The first leaf of each cluster, and the height at which it was made. */
  let leaves = Int32Array.from({ length: leafCount }, (_, leaf) => leaf);
  let made = new Float64Array(leafCount);
  let nearest = new Int32Array(leafCount).fill(unknown);
  while (clusters.count > 1) {
    const isFresh = nearest.every((other) => other === unknown);
    const ties = await findNearest(clusters, nearest, leaves, run.signal);
    if (leaveTies && ties) return undefined;
    const pairs = mutualPairs(nearest);
    if (pairs.size === 0) {
      // Roundings may leave a ring of kept neighbours; neighbours found all at once form none.
      if (isFresh) throw new Error('No two clusters are mutual nearest neighbours.');
      nearest.fill(unknown);
      continue;
    }
    const position = new Int32Array(clusters.count).fill(unknown);
    const parts: number[][] = [];
    const nextLeaves: number[] = [];
    const nextMade: number[] = [];
    for (let cluster = 0; cluster < clusters.count; cluster++) {
      const other = pairs.get(cluster);
      if (other !== undefined && other < cluster) continue;
      nextLeaves.push(leaves[cluster] as number);
      if (other === undefined) {
        position[cluster] = parts.length;
        parts.push([cluster]);
        nextMade.push(made[cluster] as number);
        continue;
      }
      // A merge is no lower than its parts, whatever the roundings.
      const height = Math.max(clusters.distance(cluster, other), made[cluster] as number, made[other] as number);
      left[mergeCount] = leaves[cluster] as number;
      right[mergeCount] = leaves[other] as number;
      heights[mergeCount] = height;
      mergeCount++;
      parts.push([cluster, other]);
      nextMade.push(height);
    }
    const kept = nearest;
    nearest = Int32Array.from(parts, ([cluster = 0, other]) =>
      other === undefined ? (position[kept[cluster] as number] ?? unknown) : unknown,
    );
    leaves = Int32Array.from(nextLeaves);
    made = Float64Array.from(nextMade);
    clusters.merge(parts);
    run.onProgress?.({ clusters: clusters.count });
  }
  return { left, right, heights };
}

/**
 * Finds the unknown nearest neighbours: the closest in float64, of equally close ones the winner of the tie. True if there
 * were any.
 */
async function findNearest(
  clusters: LinkedClusters,
  nearest: Int32Array,
  leaves: Int32Array,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const rows = Uint32Array.from(Array.from(nearest.keys()).filter((row) => nearest[row] === unknown));
  throwIfAborted(signal);
  const candidates = await clusters.nearest(rows);
  let ties = false;
  rows.forEach((row, place) => {
    const closest = closestOf(clusters, row, candidates[place] ?? unknown, leaves);
    nearest[row] = closest.cluster;
    ties ||= closest.tied;
  });
  return ties;
}

function closestOf(
  clusters: LinkedClusters,
  row: number,
  candidates: Candidates,
  leaves: Int32Array,
): { readonly cluster: number; readonly tied: boolean } {
  if (typeof candidates === 'number') return { cluster: candidates, tied: false };
  const leafOf = (cluster: number) => leaves[cluster] as number;
  let cluster = unknown;
  let distance = Number.POSITIVE_INFINITY;
  let second = Number.POSITIVE_INFINITY;
  for (const other of candidates) {
    const own = clusters.distance(row, other);
    if (own < distance || (own === distance && winsTie(leafOf(row), leafOf(other), leafOf(cluster)))) {
      second = distance;
      cluster = other;
      distance = own;
    } else if (own < second) {
      second = own;
    }
  }
  return { cluster, tied: second - distance <= distance * tieShare };
}

/** Both ways round: the clusters that are each other's nearest. */
function mutualPairs(nearest: Int32Array): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  nearest.forEach((other, cluster) => {
    if (nearest[other] === cluster) pairs.set(cluster, other);
  });
  return pairs;
}
