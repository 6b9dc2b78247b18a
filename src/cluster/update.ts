import { declareKernel } from '../gpu/kernel.ts';
import { splitWork } from './splitWork.ts';
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
  },
  bindings: { points: 'read', scales: 'read', labels: 'read', control: 'read', sums: 'write', counts: 'write' },
});

/** Most rows whose 16-bit halves add up in 32 bits. */
const largestRowCount = 32_768;

/** How the sums are gathered: columns of one workgroup, and the words they take, 0 for adding to memory at once. */
export interface UpdatePlan {
  readonly tile: number;
  readonly words: number;
  readonly counts: number;
  readonly rows: number;
}

/** Chooses as many columns a workgroup as its memory of `bytes` has room for. */
export function planUpdate(clusterCount: number, columnCount: number, bytes: number, leastRows: number): UpdatePlan {
  // Rounded up, so that similar numbers of clusters share a pipeline.
  const counts = Math.ceil(clusterCount / 64) * 64;
  const tile = Math.min(columnCount, Math.floor((bytes - counts * 4) / (counts * 8)));
  if (tile < 1) return { tile: columnCount, words: 0, counts: 0, rows: leastRows };
  // Enough rows that adding the workgroup's sums to those of all is the smaller part.
  const rows = Math.min(largestRowCount, Math.max(leastRows, 16 * clusterCount));
  return { tile, words: counts * tile, counts, rows };
}

/** Records the addition of every point to the exact sum and count of its cluster, which are zero before a round. */
export function recordUpdate(state: ClusterState): void {
  const { engine, points, scales, control, sums, counts, clusterCount } = state;
  const { columnCount, rowFloats } = points;
  const { software } = engine.info;
  const plan = planUpdate(
    clusterCount,
    columnCount,
    engine.device.limits.maxComputeWorkgroupStorageSize,
    software ? 8192 : 2048,
  );
  const local = plan.words > 0;
  const width = software ? 64 : 256;
  const tiles = Math.ceil(columnCount / plan.tile);
  const constants = {
    WIDTH: width,
    TILE: plan.tile,
    ...(local && { WORDS: plan.words, COUNTS: plan.counts }),
  };
  const workPerRow = tiles * plan.tile * 12;
  for (const part of points.parts) {
    splitWork(engine, part.rowCount, workPerRow, plan.rows, (firstRow, endRow) => {
      engine.run(updateKernel, {
        uniforms: { firstRow, endRow, rowsPerWorkgroup: plan.rows, clusterCount, columnCount, rowFloats },
        bindings: { points: part.points, scales, labels: state.rowsOf(state.labels, part), control, sums, counts },
        workgroups: Math.ceil((endRow - firstRow) / plan.rows) * tiles,
        work: (endRow - firstRow) * workPerRow,
        variant: { conditions: { local }, constants },
      });
    });
  }
}
