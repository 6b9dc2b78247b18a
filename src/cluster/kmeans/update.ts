import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { ClusterState } from './state.ts';

const updateKernel = declareKernel({
  name: 'cluster/update',
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    rowsPerWorkgroup: 'u32',
    clusterCount: 'u32',
    columnCount: 'u32',
    rowFloats: 'u32',
    fresh: 'u32',
  },
  bindings: {
    points: 'read',
    scales: 'read',
    labels: 'read',
    changes: 'read',
    weights: 'read',
    control: 'read',
    sums: 'write',
    counts: 'write',
  },
});

/** Most rows of a workgroup: 16-bit halves of so many numbers add up in 32 bits. */
const largestRowCount = 32_768;
const largestWidth = 256;
/** SwiftShader compiles a store for every word of workgroup memory that it sets to zero: 32 KiB take seconds. */
const largestSoftwareBytes = 9216;

/** Where the sums of a workgroup are gathered, as the conditions of `shaders/cluster/update.wgsl`. */
export type Gathering = 'owned' | 'staged' | 'direct';

/** How the sums of each cluster are gathered. */
export interface UpdatePlan {
  readonly gathering: Gathering;
  /** Threads of a workgroup. */
  readonly width: number;
  /** Columns of a workgroup. */
  readonly tile: number;
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Clusters that a workgroup has room for. */
  readonly room: number;
}

/**
 * Chooses as many columns a workgroup as its memory of `bytes` has room for, and enough rows that adding its sums to
 * those of all is the smaller part.
 */
export function planUpdate(
  clusterCount: number,
  columnCount: number,
  bytes: number,
  preferred: Gathering,
  weighted = false,
): UpdatePlan {
  // Rounded up, so that similar numbers of clusters share a pipeline.
  const room = Math.ceil(clusterCount / 16) * 16;
  const sumBytes = weighted && preferred === 'staged' ? 12 : 8;
  const affordable = preferred === 'direct' ? 0 : Math.floor((bytes / room - 4) / sumBytes);
  const owned = preferred === 'owned';
  const most = Math.min(affordable, largestWidth);
  // SwiftShader runs four threads at a time.
  const tile = Math.min(columnCount, owned && most > 4 ? most - (most % 4) : most);
  if (tile < 1) {
    return { gathering: 'direct', width: 64, tile: Math.min(columnCount, largestWidth), rows: 1024, room: 0 };
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
}

/** Records the addition of points to the exact sums and counts of their clusters. */
export function recordUpdate(state: ClusterState, { gathering: preferred, changes: lists }: UpdateOptions = {}): void {
  const { engine, points, scales, control, sums, counts, clusterCount } = state;
  const { columnCount, rowFloats } = points;
  const { software, limits } = engine.info;
  const weighted = points.weights !== undefined;
  const available = limits.maxComputeWorkgroupStorageSize ?? 16_384;
  const { gathering, width, tile, rows, room } = planUpdate(
    clusterCount,
    columnCount,
    software ? Math.min(available, largestSoftwareBytes) : available,
    preferred ?? (software ? 'owned' : 'staged'),
    weighted,
  );
  const tiles = Math.ceil(columnCount / tile);
  const variant = {
    conditions: { owned: gathering === 'owned', staged: gathering === 'staged', weighted },
    constants: { WIDTH: width, TILE: tile, ...(room > 0 && { WORDS: room * tile, COUNTS: room }) },
  };
  const fresh = lists ? 0 : 1;
  const workPerRow = tiles * tile * 12;
  for (const [index, part] of points.parts.entries()) {
    const labels = state.rowsOf(state.labels, part);
    const changes = lists?.[index] ?? part.points;
    const weights = points.weights ? state.rowsOf(points.weights.allocation, part) : labels;
    for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, workPerRow, rows)) {
      engine.run(updateKernel, {
        uniforms: { firstRow, endRow, rowsPerWorkgroup: rows, clusterCount, columnCount, rowFloats, fresh },
        bindings: { points: part.points, scales, labels, changes, weights, control, sums, counts },
        workgroups: Math.ceil((endRow - firstRow) / rows) * tiles,
        work,
        variant,
      });
    }
  }
}
