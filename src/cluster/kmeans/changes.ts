import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { ClusterState } from './state.ts';

const changesKernel = declareKernel({
  name: 'cluster/changes',
  uniforms: { firstRow: 'u32', endRow: 'u32' },
  bindings: { labels: 'read', control: 'read', former: 'write', changes: 'write' },
});

const width = 64;

/**
 * Records, for each part of the points, the list of the rows whose label is not that of `state.former`, which then has the
 * labels as they are.
 */
export function recordChanges(state: ClusterState): readonly Allocation[] {
  const { engine, points, control, changes } = state;
  for (const [index, part] of points.parts.entries()) {
    const list = changes[index] as Allocation;
    engine.upload(list, new Uint8Array(8));
    const bindings = {
      labels: state.rowsOf(state.labels, part),
      control,
      former: state.rowsOf(state.former, part),
      changes: list,
    };
    for (const { first: firstRow, end: endRow, work } of workRuns(engine, part.rowCount, 10, width)) {
      engine.run(changesKernel, {
        uniforms: { firstRow, endRow },
        bindings,
        workgroups: Math.ceil((endRow - firstRow) / width),
        work,
        variant: { constants: { WIDTH: width } },
      });
    }
  }
  return changes;
}
