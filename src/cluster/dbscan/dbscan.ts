import { abortable, throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import type { Allocation } from '../../gpu/allocation.ts';
import type { Engine } from '../../gpu/engine.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { Tensor } from '../../gpu/tensor.ts';
import { workRuns } from '../../gpu/windows.ts';
import { labelsHash } from '../labelsHash.ts';
import { RangeSums } from '../points/pointRanges.ts';
import type { PointSet } from '../points/pointSet.ts';
import { type HostPoints, type PointSource, shapeOf } from '../points/points.ts';
import { prepareWhole } from '../points/wholePoints.ts';
import { buildGrid, gridReach, mostGridColumns } from './dbscanGrid.ts';
import { blockRows, boxesOf, groupRows, nearOrder } from './nearOrder.ts';

const dbscanKernel = declareKernel({
  name: 'cluster/dbscan',
  uniforms: {
    first: 'u32',
    end: 'u32',
    firstOther: 'u32',
    endOther: 'u32',
    rowCount: 'u32',
    columnCount: 'u32',
    vectors: 'u32',
    cellCount: 'u32',
    lines: 'u32',
    reach: 'i32',
    minimumPoints: 'u32',
    near: 'f32',
    far: 'f32',
    limitLow: 'u32',
    limitHigh: 'u32',
  },
  bindings: {
    points: 'read',
    originals: 'read',
    cells: 'read',
    runs: 'read',
    order: 'read',
    forest: 'write',
    results: 'write',
  },
});

/** Hyperparameters, with scikit-learn's meanings and defaults. */
export interface DbscanOptions {
  /** Largest distance of two neighbours, from 1e-150 to 1e150, in the units of the points. Default 0.5. */
  readonly epsilon?: number;
  /** Neighbours that make a point a core point, itself included, at least 1. Default 5. */
  readonly minimumPoints?: number;
}

/** The steps of a fit: which points are core points, which of them belong together, which cluster the others border. */
export type DbscanStep = 'core' | 'link' | 'border';

/** How to run a fit. */
export interface DbscanRun {
  /** Stops it: `fit` rejects with `Aborted` and has released its memory. */
  readonly signal?: AbortSignal;
  /** Called as the work of a step is done: its share of the step, up to 1. */
  readonly onProgress?: (progress: { readonly step: DbscanStep; readonly share: number }) => void;
}

/** The result of a fit: plain data on the CPU. */
export interface DbscanFit {
  /** Cluster of each point, numbered in the order of their first core points; -1 is noise. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Rows of the core points, ascending. */
  readonly coreIndices: Int32Array<ArrayBuffer>;
  /** Clusters, noise not counted. */
  readonly clusters: number;
  /** Points that belong to none. */
  readonly noise: number;
  /** Points of each cluster. */
  readonly sizes: Int32Array<ArrayBuffer>;
  /** SHA-256 of the labels, see `labelsHash`. */
  labelsSha256(): Promise<string>;
}

const smallestEpsilon = 1e-150;
const largestEpsilon = 1e150;
const width = 64;
/** Rows whose pairs one dispatch looks at, where there are many: enough to fill a GPU. */
const pairRows = 1 << 18;
/** Dispatches that are recorded between two looks at the abort signal. */
const stepBatch = 32;
const noRow = 0xffffffff;
const coreBit = 0x80000000;

/** A value just above (1) or below (-1) a float64, as a float32 that is not beyond its range. */
function outward(value: number, direction: 1 | -1): number {
  return Math.max(-1e38, Math.min(1e38, value + direction * Math.abs(value) * 2 ** -22));
}

/** What the steps have in common, in one form of the kernel. */
interface Job {
  readonly engine: Engine;
  readonly conditions: { readonly grid: boolean };
  readonly rowCount: number;
  readonly uniforms: {
    readonly rowCount: number;
    readonly columnCount: number;
    readonly vectors: number;
    readonly cellCount: number;
    readonly lines: number;
    readonly minimumPoints: number;
    readonly near: number;
    readonly far: number;
    readonly limitLow: number;
    readonly limitHigh: number;
  };
  readonly bindings: Readonly<
    Record<'points' | 'originals' | 'cells' | 'runs' | 'order' | 'forest' | 'results', Allocation>
  >;
  /** Operations of one row, and of one row with another. */
  readonly rowWork: number;
  readonly pairWork: number;
}

/** Allocations that are released together. */
class Scratch {
  readonly #engine: Engine;
  readonly #held: Allocation[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  allocate(size: number): Allocation {
    const allocation = this.#engine.allocate(size);
    this.#held.push(allocation);
    return allocation;
  }

  filled(data: ArrayBufferView<ArrayBuffer>): Allocation {
    const allocation = this.allocate(data.byteLength);
    this.#engine.upload(allocation, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return allocation;
  }

  release(): void {
    for (const allocation of this.#held.splice(0)) allocation.release();
  }
}

/**
 * Density-based clustering (M. Ester, H.-P. Kriegel, J. Sander, X. Xu, *A density-based algorithm for discovering clusters
 * in large spatial databases with noise*, 1996) on the GPU, with scikit-learn's labels: a border point belongs to the lowest
 * of its clusters, clusters are numbered by their first core points. Whether two points are neighbours is decided as float64
 * decides it, ‖x − y‖² ≤ epsilon² added up column by column, so labels are the same on every run and every adapter;
 * columns are neither centred nor scaled, and large offsets do no harm. Tensors count as the float32 that they hold.
 *
 * Up to 3 columns: points are sorted into cells (A. Gunawan, *A faster algorithm for DBSCAN*, 2013; J. Gan, Y. Tao, *DBSCAN
 * revisited*, 2015), and cells of at least `minimumPoints` points need no comparisons. More columns: near points
 * are put together in blocks, and all pairs of those whose boxes are not too far apart are compared, three times at most. No
 * neighbours are stored; memory on the GPU, for n points of d columns: (28 + 8 · d) · n bytes with cells, and for each of them
 * 20, 36 or 116 bytes for 1, 2 or 3 columns; (8 + 14.25 · d) · n bytes without, d rounded up to a multiple of 4.
 */
export class Dbscan {
  readonly epsilon: number;
  readonly minimumPoints: number;

  /** @throws InvalidInput for an option outside its range. */
  constructor(options: DbscanOptions = {}) {
    const { epsilon = 0.5, minimumPoints = 5 } = options;
    if (!(epsilon >= smallestEpsilon && epsilon <= largestEpsilon)) {
      throw new InvalidInput(
        `Dbscan: epsilon is ${epsilon}; it must be a number from ${smallestEpsilon} to ${largestEpsilon}. See suggestEpsilon, or rescale the points.`,
      );
    }
    if (!Number.isSafeInteger(minimumPoints) || minimumPoints < 1) {
      throw new InvalidInput(
        `Dbscan: minimumPoints is ${minimumPoints}; it must be a whole number of at least 1. The point itself counts.`,
      );
    }
    this.epsilon = epsilon;
    this.minimumPoints = minimumPoints;
  }

  /**
   * Clusters points: one a row, in an array on the CPU or in a tensor of shape [rows, columns], which is read.
   * @throws ShapeMismatch, InvalidInput for no points or a non-finite coordinate, LimitExceeded, OutOfMemory, Aborted
   */
  async fit(engine: Engine, points: PointSource, run: DbscanRun = {}): Promise<DbscanFit> {
    const { rowCount, columnCount } = shapeOf(points, 'Dbscan');
    throwIfAborted(run.signal);
    const source = points instanceof Tensor ? { data: await points.read(), rowCount, columnCount } : points;
    const scratch = new Scratch(engine);
    try {
      const results =
        columnCount <= mostGridColumns
          ? await this.#fitCells(engine, source, scratch, run)
          : await this.#fitPairs(engine, source, scratch, run);
      return numbered(results);
    } finally {
      scratch.release();
    }
  }

  async #fitCells(engine: Engine, source: HostPoints, scratch: Scratch, run: DbscanRun): Promise<Uint32Array> {
    const { rowCount, columnCount } = source;
    const grid = buildGrid(source, this.epsilon, 'Dbscan');
    const { cellCount, lineCount, limit, bound, meanOccupancy } = grid;
    // Looks at all cells around, and at the points of some: of few points in those of many.
    const rowWork = 100 + lineCount * 40 + 2 ** columnCount * 20 * meanOccupancy;
    const job: Job = {
      engine,
      conditions: { grid: true },
      rowCount,
      uniforms: { ...this.#common(source, limit, bound), vectors: 1, cellCount, lines: lineCount },
      bindings: {
        points: scratch.filled(grid.points),
        originals: scratch.filled(grid.originals),
        cells: scratch.filled(grid.cells),
        runs: scratch.filled(grid.runs),
        order: scratch.filled(grid.order),
        ...forestOf(scratch, rowCount),
      },
      rowWork,
      pairWork: 0,
    };
    await recordStep(job, 'core', run, gridReach);
    // Most cells are joined by the nearest ones; then few of those farther away are still to be compared.
    await recordStep(job, 'link', run, 1);
    await recordStep(job, 'link', run, gridReach);
    await recordStep(job, 'border', run, gridReach);
    return readWords(job, 'results', run);
  }

  async #fitPairs(engine: Engine, source: HostPoints, scratch: Scratch, run: DbscanRun): Promise<Uint32Array> {
    const { rowCount, columnCount } = source;
    // A coordinate that is not finite is named by its own row.
    new RangeSums(columnCount, 'Dbscan').add(source.data);
    const { order, data } = nearOrder(source);
    const { points: prepared, rows } = await prepareWhole(engine, { data, rowCount, columnCount }, 'Dbscan');
    try {
      const { limit, bound } = framedLimit(prepared, this.epsilon);
      const unused = scratch.allocate(16);
      const job: Job = {
        engine,
        conditions: { grid: false },
        rowCount,
        uniforms: {
          ...this.#common(source, limit, bound),
          vectors: prepared.rowVectors,
          cellCount: Math.ceil(rowCount / groupRows),
          lines: 0,
        },
        bindings: {
          points: rows,
          originals: scratch.filled(data),
          cells: scratch.filled(boxesOf(data, columnCount, this.epsilon)),
          runs: unused,
          order: unused,
          ...forestOf(scratch, rowCount),
        },
        rowWork: 50,
        pairWork: prepared.rowVectors * 12 + 6,
      };
      await recordStep(job, 'core', run);
      await recordStep(job, 'link', run);
      const trees = treesOf(await readWords(job, 'forest', run), order);
      engine.upload(job.bindings.forest, new Uint8Array(trees.buffer));
      await recordStep(job, 'border', run);
      const bordered = await readWords(job, 'results', run);
      const results = new Uint32Array(rowCount);
      order.forEach((row, position) => {
        const tree = trees[position] as number;
        results[row] = tree === noRow ? (bordered[position] as number) : coreBit + tree;
      });
      return results;
    } finally {
      prepared.release();
    }
  }

  #common({ rowCount, columnCount }: HostPoints, limit: number, bound: number) {
    const [limitLow = 0, limitHigh = 0] = new Uint32Array(Float64Array.of(this.epsilon * this.epsilon).buffer);
    return {
      rowCount,
      columnCount,
      minimumPoints: Math.min(this.minimumPoints, 2 ** 31),
      near: outward(limit - bound, -1),
      far: outward(limit + bound, 1),
      limitLow,
      limitHigh,
    };
  }
}

function forestOf(scratch: Scratch, rowCount: number) {
  return { forest: scratch.allocate(rowCount * 4), results: scratch.allocate(rowCount * 4) };
}

/**
 * epsilon² in the frame, and twice the largest error of a float32 squared distance near it: coordinates are off by 2^-25 at
 * most, differences by twice that and their own rounding.
 */
function framedLimit({ frame, columnCount }: PointSet, epsilon: number) {
  // All coordinates are below 1.
  const radius = Math.min(epsilon * 2 ** frame.exponent, 4 * Math.sqrt(columnCount));
  const limit = radius ** 2;
  const each = 2 ** -24;
  const bound =
    4 * each * Math.sqrt(columnCount) * radius + 2 * columnCount * each ** 2 + (columnCount + 8) * 2 ** -22 * limit;
  return { limit, bound };
}

async function recordStep(job: Job, step: DbscanStep, { signal, onProgress }: DbscanRun, reach = 0): Promise<void> {
  const { engine, rowCount, pairWork, rowWork, bindings } = job;
  const variant = {
    conditions: { ...job.conditions, core: step === 'core', link: step === 'link', border: step === 'border' },
    constants: { WIDTH: width, BLOCK: blockRows },
  };
  const rowsPerWorkgroup = job.conditions.grid ? width : width * groupRows;
  const rows = pairWork > 0 ? Math.min(rowCount, pairRows) : rowCount;
  const others = pairWork > 0 ? Math.ceil(engine.workBudget / (rows * pairWork) / blockRows) * blockRows : rowCount;
  let recorded = 0;
  for (let firstRow = 0; firstRow < rowCount; firstRow += rows) {
    const endRow = Math.min(rowCount, firstRow + rows);
    for (let firstOther = 0; firstOther < rowCount; firstOther += others) {
      const endOther = Math.min(rowCount, firstOther + others);
      for (const { first, end, work } of workRuns(
        engine,
        endRow - firstRow,
        rowWork + pairWork * (endOther - firstOther),
        rowsPerWorkgroup,
      )) {
        engine.run(dbscanKernel, {
          uniforms: { ...job.uniforms, first: firstRow + first, end: firstRow + end, firstOther, endOther, reach },
          bindings,
          workgroups: Math.ceil((end - first) / rowsPerWorkgroup),
          work,
          variant,
        });
        recorded++;
        if (recorded % stepBatch === 0) {
          await abortable(engine.idle(), signal);
          onProgress?.({ step, share: (firstRow + (endRow - firstRow) * (endOther / rowCount)) / rowCount });
        }
      }
    }
  }
  await abortable(engine.idle(), signal);
  onProgress?.({ step, share: 1 });
}

async function readWords(
  { engine, rowCount, bindings }: Job,
  name: 'forest' | 'results',
  { signal }: DbscanRun,
): Promise<Uint32Array> {
  throwIfAborted(signal);
  return new Uint32Array(await abortable(engine.readBytes(bindings[name], rowCount * 4), signal));
}

/** The lowest row of the tree of each position, from the parents of the positions, which are not above them; `noRow` stays. */
function treesOf(parents: Uint32Array, order: Uint32Array): Uint32Array<ArrayBuffer> {
  const roots = parents.slice();
  const lowest = new Uint32Array(parents.length).fill(noRow);
  parents.forEach((parent, position) => {
    if (parent === noRow) return;
    const root = parent === position ? position : (roots[parent] as number);
    roots[position] = root;
    lowest[root] = Math.min(lowest[root] as number, order[position] as number);
  });
  return Uint32Array.from(roots, (root) => (root === noRow ? noRow : (lowest[root] as number)));
}

/** Clusters in the order of their roots, which are their first core points. */
function numbered(results: Uint32Array): DbscanFit {
  const labels = new Int32Array(results.length).fill(-1);
  const coreIndices: number[] = [];
  const sizes: number[] = [];
  const clusterOf = new Map<number, number>();
  results.forEach((result, row) => {
    if (result === noRow || result < coreBit) return;
    coreIndices.push(row);
    if (result - coreBit === row) clusterOf.set(row, clusterOf.size);
  });
  let noise = 0;
  results.forEach((result, row) => {
    const label = clusterOf.get(result >= coreBit ? result - coreBit : result) ?? -1;
    labels[row] = label;
    if (label < 0) noise++;
    else sizes[label] = (sizes[label] ?? 0) + 1;
  });
  return {
    labels,
    coreIndices: Int32Array.from(coreIndices),
    clusters: clusterOf.size,
    noise,
    sizes: Int32Array.from(sizes),
    labelsSha256: () => labelsHash(labels),
  };
}
