import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { PointPart } from '../points/pointSet.ts';
import type { ClusterState } from './state.ts';

const declaration = {
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    rowVectors: 'u32',
    vectors: 'u32',
    clusterCount: 'u32',
    scale: 'f32',
    factor: 'f32',
    slack: 'f32',
  },
  bindings: { rows: 'read', control: 'read', codes: 'write', terms: 'write' },
} as const;

const quantizeRowsKernel = declareKernel({ name: 'cluster/quantizeRows', ...declaration });

/** Codes of one part of the points, and the list of those whose nearest centroid they leave open. */
export interface QuantizedPart {
  /** [rows / 64][vectors][64] vectors of 16 codes. */
  readonly codes: Allocation;
  /** [rows] of a bound above the norm of the error, and the sum of the squared codes. */
  readonly terms: Allocation;
  /** [rows] */
  readonly listed: Allocation;
}

/** Words of the centroids' terms before those of each cluster, as in `shaders/cluster/codes.wgsl`. */
const headerWords = 4;
const blockRows = 64;
const width = 64;
/** Far from underflow, even multiplied with another. */
const smallestScale = 2 ** -30;

/**
 * The scale of codes for coordinates up to `largest` in magnitude. It has 16 significant bits, so that its product with a
 * code is a float.
 */
export function codeScale(largest: number): number {
  const bits = new Uint32Array(Float32Array.of(largest / 127).buffer);
  bits[0] = ((bits[0] as number) + 0x1ff) & 0xffffff00;
  return Math.max(smallestScale, new Float32Array(bits.buffer)[0] as number);
}

/**
 * Signed 8-bit codes of all points, made once, and of the centroids, made anew when they have moved. Each has one scale:
 * centroids need less of a range. Together with bounds above the norms of what the codes lose, they tell the nearest
 * centroid of most points. Holds GPU memory until `release()`: a byte a coordinate, padded to 16, and 12 bytes a point.
 */
export class QuantizedPoints {
  readonly parts: readonly QuantizedPart[];
  /** Of the points' codes. */
  readonly scale: number;
  /** [clusters / 4][vectors][4] of the same four codes of four centroids. */
  readonly centroidCodes: Allocation;
  readonly centroidTerms: Allocation;
  readonly #state: ClusterState;
  readonly #held: Allocation[] = [];

  /** Records the quantization of the points. */
  constructor(state: ClusterState) {
    this.#state = state;
    const { points, paddedCount } = state;
    this.scale = codeScale(points.largestCoordinate);
    try {
      this.centroidCodes = this.#allocate(paddedCount * this.vectors * 16);
      this.centroidTerms = this.#allocate((headerWords + paddedCount) * 4);
      this.parts = points.parts.map((part) => this.#quantize(part));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Vectors of 16 codes of a row. */
  get vectors(): number {
    return Math.ceil(this.#state.points.columnCount / 16);
  }

  /** Records the codes of the centroids as they are. Needs `recordNorms`. */
  recordCentroids(): void {
    const { engine, centroids, control, paddedCount } = this.#state;
    engine.clear(this.centroidTerms);
    engine.run(quantizeRowsKernel, {
      uniforms: { ...this.#uniforms(), firstRow: 0, endRow: paddedCount },
      bindings: { rows: centroids, control, codes: this.centroidCodes, terms: this.centroidTerms },
      workgroups: Math.ceil(paddedCount / width),
      work: paddedCount * this.#rowWork,
      variant: { conditions: { centroids: true }, constants: { WIDTH: width } },
    });
  }

  release(): void {
    for (const allocation of this.#held.splice(0)) allocation.release();
  }

  #quantize(part: PointPart): QuantizedPart {
    const { engine, control } = this.#state;
    const { rowCount } = part;
    const codes = this.#allocate(Math.ceil(rowCount / blockRows) * blockRows * this.vectors * 16);
    const terms = this.#allocate(rowCount * 8);
    for (const { first: firstRow, end: endRow, work } of workRuns(engine, rowCount, this.#rowWork, width)) {
      engine.run(quantizeRowsKernel, {
        uniforms: { ...this.#uniforms(), firstRow, endRow },
        bindings: { rows: part.points, control, codes, terms },
        workgroups: Math.ceil((endRow - firstRow) / width),
        work,
        variant: { conditions: { centroids: false }, constants: { WIDTH: width } },
      });
    }
    return { codes, terms, listed: this.#allocate(rowCount * 4) };
  }

  get #rowWork(): number {
    return this.vectors * 16 * 8;
  }

  #uniforms() {
    const { points, fraction, clusterCount } = this.#state;
    const { columnCount, rowVectors } = points;
    // As in `errorBounds`; 2⁻²⁰ more for the root.
    const roundings = (columnCount + 8) * 2 ** -23;
    return {
      rowVectors,
      vectors: this.vectors,
      clusterCount,
      scale: this.scale,
      factor: 1 + roundings / (1 - roundings) + 2 ** -20,
      // Flushed denormals, and what exact arithmetic cuts off.
      slack: Math.sqrt(columnCount) * 2 ** (2 - fraction),
    };
  }

  #allocate(size: number): Allocation {
    const allocation = this.#state.engine.allocate(size);
    this.#held.push(allocation);
    return allocation;
  }
}
