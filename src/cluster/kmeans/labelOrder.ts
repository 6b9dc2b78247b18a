import type { Allocation } from '../../gpu/allocation.ts';
import { declareKernel } from '../../gpu/kernel.ts';
import { workRuns } from '../../gpu/windows.ts';
import type { PointPart } from '../points/pointSet.ts';
import type { ClusterState } from './state.ts';

const name = 'cluster/labelOrder';
const uniforms = { first: 'u32', capacity: 'u32', firstBlock: 'u32', shift: 'u32', fresh: 'u32' } as const;
const scanBindings = { histogram: 'write', groups: 'write', control: 'read', changes: 'read' } as const;
const countBindings = { ...scanBindings, labels: 'read', source: 'read' } as const;
const countKernel = declareKernel({ name, entryPoint: 'count', uniforms, bindings: countBindings });
const scanKernel = declareKernel({ name, entryPoint: 'scan', uniforms, bindings: scanBindings });
const scatterKernel = declareKernel({
  name,
  entryPoint: 'scatter',
  uniforms,
  bindings: { ...countBindings, sorted: 'write' },
});

// As in shaders/cluster/labelOrder.wgsl.
const digitBits = 8;
const digits = 2 ** digitBits;
const blockEntries = 2048;
const groupBlocks = 32;
/** Bytes of a list before its entries, and of an entry. */
const headerBytes = 8;
const entryBytes = 8;
/** Most entries that are sorted at a time, unless told otherwise: two lists of 32 MiB. */
const usualEntries = 2 ** 22;

/** Entries in the order of their clusters, as `shaders/cluster/labelOrder.wgsl` describes them. */
export interface LabelOrder {
  /** How many there are, then (row, cluster) each. Holds until the next ones are asked for. */
  readonly entries: Allocation;
  /** Most entries that there may be. */
  readonly capacity: number;
}

/**
 * Records the sorting, by cluster, of the rows of a part, or of those of a list from `recordChanges`, each of which both joins a
 * cluster and leaves one. At most `most` entries are sorted at a time; what uses them is to be recorded before the next are asked for.
 * Memory on the GPU: 16 bytes for each of these, or 8 up to 256 clusters, until all are recorded.
 */
export function* recordLabelOrder(
  state: ClusterState,
  part: PointPart,
  list: Allocation | undefined,
  most = usualEntries,
): Generator<LabelOrder> {
  const { engine, control } = state;
  const total = list ? 2 * part.rowCount : part.rowCount;
  const bindable = Math.floor((engine.device.limits.maxStorageBufferBindingSize - headerBytes) / entryBytes);
  const step = Math.min(total, most, bindable);
  const passes = Math.max(1, Math.ceil(Math.log2(state.clusterCount) / digitBits));
  const held: Allocation[] = [];
  const allocate = (size: number): Allocation => {
    const allocation = engine.allocate(size);
    held.push(allocation);
    return allocation;
  };
  try {
    const mostBlocks = Math.ceil(step / blockEntries);
    const histogram = allocate(mostBlocks * digits * 4);
    const groups = allocate(Math.ceil(mostBlocks / groupBlocks) * digits * 4);
    const listBytes = headerBytes + step * entryBytes;
    let sorted = allocate(listBytes);
    let other = passes > 1 ? allocate(listBytes) : undefined;
    // Something to bind where nothing is read.
    const changes = list ?? part.points;
    const scanned = { histogram, groups, control, changes };
    for (let first = 0; first < total; first += step) {
      const capacity = Math.min(step, total - first);
      const blocks = Math.ceil(capacity / blockEntries);
      let source: Allocation | undefined;
      for (let pass = 0; pass < passes; pass++) {
        const values = { first, capacity, firstBlock: 0, shift: pass * digitBits, fresh: list ? 0 : 1 };
        const bindings = {
          ...scanned,
          labels: state.rowsOf(state.labels, part),
          source: source ?? changes,
        };
        engine.clear(groups);
        const blockRuns = (workEach: number) => workRuns(engine, blocks, blockEntries * workEach, 1);
        for (const { first: firstBlock, end, work } of blockRuns(12)) {
          engine.run(countKernel, {
            uniforms: { ...values, firstBlock },
            bindings,
            workgroups: end - firstBlock,
            work,
          });
        }
        engine.run(scanKernel, {
          uniforms: values,
          bindings: scanned,
          workgroups: 1,
          work: digits * (digits * 4 + Math.ceil(blocks / groupBlocks) * 8),
        });
        for (const { first: firstBlock, end, work } of blockRuns(80)) {
          engine.run(scatterKernel, {
            uniforms: { ...values, firstBlock },
            bindings: { ...bindings, sorted },
            workgroups: end - firstBlock,
            work,
          });
        }
        if (pass + 1 < passes && other) {
          source = sorted;
          [sorted, other] = [other, sorted];
        }
      }
      yield { entries: sorted, capacity };
    }
  } finally {
    for (const allocation of held) allocation.release();
  }
}
