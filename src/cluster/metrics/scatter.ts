import type { Engine } from '../../gpu/engine.ts';
import { distanceOfKey, readDistanceKeys } from '../kmeans/distances.ts';
import { ClusterState } from '../kmeans/state.ts';
import { recordUpdate } from '../kmeans/update.ts';
import { type PointSource, preparePoints, shapeOf } from '../points/points.ts';
import { clusterCodes } from './labelCodes.ts';

/** How points lie about the means of their clusters. */
export interface Scatter {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Points of each cluster. */
  readonly sizes: Int32Array<ArrayBuffer>;
  /** Row-major [clusters, columnCount], in a frame. */
  readonly means: Float64Array<ArrayBuffer>;
  /** Sum of the squared distances of the points to their means, in the frame. */
  readonly within: number;
  /** Mean distance of the points of each cluster to its mean, in the frame. */
  readonly radii: Float64Array<ArrayBuffer>;
  /** Distances of the frame are 2^exponent times those of the points. */
  readonly exponent: number;
}

/**
 * Sums points and distances on the GPU, both in exact integers: the same on every adapter.
 * @throws ShapeMismatch, InvalidInput for fewer than 2 clusters or as many as points, LimitExceeded
 */
export async function scatterOf(
  engine: Engine,
  source: PointSource,
  labels: ArrayLike<number>,
  what: string,
): Promise<Scatter> {
  const { rowCount, columnCount } = shapeOf(source, what);
  const { codes, sizes } = clusterCodes(labels, rowCount, what);
  const points = await preparePoints(engine, source, what);
  try {
    const state = new ClusterState(points, sizes.length);
    try {
      engine.upload(state.labels, new Uint8Array(codes.buffer));
      recordUpdate(state);
      const words = await engine.readBytes(state.sums, sizes.length * columnCount * 8);
      const sums = new BigInt64Array(words);
      const means = new Float64Array(sums.length);
      const framed = new Float32Array(sizes.length * points.rowFloats);
      sums.forEach((sum, index) => {
        const [cluster, column] = [Math.floor(index / columnCount), index % columnCount];
        const mean = Number(sum) / 2 ** (points.exponents[column] as number) / (sizes[cluster] as number);
        means[index] = mean;
        framed[cluster * points.rowFloats + column] = mean;
      });
      state.setCentroids(framed);
      const radii = new Float64Array(sizes.length);
      let within = 0;
      const keys = await readDistanceKeys(state);
      keys.forEach((key, row) => {
        const square = distanceOfKey(key, state.fraction);
        const cluster = codes[row] as number;
        within += square;
        radii[cluster] = (radii[cluster] as number) + Math.sqrt(square) / (sizes[cluster] as number);
      });
      return { rowCount, columnCount, sizes, means, within, radii, exponent: points.frame.exponent };
    } finally {
      state.release();
    }
  } finally {
    points.release();
  }
}
