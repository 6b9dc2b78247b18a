import type { Allocation, BufferView } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { fixedPoint128, fractionBits } from '../points/fixedPoint.ts';
import type { PointPart, PointSet } from '../points/pointSet.ts';

/** Words of the control buffer, as in `shaders/cluster/control.wgsl`. */
const controlWords = {
  halted: 0,
  iteration: 1,
  changed: 2,
  empty: 3,
  shift: 4,
  threshold: 8,
  undecided: 13,
  rechecked: 14,
  count: 16,
} as const;

/** Values of the control word `halted`. */
export const haltReasons = { running: 0, settled: 1, tolerance: 2, emptyCluster: 3 } as const;

/** Where the iteration stands, as the GPU says. */
export interface Status {
  readonly halted: number;
  /** Rounds of assignment and update so far. */
  readonly iteration: number;
  /** Labels that changed in the last round. */
  readonly changed: number;
  /** Clusters without points, when they halted it. */
  readonly empty: number;
  /** Sum of the squared centroid shifts of the last round, in the frame. */
  readonly shift: number;
  /** Points of the last round that were left to exact arithmetic. */
  readonly undecided: number;
  /** Points of the last round that 8 bits could not decide. */
  readonly rechecked: number;
}

function bytesOf(array: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The buffers of one k-means over a set of points, and the values they start from. */
export class ClusterState {
  readonly engine: Engine;
  readonly points: PointSet;
  readonly clusterCount: number;
  /** Whether centroids are brought to the length 1 (in the points' own coordinates) after each round. */
  readonly cosine: boolean;
  /** Bits after the point of exact coordinates. */
  readonly fraction: number;
  /** [clusters, padded to a multiple of 4][rowFloats] f32 in the frame. */
  readonly centroids: Allocation;
  /** Half the squared norm of each centroid. */
  readonly norms: Allocation;
  readonly control: Allocation;
  /** Labels changed; then, for each part, points that f32 left undecided; then, likewise, that 8 bits did. */
  readonly counters: Allocation;
  readonly labels: Allocation;
  /** The labels that `sums` and `counts` hold, once there are any. */
  readonly former: Allocation;
  /** Rows within their part that f32 could not decide. */
  readonly undecided: Allocation;
  /** [clusters][columns] as (low, high). */
  readonly sums: Allocation;
  readonly counts: Allocation;
  /** 2^exponent of each column, and the exponents themselves. */
  readonly scales: Allocation;
  readonly exponents: Allocation;
  readonly #held: Allocation[] = [];
  #changes: readonly Allocation[] | undefined;

  constructor(points: PointSet, clusterCount: number, cosine = false) {
    const { engine, rowCount, columnCount, rowFloats } = points;
    this.engine = engine;
    this.points = points;
    this.clusterCount = clusterCount;
    this.cosine = cosine;
    this.fraction = fractionBits(columnCount);
    try {
      this.centroids = this.#zeros(this.paddedCount * rowFloats * 4);
      this.norms = this.#allocate(this.paddedCount * 4);
      this.control = this.#zeros(controlWords.count * 4);
      this.counters = this.#zeros(this.counterCount * 4);
      this.labels = this.#allocate(rowCount * 4);
      this.former = this.#allocate(rowCount * 4);
      this.undecided = this.#allocate(rowCount * 4);
      this.sums = this.#zeros(clusterCount * columnCount * 8);
      this.counts = this.#zeros(clusterCount * 4);
      this.scales = this.#filled(Float32Array.from(points.exponents, (exponent) => 2 ** exponent));
      this.exponents = this.#filled(points.exponents);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Clusters that there is room for: kernels take four at a time. */
  get paddedCount(): number {
    return Math.ceil(this.clusterCount / 4) * 4;
  }

  get counterCount(): number {
    return 1 + 2 * this.points.parts.length;
  }

  /** The words of `allocation`, one a row, that belong to a part. */
  rowsOf(allocation: Allocation, part: PointPart): BufferView {
    return { allocation, offset: part.firstRow * 4, size: part.rowCount * 4 };
  }

  /** Room for a list of changed rows of each part, see `recordChanges`. */
  get changes(): readonly Allocation[] {
    this.#changes ??= this.points.parts.map(({ rowCount }) => this.#allocate(8 + rowCount * 8));
    return this.#changes;
  }

  /** Sets the largest squared shift, in the frame, that ends the iteration. */
  setThreshold(threshold: number): void {
    const words = new Uint32Array(controlWords.count);
    words.set(fixedPoint128(threshold, 2 * this.fraction), controlWords.threshold);
    this.engine.upload(this.control, bytesOf(words));
  }

  /** Sets the centroids: rows of rowFloats in the frame. */
  setCentroids(centroids: Float32Array<ArrayBuffer>): void {
    const padded = new Float32Array(this.paddedCount * this.points.rowFloats);
    padded.set(centroids);
    this.engine.upload(this.centroids, bytesOf(padded));
  }

  /** Sets sums, counts and counters to zero. */
  clearSums(): void {
    for (const allocation of [this.sums, this.counts, this.counters]) this.engine.clear(allocation);
  }

  async readStatus(): Promise<Status> {
    const words = new Uint32Array(await this.engine.readBytes(this.control, controlWords.count * 4));
    const at = (position: number): number => words[position] ?? 0;
    const shift = [3, 2, 1, 0].reduce((sum, position) => sum * 2 ** 32 + at(controlWords.shift + position), 0);
    return {
      halted: at(controlWords.halted),
      iteration: at(controlWords.iteration),
      changed: at(controlWords.changed),
      empty: at(controlWords.empty),
      shift: shift / 2 ** (2 * this.fraction),
      undecided: at(controlWords.undecided),
      rechecked: at(controlWords.rechecked),
    };
  }

  async readLabels(): Promise<Int32Array<ArrayBuffer>> {
    return new Int32Array(await this.engine.readBytes(this.labels, this.points.rowCount * 4));
  }

  /** Rows of rowFloats in the frame. */
  async readCentroids(): Promise<Float32Array<ArrayBuffer>> {
    const size = this.clusterCount * this.points.rowFloats * 4;
    return new Float32Array(await this.engine.readBytes(this.centroids, size));
  }

  release(): void {
    for (const allocation of this.#held.splice(0)) allocation.release();
  }

  #allocate(size: number): Allocation {
    const allocation = this.engine.allocate(size);
    this.#held.push(allocation);
    return allocation;
  }

  #zeros(size: number): Allocation {
    const allocation = this.#allocate(size);
    this.engine.clear(allocation);
    return allocation;
  }

  #filled(data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): Allocation {
    const allocation = this.#allocate(data.byteLength);
    this.engine.upload(allocation, bytesOf(data));
    return allocation;
  }
}
