import type { Allocation, BufferView } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { PointPart, PointSet } from '../points/pointSet.ts';
import { randomBits, randomIndex } from '../random.ts';
import type { ClusterState } from './state.ts';

const gridKernel = declareKernel({
  name: 'cluster/seedGrid',
  uniforms: { first: 'u32', end: 'u32', scale: 'f32', bound: 'f32' },
  bindings: { points: 'read', packed: 'write' },
});

const distancesKernel = declareKernel({
  name: 'cluster/seedDistances',
  uniforms: { firstRow: 'u32', endRow: 'u32', firstBlock: 'u32', first: 'u32' },
  bindings: { packed: 'read', newest: 'read', weights: 'read', squares: 'write', blockSums: 'write' },
});

const blockKernel = declareKernel({
  name: 'cluster/seedBlock',
  uniforms: { blockCount: 'u32', rowCount: 'u32', randomLow: 'u32', randomHigh: 'u32' },
  bindings: { blockSums: 'read', choice: 'write' },
});

const rowKernel = declareKernel({
  name: 'cluster/seedRow',
  uniforms: { firstRow: 'u32', rowCount: 'u32', seed: 'u32', vectors: 'u32' },
  bindings: {
    points: 'read',
    packed: 'read',
    squares: 'read',
    weights: 'read',
    choice: 'read',
    centroids: 'write',
    newest: 'write',
    rows: 'write',
  },
});

/** Rows whose squares have one sum, as in the shaders. */
export const blockRows = 1024;
/** Standard deviations from the centre beyond which coordinates count as being there, if the grid would be finer. */
const reach = 16;

/** The grid of the distances of k-means++. */
export interface SeedGrid {
  /** Power of two that coordinates are multiplied by before they are rounded. */
  readonly scale: number;
  /** Largest magnitude of a rounded coordinate: a squared distance stays below 2^32. */
  readonly bound: number;
}

/**
 * Chooses the grid: as fine as 32-bit squares allow over the data's range, or over 16 standard deviations where a few
 * points are much farther out.
 */
export function seedGrid(columnCount: number, meanVariance: number): SeedGrid {
  const bound = Math.floor(Math.sqrt((2 ** 32 - 1) / (4 * columnCount)));
  const range = Math.min(1, reach * Math.sqrt(meanVariance));
  const scale = 2 ** Math.floor(Math.log2(bound / (range > 0 ? range : 1)));
  return { scale: Math.min(scale, 2 ** 100), bound };
}

/** The buffers of one seeding. */
interface SeedBuffers {
  /** The points of each part on the grid. */
  readonly packed: readonly Allocation[];
  /** Squared distance of each point to its nearest seed. */
  readonly squares: Allocation;
  readonly blockSums: Allocation;
  readonly choice: Allocation;
  /** The last seed on the grid. */
  readonly newest: Allocation;
  /** The number of the point behind each seed. */
  readonly rows: Allocation;
}

/** One part of the points, with its place among them and its points on the grid. */
export interface SeedPart {
  readonly part: PointPart;
  readonly packed: Allocation;
}

const width = 64;
const variant = { constants: { WIDTH: width } };

function partsOf(state: ClusterState, buffers: SeedBuffers): SeedPart[] {
  return state.points.parts.flatMap((part, index) => {
    const packed = buffers.packed[index];
    return packed ? [{ part, packed }] : [];
  });
}

/** Records the points of a part on the grid. */
export function recordGrid(points: PointSet, { part, packed }: SeedPart): void {
  const { engine } = points;
  const grid = seedGrid(points.columnCount, points.meanVariance);
  for (const { first, end, work } of workRuns(engine, part.rowCount * points.rowVectors, 30, width)) {
    engine.run(gridKernel, {
      uniforms: { first, end, ...grid },
      bindings: { points: part.points, packed },
      workgroups: Math.ceil((end - first) / width),
      work,
      variant,
    });
  }
}

/** What the points of a part weigh; something of its size where all weigh the same and nothing is read. */
export function weightsOf(state: ClusterState, part: PointPart, packed: Allocation): Allocation | BufferView {
  const { weights } = state.points;
  return weights ? state.rowsOf(weights.allocation, part) : packed;
}

/** Records the distances to the newest seed. */
function recordDistances(state: ClusterState, buffers: SeedBuffers, { part, packed }: SeedPart, first: boolean): void {
  const { engine, points } = state;
  const { newest, squares, blockSums } = buffers;
  const workPerRow = points.rowVectors * 20;
  for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, blockRows)) {
    engine.run(distancesKernel, {
      uniforms: {
        firstRow,
        endRow,
        firstBlock: (part.firstRow + firstRow) / blockRows,
        first: first ? 1 : 0,
      },
      bindings: {
        packed,
        newest,
        weights: weightsOf(state, part, packed),
        squares: state.rowsOf(squares, part),
        blockSums,
      },
      workgroups: Math.ceil((endRow - firstRow) / blockRows),
      work,
      variant: {
        conditions: { weighted: points.weights !== undefined },
        constants: { WIDTH: engine.info.software ? 64 : 256, VECTORS: points.rowVectors },
      },
    });
  }
}

/** Records the choice of the block that the next seed lies in. */
function recordBlock(state: ClusterState, { blockSums, choice }: SeedBuffers, seed: number, randomSeed: number): void {
  const { rowCount } = state.points;
  const { low: randomLow, high: randomHigh } = randomBits(randomSeed, 'seeds', seed);
  const blockCount = Math.ceil(rowCount / blockRows);
  state.engine.run(blockKernel, {
    uniforms: { blockCount, rowCount, randomLow, randomHigh },
    bindings: { blockSums, choice },
    workgroups: 1,
    work: blockCount * 8,
    variant,
  });
}

/** Records the choice of the seed within its block. */
function recordRow(state: ClusterState, buffers: SeedBuffers, { part, packed }: SeedPart, seed: number): void {
  const { squares, choice, newest, rows } = buffers;
  const { centroids, points } = state;
  state.engine.run(rowKernel, {
    uniforms: { firstRow: part.firstRow, rowCount: part.rowCount, seed, vectors: points.rowVectors },
    bindings: {
      points: part.points,
      packed,
      squares: state.rowsOf(squares, part),
      weights: weightsOf(state, part, packed),
      choice,
      centroids,
      newest,
      rows,
    },
    workgroups: 1,
    work: blockRows * 8,
    variant: { ...variant, conditions: { weighted: points.weights !== undefined } },
  });
}

/** The first seed: any point, each as likely as it weighs. */
export function firstSeed({ rowCount, weights }: PointSet, randomSeed: number): number {
  const target = randomIndex(randomSeed, 'seeds', 0, weights ? weights.total : rowCount);
  if (!weights) return target;
  let sum = 0;
  return weights.values.findIndex((weight) => {
    sum += weight;
    return sum > target;
  });
}

async function recordSeeds(
  state: ClusterState,
  buffers: SeedBuffers,
  randomSeed: number,
  afterSeed: () => Promise<void> | void,
): Promise<void> {
  const { engine, points, clusterCount } = state;
  const parts = partsOf(state, buffers);
  for (const part of parts) recordGrid(points, part);
  const first = firstSeed(points, randomSeed);
  engine.upload(buffers.choice, new Uint8Array(Uint32Array.of(0, 0, 0, first + 1).buffer));
  for (const part of parts) recordRow(state, buffers, part, 0);
  for (let seed = 1; seed < clusterCount; seed++) {
    for (const part of parts) recordDistances(state, buffers, part, seed === 1);
    recordBlock(state, buffers, seed, randomSeed);
    for (const part of parts) recordRow(state, buffers, part, seed);
    await afterSeed();
  }
}

/**
 * Records k-means++ (D. Arthur, S. Vassilvitskii, 2007): each seed is a point drawn with a probability proportional to
 * its squared distance to the seeds before it, times its weight. Distances are whole numbers on a grid and random numbers depend on the
 * seed and the step alone, so every adapter draws the same points. Nothing is read back. Where all points coincide with
 * a seed on the grid, any point is drawn.
 * @param rows receives the number of the point behind each seed, as u32
 * @param afterSeed called after each seed was recorded; may throw to stop
 */
export async function seedPlusPlus(
  state: ClusterState,
  randomSeed: number,
  rows: Allocation,
  afterSeed: () => Promise<void> | void,
): Promise<void> {
  const { engine, points } = state;
  const allocations: Allocation[] = [];
  const allocate = (size: number): Allocation => {
    const allocation = engine.allocate(size);
    allocations.push(allocation);
    return allocation;
  };
  try {
    const vectorBytes = points.rowVectors * 8;
    const buffers = {
      packed: points.parts.map(({ rowCount }) => allocate(rowCount * vectorBytes)),
      squares: allocate(points.rowCount * 4),
      blockSums: allocate(Math.ceil(points.rowCount / blockRows) * 8),
      choice: allocate(16),
      newest: allocate(vectorBytes),
      rows,
    };
    await recordSeeds(state, buffers, randomSeed, afterSeed);
  } finally {
    for (const allocation of allocations) allocation.release();
  }
}
