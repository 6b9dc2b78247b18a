import type { Allocation } from '../gpu/allocation.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { recordGather } from './gather.ts';
import type { PointPart } from './pointSet.ts';
import { randomBits, randomIndex } from './random.ts';
import { splitWork } from './splitWork.ts';
import type { ClusterState } from './state.ts';

const distancesKernel = declareKernel({
  name: 'cluster/seedDistances',
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    firstBlock: 'u32',
    seed: 'u32',
    vectors: 'u32',
    scale: 'f32',
    bound: 'f32',
  },
  bindings: { points: 'read', centroids: 'read', squares: 'write', blockSums: 'write' },
});

const blockKernel = declareKernel({
  name: 'cluster/seedBlock',
  uniforms: { blockCount: 'u32', rowCount: 'u32', randomLow: 'u32', randomHigh: 'u32' },
  bindings: { blockSums: 'read', choice: 'write' },
});

const rowKernel = declareKernel({
  name: 'cluster/seedRow',
  uniforms: { firstRow: 'u32', rowCount: 'u32', seed: 'u32', vectors: 'u32' },
  bindings: { points: 'read', squares: 'read', choice: 'read', centroids: 'write', rows: 'write' },
});

/** Rows whose squares have one sum, as in the shaders. */
const blockRows = 1024;
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

interface SeedBuffers {
  readonly squares: Allocation;
  readonly blockSums: Allocation;
  readonly choice: Allocation;
  readonly rows: Allocation;
}

function recordDistances(state: ClusterState, buffers: SeedBuffers, part: PointPart, seed: number): void {
  const { engine, points, centroids } = state;
  const vectors = points.rowVectors;
  const grid = seedGrid(points.columnCount, points.meanVariance);
  const workPerRow = vectors * 30;
  splitWork(engine, part.rowCount, workPerRow, blockRows, (firstRow, endRow) => {
    engine.run(distancesKernel, {
      uniforms: { firstRow, endRow, firstBlock: (part.firstRow + firstRow) / blockRows, seed, vectors, ...grid },
      bindings: {
        points: part.points,
        centroids,
        squares: state.rowsOf(buffers.squares, part),
        blockSums: buffers.blockSums,
      },
      workgroups: Math.ceil((endRow - firstRow) / blockRows),
      work: (endRow - firstRow) * workPerRow,
      variant: { constants: { WIDTH: engine.info.software ? 32 : 256 } },
    });
  });
}

function recordSeed(state: ClusterState, buffers: SeedBuffers, seed: number, randomSeed: number): void {
  const { engine, points, centroids } = state;
  const { squares, blockSums, choice, rows } = buffers;
  const { rowCount, rowVectors: vectors } = points;
  for (const part of points.parts) recordDistances(state, buffers, part, seed - 1);
  const { low: randomLow, high: randomHigh } = randomBits(randomSeed, 'seeds', seed);
  const blockCount = Math.ceil(rowCount / blockRows);
  const variant = { constants: { WIDTH: 64 } };
  engine.run(blockKernel, {
    uniforms: { blockCount, rowCount, randomLow, randomHigh },
    bindings: { blockSums, choice },
    workgroups: 1,
    work: blockCount * 8,
    variant,
  });
  for (const part of points.parts) {
    engine.run(rowKernel, {
      uniforms: { firstRow: part.firstRow, rowCount: part.rowCount, seed, vectors },
      bindings: { points: part.points, squares: state.rowsOf(squares, part), choice, centroids, rows },
      workgroups: 1,
      work: blockRows * 8,
      variant,
    });
  }
}

/**
 * Records k-means++ (D. Arthur, S. Vassilvitskii, 2007): each seed is a point drawn with a probability proportional to
 * its squared distance to the seeds before it. Distances are whole numbers on a grid and random numbers depend on the
 * seed and the step alone, so every adapter draws the same points. Nothing is read back. Where all points coincide with
 * a seed on the grid, any point is drawn.
 * @param seedRows receives the number of the point behind each seed, as u32
 * @param afterSeed called after each seed was recorded; may throw to stop
 */
export async function seedPlusPlus(
  state: ClusterState,
  randomSeed: number,
  seedRows: Allocation,
  afterSeed: () => Promise<void> | void,
): Promise<void> {
  const { engine, points, clusterCount } = state;
  const first = randomIndex(randomSeed, 'seeds', 0, points.rowCount);
  recordGather(points, [first], state.centroids);
  engine.upload(seedRows, new Uint8Array(Uint32Array.of(first).buffer));
  const allocations: Allocation[] = [];
  const allocate = (size: number): Allocation => {
    const allocation = engine.allocate(size);
    allocations.push(allocation);
    return allocation;
  };
  try {
    const buffers = {
      squares: allocate(points.rowCount * 4),
      blockSums: allocate(Math.ceil(points.rowCount / blockRows) * 8),
      choice: allocate(16),
      rows: seedRows,
    };
    for (let seed = 1; seed < clusterCount; seed++) {
      recordSeed(state, buffers, seed, randomSeed);
      await afterSeed();
    }
  } finally {
    for (const allocation of allocations) allocation.release();
  }
}
