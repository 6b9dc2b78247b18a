import { throwIfAborted } from '../../base/abort.ts';
import type { Engine } from '../../gpu/engine.ts';
import { allRows, PairPoints } from '../pairs.ts';
import { distanceError, type Leaves, type Merges, rowDistance } from './linkage.ts';
import type { LinkageRun } from './mutualNeighbours.ts';
import { UnionFind } from './unionFind.ts';

/** Nearest point in another component that is not known. */
const unknown = -1;

/**
 * The edges of a minimum spanning tree (O. Borůvka, 1926): in each round every component takes the shortest edge that
 * leaves it. The GPU finds for each point the nearest of another component, float64 decides where float32 cannot.
 * A point whose nearest is still in another component is not searched again. Memory: O(points).
 */
export async function spanningTree(engine: Engine, leaves: Leaves, run: LinkageRun): Promise<Merges> {
  const { coordinates, columnCount } = leaves;
  const count = leaves.weights.length;
  const left = new Int32Array(count - 1);
  const right = new Int32Array(count - 1);
  const heights = new Float64Array(count - 1);
  const components = new UnionFind(count);
  const nearest = new Int32Array(count).fill(unknown);
  const distances = new Float64Array(count);
  const sizes = new Float32Array(count).fill(1);
  const points = new PairPoints(engine, coordinates, columnCount, 'Agglomerative');
  try {
    for (let edges = 0; edges < count - 1; ) {
      const tags = Uint32Array.from(nearest, (_, point) => components.find(point));
      const rows = allRows(count).filter((point) => {
        const other = nearest[point] as number;
        return other === unknown || tags[point] === tags[other];
      });
      throwIfAborted(run.signal);
      const found = await points.nearest(rows, tags, sizes);
      rows.forEach((point, place) => {
        const low = Math.sqrt(found.best[place] as number);
        const high = Math.sqrt(found.second[place] as number);
        const isCertain = low + distanceError(low, columnCount) < high - distanceError(high, columnCount);
        const other = isCertain ? (found.index[place] as number) : nearestOutside(leaves, tags, point);
        nearest[point] = other;
        distances[point] = rowDistance(coordinates, point, other, columnCount);
      });
      for (const [from, to] of shortestEdges(tags, nearest, distances)) {
        if (!components.join(from, to)) continue;
        left[edges] = from;
        right[edges] = to;
        heights[edges] = distances[from] as number;
        edges++;
      }
      run.onProgress?.({ clusters: count - edges });
    }
  } finally {
    points.release();
  }
  return { left, right, heights };
}

/** The nearest point of another component in float64; the first of equally near ones. */
function nearestOutside({ coordinates, columnCount }: Leaves, tags: Uint32Array, point: number): number {
  let best = unknown;
  let distance = Number.POSITIVE_INFINITY;
  for (let other = 0; other < tags.length; other++) {
    if (tags[other] === tags[point]) continue;
    const own = rowDistance(coordinates, point, other, columnCount);
    if (own < distance) {
      best = other;
      distance = own;
    }
  }
  return best;
}

/** The shortest edge of each component, shortest first; of equally short ones that of the first points. */
function shortestEdges(tags: Uint32Array, nearest: Int32Array, distances: Float64Array): (readonly [number, number])[] {
  const shortest = new Map<number, number>();
  tags.forEach((tag, point) => {
    const known = shortest.get(tag);
    if (known === undefined || (distances[point] as number) < (distances[known] as number)) shortest.set(tag, point);
  });
  return [...shortest.values()]
    .sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b)
    .map((point) => [point, nearest[point] as number]);
}
