import type { Allocation, BufferView } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { workRuns } from '../gpu/windows.ts';
import type { PointPart, PointSet } from './pointSet.ts';

const expectKernel = declareKernel({
  name: 'cluster/gaussianMixtureExpect',
  uniforms: {
    firstRow: 'u32',
    firstPoint: 'u32',
    endPoint: 'u32',
    pointCount: 'u32',
    stride: 'u32',
    firstSum: 'u32',
    componentCount: 'u32',
    vectors: 'u32',
    meanVectors: 'u32',
    matrixStride: 'u32',
  },
  bindings: {
    points: 'read',
    means: 'read',
    precisions: 'read',
    logs: 'read',
    responsibilities: 'write',
    scores: 'write',
    labels: 'write',
    sums: 'write',
  },
});

const momentsKernel = declareKernel({
  name: 'cluster/gaussianMixtureMoments',
  uniforms: {
    firstRow: 'u32',
    pointCount: 'u32',
    stride: 'u32',
    segmentRows: 'u32',
    segments: 'u32',
    groups: 'u32',
    span: 'u32',
    lanes: 'u32',
    blocks: 'u32',
    componentCount: 'u32',
    vectors: 'u32',
    meanVectors: 'u32',
    firstWorkgroup: 'u32',
    endWorkgroup: 'u32',
  },
  bindings: { points: 'read', centres: 'read', responsibilities: 'read', partials: 'write' },
});

const combineKernel = declareKernel({
  name: 'cluster/gaussianMixtureCombine',
  uniforms: { count: 'u32', shares: 'u32', fresh: 'u32' },
  bindings: { partials: 'read', totals: 'write' },
});

const hardenKernel = declareKernel({
  name: 'cluster/gaussianMixtureHarden',
  uniforms: { firstRow: 'u32', pointCount: 'u32', stride: 'u32', componentCount: 'u32' },
  bindings: { labels: 'read', responsibilities: 'write' },
});

const width = 64;
/** Points of a workgroup of the expectation: four a thread. */
const groupPoints = width * 4;
/** Bytes of the responsibilities that exist at a time, and of partial sums. */
const defaultWindowBytes = 64 << 20;
/** Products that one thread adds up at most, so that rounding stays small. */
const longestSum = 1024;
const shortestSum = 16;

/** What a component of a mixture is to the kernels, in the coordinates of a frame. */
export interface PackedComponents {
  /** [components][vectors with a column after the last][4], with -1 after the last column. */
  readonly means: Float32Array<ArrayBuffer>;
  /** Cholesky factors of the precisions, as the header of `gaussianMixtureExpect.wgsl` says. */
  readonly precisions: Float32Array<ArrayBuffer>;
  /** Logarithms of weight and density at the mean, less `offset`. */
  readonly logs: Float32Array<ArrayBuffer>;
  /** What was taken off all logarithms. */
  readonly offset: number;
  /** Whether all components share one factor. */
  readonly shared: boolean;
}

/** Sums over all points. */
export interface PassTotals {
  /** Sum of the log-densities of the points; 0 where responsibilities came from labels. */
  readonly logLikelihood: number;
  /** [components][blocks][16 with full blocks, else 8]: moments about the centres. */
  readonly moments: Float32Array<ArrayBuffer>;
}

/** What a mixture says of each point. */
export interface PointEvaluation {
  /** Most probable component; the lowest of equal ones. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Log-density of the mixture at each point. */
  readonly scores: Float64Array<ArrayBuffer>;
  /** [rows][components] probabilities; empty unless asked for. */
  readonly probabilities: Float32Array<ArrayBuffer>;
}

/** Vectors of a row of means: one column more than the points have. */
export function meanVectorsOf(columnCount: number): number {
  return Math.floor(columnCount / 4) + 1;
}

/** Blocks of the moments of one component. */
export function blockCountOf(columnCount: number, full: boolean): number {
  const vectors = meanVectorsOf(columnCount);
  return full ? (vectors * (vectors + 1)) / 2 : vectors;
}

/** Consecutive points of a part whose responsibilities exist together. */
interface Window {
  readonly part: PointPart;
  /** First row within the part. */
  readonly firstRow: number;
  readonly pointCount: number;
  /** Where its sums of scores begin. */
  readonly firstSum: number;
}

/** `PackedComponents` on the GPU. */
interface ComponentBuffers {
  readonly means: Allocation;
  readonly precisions: Allocation;
  readonly logs: Allocation;
  /** vec4f from one component's factor to the next. */
  readonly matrixStride: number;
}

/** Size and kind of a pass. */
export interface PassOptions {
  readonly componentCount: number;
  /** Whether moments are matrices, and precisions too, or only their diagonals. */
  readonly full: boolean;
  /** Bytes of the responsibilities that exist at a time; default 64 MiB. */
  readonly windowBytes?: number | undefined;
}

/**
 * The buffers of the passes of a Gaussian mixture over a set of points. Responsibilities exist for one window of points at
 * a time, so memory is 8 bytes a point beside the points themselves, and the moments of the components.
 */
export class GaussianMixturePass {
  readonly engine: Engine;
  readonly points: PointSet;
  readonly componentCount: number;
  readonly full: boolean;
  readonly #windows: readonly Window[];
  readonly #stride: number;
  readonly #sumCount: number;
  readonly #responsibilities: Allocation;
  readonly #scores: Allocation;
  readonly #labels: Allocation;
  /** The sums of scores, then the moments. */
  readonly #results: Allocation;
  readonly #held: Allocation[] = [];

  constructor(points: PointSet, { componentCount, full, windowBytes = defaultWindowBytes }: PassOptions) {
    this.engine = points.engine;
    this.points = points;
    this.componentCount = componentCount;
    this.full = full;
    const mostRows = Math.max(1, Math.floor(windowBytes / (4 * componentCount * groupPoints))) * groupPoints;
    this.#windows = windowsOf(points.parts, mostRows);
    this.#stride = Math.ceil(Math.max(...this.#windows.map(({ pointCount }) => pointCount)) / 4) * 4;
    this.#sumCount = this.#windows.reduce((sum, { pointCount }) => sum + Math.ceil(pointCount / groupPoints), 0);
    try {
      const paddedRows = Math.ceil(points.rowCount / 4) * 4;
      this.#responsibilities = this.#allocate(componentCount * this.#stride * 4);
      this.#scores = this.#allocate(paddedRows * 4);
      this.#labels = this.#allocate(paddedRows * 4);
      this.#results = this.#allocate(this.#momentsOffset + this.#momentVectors * 16);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /**
   * Sums the moments of all points about `centres`, weighted by responsibilities: those of `source`, or 1 for the
   * component that a label names.
   * @param centres as the means of `PackedComponents`
   */
  async totals(
    source: PackedComponents | Int32Array<ArrayBuffer>,
    centres: Float32Array<ArrayBuffer>,
  ): Promise<PassTotals> {
    const held: Allocation[] = [];
    const upload = (data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>) => this.#upload(data, held);
    try {
      const labelled = source instanceof Int32Array;
      const labels = labelled ? upload(source) : undefined;
      const components = labelled ? undefined : this.#uploadComponents(source, held);
      const about = upload(centres);
      for (const [order, window] of this.#windows.entries()) {
        if (labels) this.#recordHarden(window, labels);
        if (components) this.#recordExpect(window, components);
        this.#recordMoments(window, about, order === 0);
      }
      const bytes = await this.engine.readBytes(this.#results, this.#momentsOffset + this.#momentVectors * 16);
      const sums = new Float32Array(bytes, 0, 2 * this.#sumCount);
      const moments = new Float32Array(bytes, this.#momentsOffset);
      if (labelled) return { logLikelihood: 0, moments };
      const logLikelihood = sums.reduce((sum, value) => sum + value, 0) + source.offset * this.points.rowCount;
      return { logLikelihood, moments };
    } finally {
      for (const allocation of held) allocation.release();
    }
  }

  /** Labels, log-densities and, if asked for, probabilities of all points. */
  async evaluate(source: PackedComponents, withProbabilities: boolean): Promise<PointEvaluation> {
    const { rowCount } = this.points;
    const { componentCount } = this;
    const held: Allocation[] = [];
    const probabilities = new Float32Array(withProbabilities ? rowCount * componentCount : 0);
    try {
      const components = this.#uploadComponents(source, held);
      for (const window of this.#windows) {
        this.#recordExpect(window, components);
        if (withProbabilities) await this.#readProbabilities(window, probabilities);
      }
      const [labels, scores] = await Promise.all(
        [this.#labels, this.#scores].map((allocation) => this.engine.readBytes(allocation, rowCount * 4)),
      );
      return {
        labels: new Int32Array(labels ?? new ArrayBuffer(0)),
        scores: Float64Array.from(new Float32Array(scores ?? new ArrayBuffer(0)), (score) => score + source.offset),
        probabilities,
      };
    } finally {
      for (const allocation of held) allocation.release();
    }
  }

  release(): void {
    for (const allocation of this.#held.splice(0)) allocation.release();
  }

  get #momentsOffset(): number {
    return Math.ceil((this.#sumCount * 8) / 256) * 256;
  }

  /** vec4f of a block: four columns, or first and second moments. */
  get #blockVectors(): number {
    return this.full ? 4 : 2;
  }

  get #momentVectors(): number {
    return this.componentCount * blockCountOf(this.points.columnCount, this.full) * this.#blockVectors;
  }

  #allocate(size: number): Allocation {
    const allocation = this.engine.allocate(size);
    this.#held.push(allocation);
    return allocation;
  }

  #upload(data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>, held: Allocation[]): Allocation {
    const allocation = this.engine.allocate(data.byteLength);
    held.push(allocation);
    this.engine.upload(allocation, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return allocation;
  }

  #uploadComponents(source: PackedComponents, held: Allocation[]): ComponentBuffers {
    return {
      means: this.#upload(source.means, held),
      precisions: this.#upload(source.precisions, held),
      logs: this.#upload(source.logs, held),
      matrixStride: source.shared ? 0 : source.precisions.length / 4 / this.componentCount,
    };
  }

  /** The words, one a row, that belong to a part. */
  #rowsOf(allocation: Allocation, { firstRow, rowCount }: PointPart): BufferView {
    return { allocation, offset: firstRow * 4, size: Math.ceil(rowCount / 4) * 16 };
  }

  #recordHarden({ part, firstRow, pointCount }: Window, labels: Allocation): void {
    this.engine.run(hardenKernel, {
      uniforms: { firstRow, pointCount, stride: this.#stride, componentCount: this.componentCount },
      bindings: {
        labels: { allocation: labels, offset: part.firstRow * 4, size: part.rowCount * 4 },
        responsibilities: this.#responsibilities,
      },
      workgroups: Math.ceil(pointCount / width),
      work: pointCount * this.componentCount * 4,
      variant: { constants: { WIDTH: width } },
    });
  }

  #recordExpect(
    { part, firstRow, pointCount, firstSum }: Window,
    { matrixStride, ...components }: ComponentBuffers,
  ): void {
    const { engine, componentCount, full } = this;
    const { rowVectors: vectors, columnCount } = this.points;
    const workEach = componentCount * ((full ? (vectors * (vectors + 1)) / 2 : vectors / 4) * 40 + 30);
    for (const { first: firstPoint, end: endPoint, work } of workRuns(engine, pointCount, workEach, groupPoints)) {
      engine.run(expectKernel, {
        uniforms: {
          firstRow,
          firstPoint,
          endPoint,
          pointCount,
          stride: this.#stride,
          firstSum,
          componentCount,
          vectors,
          meanVectors: meanVectorsOf(columnCount),
          matrixStride,
        },
        bindings: {
          points: part.points,
          ...components,
          responsibilities: this.#responsibilities,
          scores: this.#rowsOf(this.#scores, part),
          labels: this.#rowsOf(this.#labels, part),
          sums: { allocation: this.#results, offset: 0, size: this.#momentsOffset },
        },
        workgroups: Math.ceil((endPoint - firstPoint) / groupPoints),
        work,
        variant: { conditions: { full }, constants: { WIDTH: width } },
      });
    }
  }

  #recordMoments({ part, firstRow, pointCount }: Window, centres: Allocation, fresh: boolean): void {
    const { engine, componentCount, full } = this;
    const { rowVectors: vectors, columnCount } = this.points;
    const blocks = blockCountOf(columnCount, full);
    const plan = this.#planMoments(pointCount, blocks);
    const { groups, span, lanes, segments, segmentRows } = plan;
    const partials = engine.allocate(segments * lanes * this.#momentVectors * 16);
    try {
      const variant = { conditions: { full }, constants: { WIDTH: width } };
      const workgroups = componentCount * segments * groups;
      const workEach = segmentRows * span * (full ? 50 : 20);
      for (const { first: firstWorkgroup, end: endWorkgroup, work } of workRuns(engine, workgroups, workEach, 1)) {
        engine.run(momentsKernel, {
          uniforms: {
            firstRow,
            pointCount,
            stride: this.#stride,
            ...plan,
            blocks,
            componentCount,
            vectors,
            meanVectors: meanVectorsOf(columnCount),
            firstWorkgroup,
            endWorkgroup,
          },
          bindings: { points: part.points, centres, responsibilities: this.#responsibilities, partials },
          workgroups: endWorkgroup - firstWorkgroup,
          work,
          variant,
        });
      }
      const count = this.#momentVectors;
      engine.run(combineKernel, {
        uniforms: { count, shares: segments * lanes, fresh: fresh ? 1 : 0 },
        bindings: {
          partials,
          totals: { allocation: this.#results, offset: this.#momentsOffset, size: count * 16 },
        },
        workgroups: Math.ceil(count / width),
        work: count * segments * lanes * 4,
        variant: { constants: { WIDTH: width } },
      });
    } finally {
      partials.release();
    }
  }

  /** How a window's points and a component's blocks are shared among workgroups. */
  #planMoments(pointCount: number, blocks: number) {
    const groups = Math.ceil(blocks / width);
    const span = Math.ceil(blocks / groups);
    const lanes = Math.floor(width / span);
    const wanted = Math.ceil((this.engine.info.software ? 32 : 4096) / (this.componentCount * groups));
    const room = Math.max(1, Math.floor(defaultWindowBytes / (lanes * this.#momentVectors * 16)));
    const most = Math.min(room, Math.ceil(pointCount / (lanes * shortestSum)));
    const least = Math.min(most, Math.ceil(pointCount / (lanes * longestSum)));
    const segments = Math.max(least, Math.min(most, wanted));
    return { groups, span, lanes, segments, segmentRows: Math.ceil(pointCount / segments) };
  }

  async #readProbabilities(window: Window, probabilities: Float32Array): Promise<void> {
    const { componentCount } = this;
    const size = componentCount * this.#stride * 4;
    const read = new Float32Array(await this.engine.readBytes(this.#responsibilities, size));
    const firstRow = window.part.firstRow + window.firstRow;
    for (let point = 0; point < window.pointCount; point++) {
      for (let component = 0; component < componentCount; component++) {
        probabilities[(firstRow + point) * componentCount + component] = read[
          component * this.#stride + point
        ] as number;
      }
    }
  }
}

function windowsOf(parts: readonly PointPart[], mostRows: number): Window[] {
  const windows: Window[] = [];
  let firstSum = 0;
  for (const part of parts) {
    for (let firstRow = 0; firstRow < part.rowCount; firstRow += mostRows) {
      const pointCount = Math.min(mostRows, part.rowCount - firstRow);
      windows.push({ part, firstRow, pointCount, firstSum });
      firstSum += Math.ceil(pointCount / groupPoints);
    }
  }
  return windows;
}
