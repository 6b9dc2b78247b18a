import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { QuantizedPoints } from './quantizeRows.ts';
import type { ClusterState } from './state.ts';

const assignInt8Kernel = declareKernel({
  name: 'cluster/assignInt8',
  uniforms: {
    firstRow: 'u32',
    endRow: 'u32',
    rowCount: 'u32',
    clusterCount: 'u32',
    vectors: 'u32',
    slot: 'u32',
    forced: 'u32',
    fresh: 'u32',
    scale: 'f32',
  },
  bindings: {
    codes: 'read',
    terms: 'read',
    centroidCodes: 'read',
    centroidTerms: 'read',
    control: 'read',
    labels: 'write',
    listed: 'write',
    counters: 'write',
  },
});

/** Rows of a workgroup. */
const workgroupRows = 512;

/**
 * Records, for one part of the points, the labels that codes are certain of, and the list of the others, which counter
 * `slot` counts. Needs `quantized.recordCentroids`.
 */
export function recordAssignInt8(
  state: ClusterState,
  quantized: QuantizedPoints,
  partIndex: number,
  options: { readonly slot: number; readonly forced: boolean; readonly fresh: boolean },
): void {
  const { engine, control, counters, clusterCount, points } = state;
  const part = points.parts[partIndex];
  const made = quantized.parts[partIndex];
  if (!part || !made) return;
  const { vectors, scale, centroidCodes, centroidTerms } = quantized;
  const { rowCount } = part;
  const { codes, terms, listed } = made;
  const { slot } = options;
  const forced = options.forced ? 1 : 0;
  const fresh = options.fresh ? 1 : 0;
  const labels = state.rowsOf(state.labels, part);
  const workPerRow = clusterCount * (vectors * 32 + 6);
  for (const { first: firstRow, end: endRow, work } of workRuns(engine, rowCount, workPerRow, workgroupRows)) {
    engine.run(assignInt8Kernel, {
      uniforms: { firstRow, endRow, rowCount, clusterCount, vectors, slot, forced, fresh, scale },
      bindings: { codes, terms, centroidCodes, centroidTerms, control, labels, listed, counters },
      workgroups: Math.ceil((endRow - firstRow) / workgroupRows),
      work,
      variant: { conditions: { packed: engine.dotPath === 'packed' } },
    });
  }
}
