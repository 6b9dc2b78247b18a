import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel, type Variant } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import { recordLabelOrder } from './labelOrder.ts';
import type { ClusterState } from './state.ts';

const name = 'cluster/update';
const uniforms = {
  firstRow: 'u32',
  endRow: 'u32',
  rowsPerWorkgroup: 'u32',
  clusterCount: 'u32',
  columnCount: 'u32',
  rowFloats: 'u32',
  fresh: 'u32',
} as const;
const bindings = {
  points: 'read',
  scales: 'read',
  labels: 'read',
  changes: 'read',
  weights: 'read',
  control: 'read',
  sums: 'write',
  counts: 'write',
} as const;
const updateKernel = declareKernel({ name, uniforms, bindings });
const segmentsKernel = declareKernel({ name, entryPoint: 'segments', uniforms, bindings });

/** Most rows of a workgroup: 16-bit halves of so many numbers add up in 32 bits. */
const largestRowCount = 32_768;
const largestWidth = 256;
/** SwiftShader compiles a store for every word of workgroup memory that it sets to zero: 32 KiB take seconds. */
const largestSoftwareBytes = 9216;

/**
 * Fewest columns of a workgroup whose rows GPUs read without waste: memory comes in sectors of 32 bytes. At least as many
 * different sums also keep the threads of a warp apart, whatever the clusters.
 */
const sectorColumns = 8;
/** Threads of a sorted update that GPUs are kept busy by, and entries of a thread. */
const busyThreads = 2 ** 17;
const fewestEntries = 32;
const mostEntries = 256;

/** Where sums are gathered: as the conditions of `shaders/cluster/update.wgsl`, or by its `segments`. */
export type Gathering = 'owned' | 'staged' | 'direct' | 'sorted';

/** How the sums of each cluster are gathered. */
export interface UpdatePlan {
  readonly gathering: Gathering;
  /** Threads of a workgroup. */
  readonly width: number;
  /** Columns of a workgroup. */
  readonly tile: number;
  /** Rows of a workgroup; entries of a thread where they are sorted. */
  readonly rows: number;
  /** Clusters that a workgroup has room for. */
  readonly room: number;
}

/** What there is to add up. */
export interface UpdateSize {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly clusterCount: number;
  readonly weighted: boolean;
}

/**
 * Chooses as many columns a workgroup as its memory of `bytes` has room for, and enough rows that adding its sums to
 * those of all is the smaller part. Where there is too little room, `owned` becomes `direct` and `staged` becomes `sorted`.
 *
 * With n rows, k clusters and d columns, 64-bit additions to memory that others add to as well are n·d for `direct`, as many of
 * them on one sum as its cluster has rows; about n·d / 16 for `staged` with k from 128 to 2,048; at most (n / 256 + k)·d for
 * `sorted` (n / 32 where n·d is small), n / 256 + 1 of them on one sum. That reads labels or lists and writes 8-byte entries, for
 * 24 bytes a row and 24 more for each 8 bits of k - 1 beyond the first, in three dispatches for each 8 bits and one more.
 */
export function planUpdate(size: UpdateSize, bytes: number, preferred: Gathering): UpdatePlan {
  const { rowCount, columnCount, clusterCount, weighted } = size;
  const owned = preferred === 'owned';
  // Rounded up, so that similar numbers of clusters share a pipeline.
  const room = Math.ceil(clusterCount / 16) * 16;
  const sumBytes = weighted && !owned ? 12 : 8;
  const most = Math.min(Math.floor((bytes / room - 4) / sumBytes), largestWidth);
  // SwiftShader runs four threads at a time.
  const tile = Math.min(columnCount, owned && most > 4 ? most - (most % 4) : most);
  if (preferred === 'direct' || (owned && tile < 1)) {
    return { gathering: 'direct', width: 64, tile: Math.min(columnCount, largestWidth), rows: 1024, room: 0 };
  }
  if (preferred === 'sorted' || (!owned && tile < Math.min(columnCount, sectorColumns))) {
    const busy = Math.floor((rowCount * columnCount) / busyThreads);
    const rows = Math.min(mostEntries, Math.max(fewestEntries, busy));
    return { gathering: 'sorted', width: 64, tile: 1, rows, room: 0 };
  }
  const width = owned ? Math.ceil(tile / 4) * 4 : largestWidth;
  const rows = Math.min(largestRowCount, Math.max(owned ? 8192 : 2048, 16 * clusterCount));
  return { gathering: preferred, width, tile, rows, room };
}

/** How to add points to the sums of their clusters. */
export interface UpdateOptions {
  readonly gathering?: Gathering;
  /**
   * Lists of rows, one a part, from `recordChanges`: only these leave their former cluster and join the new one, while sums
   * and counts are those of the former labels. Default: all points join, which is right where sums and counts are zero.
   */
  readonly changes?: readonly Allocation[];
  /** Most rows or entries that are sorted at a time, see `recordLabelOrder`. */
  readonly sortedEntries?: number;
}

function variantOf({ gathering, width, tile, room }: UpdatePlan, weighted: boolean): Variant {
  return {
    conditions: { owned: gathering === 'owned', staged: gathering === 'staged', weighted },
    constants: { WIDTH: width, TILE: tile, ...(room > 0 && { WORDS: room * tile, COUNTS: room }) },
  };
}

/** Records the addition of points to the exact sums and counts of their clusters. */
export function recordUpdate(state: ClusterState, options: UpdateOptions = {}): void {
  const { engine, points, scales, control, sums, counts, clusterCount } = state;
  const { rowCount, columnCount, rowFloats } = points;
  const { software, limits } = engine.info;
  const weighted = points.weights !== undefined;
  const available = limits.maxComputeWorkgroupStorageSize ?? 16_384;
  const plan = planUpdate(
    { rowCount, columnCount, clusterCount, weighted },
    software ? Math.min(available, largestSoftwareBytes) : available,
    options.gathering ?? (software ? 'owned' : 'staged'),
  );
  const { gathering, width, tile, rows } = plan;
  const variant = variantOf(plan, weighted);
  const shape = { rowsPerWorkgroup: rows, clusterCount, columnCount, rowFloats };
  const tiles = Math.ceil(columnCount / tile);
  for (const [index, part] of points.parts.entries()) {
    const labels = state.rowsOf(state.labels, part);
    const list = options.changes?.[index];
    const weights = points.weights ? state.rowsOf(points.weights.allocation, part) : labels;
    const bound = { points: part.points, scales, labels, weights, control, sums, counts };
    if (gathering === 'sorted') {
      for (const { entries, capacity } of recordLabelOrder(state, part, list, options.sortedEntries)) {
        for (const { first: firstRow, end: endRow, work } of workRuns(engine, capacity, columnCount * 12, rows)) {
          engine.run(segmentsKernel, {
            uniforms: { firstRow, endRow, ...shape, fresh: 0 },
            bindings: { ...bound, changes: entries },
            workgroups: Math.ceil((Math.ceil((endRow - firstRow) / rows) * columnCount) / width),
            work,
            variant,
          });
        }
      }
      continue;
    }
    for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, tiles * tile * 12, rows)) {
      engine.run(updateKernel, {
        uniforms: { firstRow, endRow, ...shape, fresh: list ? 0 : 1 },
        bindings: { ...bound, changes: list ?? part.points },
        workgroups: Math.ceil((endRow - firstRow) / rows) * tiles,
        work,
        variant,
      });
    }
  }
}
