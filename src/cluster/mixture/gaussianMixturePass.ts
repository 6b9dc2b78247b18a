import type { Allocation, BufferView } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { PointPart, PointSet } from '../points/pointSet.ts';
import {
  edgeOf,
  edgeVariant,
  type MomentLayout,
  momentLayoutOf,
  type PackedComponents,
  type PassTotals,
  type PassWindow,
  type PointEvaluation,
  passWindowsOf,
  shareCountOf,
} from './gaussianMixtureLayout.ts';

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
    shares: 'u32',
    tiles: 'u32',
    componentCount: 'u32',
    vectors: 'u32',
    secondVectors: 'u32',
    firstThread: 'u32',
    endThread: 'u32',
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
/** Bytes of the responsibilities that exist at a time, and of partial sums. */
const defaultWindowBytes = 64 << 20;

/** Points times components from which the wide form pays. */
const leastWide = 1 << 16;

/** `PackedComponents` on the GPU. */
interface ComponentBuffers {
  readonly means: Allocation;
  readonly precisions: Allocation;
  readonly logs: Allocation;
  /** vec4f from one component's factor to the next. */
  readonly matrixStride: number;
}

/** Squares of moments to sum: of each component, and by how many threads each. */
interface MomentTiles {
  readonly centres: Allocation;
  readonly partials: Allocation;
  readonly shares: number;
  readonly tiles: number;
  readonly square: boolean;
}

/** Size and kind of a pass. */
export interface PassOptions {
  readonly componentCount: number;
  /** Whether moments are matrices, and precisions too, or only their diagonals. */
  readonly full: boolean;
  /** Bytes of the responsibilities that exist at a time; default 64 MiB. */
  readonly windowBytes?: number | undefined;
  /**
   * Whether threads take large squares of blocks, more points and more components, so that each load serves much
   * arithmetic. Default: only where shaders run on the CPU, whose loads are dear and whose registers are memory anyway,
   * and there is enough to do to make up for some hundred milliseconds more of compilation.
   */
  readonly wide?: boolean | undefined;
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
  readonly #wide: boolean;
  readonly #edge: number;
  /** Points of a workgroup of the expectation. */
  readonly #groupPoints: number;
  readonly #layout: MomentLayout;
  readonly #windows: readonly PassWindow[];
  readonly #stride: number;
  readonly #sumCount: number;
  readonly #responsibilities: Allocation;
  readonly #scores: Allocation;
  readonly #labels: Allocation;
  /** The sums of scores, then the moments. */
  readonly #results: Allocation;
  readonly #held: Allocation[] = [];

  constructor(points: PointSet, options: PassOptions) {
    const { componentCount, full, windowBytes = defaultWindowBytes } = options;
    this.engine = points.engine;
    this.points = points;
    this.componentCount = componentCount;
    this.full = full;
    this.#wide = options.wide ?? (points.engine.info.software && points.rowCount * componentCount >= leastWide);
    this.#edge = edgeOf(points.rowVectors, this.#wide ? 4 : 2);
    this.#groupPoints = width * (this.#wide ? 8 : 4);
    this.#layout = momentLayoutOf(points.columnCount, full);
    const groupPoints = this.#groupPoints;
    const mostRows = Math.max(1, Math.floor(windowBytes / (4 * componentCount * groupPoints))) * groupPoints;
    this.#windows = passWindowsOf(points.parts, mostRows, groupPoints);
    this.#stride = Math.ceil(Math.max(...this.#windows.map(({ pointCount }) => pointCount)) / 8) * 8;
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

  /** The most probable component of each point by the components that `totals` or `evaluate` was last given. */
  get labels(): Allocation {
    return this.#labels;
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

  get #momentVectors(): number {
    return this.componentCount * this.#layout.totalVectors;
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

  #recordHarden({ part, firstRow, pointCount }: PassWindow, labels: Allocation): void {
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
    { part, firstRow, pointCount, firstSum }: PassWindow,
    { matrixStride, ...components }: ComponentBuffers,
  ): void {
    const { engine, componentCount, full } = this;
    const { rowVectors: vectors } = this.points;
    const groupPoints = this.#groupPoints;
    const { conditions, constants } = edgeVariant(this.#edge, width);
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
        variant: { conditions: { ...conditions, full, held: this.#edge === vectors, points8: this.#wide }, constants },
      });
    }
  }

  #recordMoments(window: PassWindow, centres: Allocation, fresh: boolean): void {
    const { engine, full } = this;
    const count = this.#momentVectors;
    const rowTiles = Math.ceil(this.#layout.vectors / this.#edge);
    const shares = shareCountOf({
      pointCount: window.pointCount,
      threads: Math.ceil(this.componentCount / this.#together) * rowTiles,
      wanted: engine.info.software ? 512 : 1 << 18,
      room: Math.floor(defaultWindowBytes / (count * 16)),
    });
    const partials = engine.allocate(shares * count * 16);
    try {
      this.#recordTiles(window, { centres, partials, shares, tiles: rowTiles, square: false });
      const tiles = (rowTiles * (rowTiles - 1)) / 2;
      if (full && tiles > 0) this.#recordTiles(window, { centres, partials, shares, tiles, square: true });
      engine.run(combineKernel, {
        uniforms: { count, shares, fresh: fresh ? 1 : 0 },
        bindings: {
          partials,
          totals: { allocation: this.#results, offset: this.#momentsOffset, size: count * 16 },
        },
        workgroups: Math.ceil(count / width),
        work: count * shares * 4,
        variant: { constants: { WIDTH: width } },
      });
    } finally {
      partials.release();
    }
  }

  /** Components that a thread of the moments takes. */
  get #together(): number {
    return this.#wide && this.componentCount > 1 ? 2 : 1;
  }

  /** The squares of blocks on the diagonal, or those left of it. */
  #recordTiles(
    { part, firstRow, pointCount }: PassWindow,
    { centres, partials, shares, tiles, square }: MomentTiles,
  ): void {
    const { engine, componentCount, full } = this;
    const { secondVectors, vectors } = this.#layout;
    const together = this.#together;
    const { conditions, constants } = edgeVariant(this.#edge, width);
    const threads = Math.ceil(componentCount / together) * tiles * shares;
    const workEach = Math.ceil(pointCount / shares) * together * (full ? 50 * this.#edge ** 2 : 20 * this.#edge);
    for (const { first: firstThread, end: endThread, work } of workRuns(engine, threads, workEach, width)) {
      engine.run(momentsKernel, {
        uniforms: {
          firstRow,
          pointCount,
          stride: this.#stride,
          shares,
          tiles,
          componentCount,
          vectors,
          secondVectors,
          firstThread,
          endThread,
        },
        bindings: { points: part.points, centres, responsibilities: this.#responsibilities, partials },
        workgroups: Math.ceil((endThread - firstThread) / width),
        work,
        variant: { conditions: { ...conditions, full, square, pair: together > 1 }, constants },
      });
    }
  }

  async #readProbabilities(window: PassWindow, probabilities: Float32Array): Promise<void> {
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
