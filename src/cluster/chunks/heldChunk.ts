import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { ClusterState } from '../kmeans/state.ts';
import { type PointPart, PointSet, type PointStatistics } from '../points/pointSet.ts';

/** Room on the GPU for some rows at a time, and the state of a k-means over them. Holds memory until `release()`. */
export class HeldChunk {
  readonly engine: Engine;
  readonly points: PointSet;
  readonly state: ClusterState;
  readonly #part: { readonly firstRow: number; rowCount: number; readonly points: Allocation };

  constructor(
    engine: Engine,
    statistics: PointStatistics,
    size: { readonly capacity: number; readonly columnCount: number; readonly clusterCount: number },
  ) {
    const { capacity, columnCount, clusterCount } = size;
    this.engine = engine;
    const points = engine.allocate(capacity * Math.ceil(columnCount / 4) * 16);
    this.#part = { firstRow: 0, rowCount: capacity, points };
    const parts: readonly PointPart[] = [this.#part];
    this.points = new PointSet(engine, { rowCount: capacity, columnCount }, statistics, parts);
    try {
      this.state = new ClusterState(this.points, clusterCount);
    } catch (error) {
      this.points.release();
      throw error;
    }
  }

  /** Puts rows, [rowCount][rowFloats] in the frame, in the place of those before. */
  upload(framed: Float32Array<ArrayBuffer>): void {
    this.#part.rowCount = framed.length / this.points.rowFloats;
    this.engine.upload(this.#part.points, new Uint8Array(framed.buffer, framed.byteOffset, framed.byteLength));
  }

  release(): void {
    this.state.release();
    this.points.release();
  }
}
