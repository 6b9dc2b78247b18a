import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import { windowOf, workRuns } from '../gpu/windows.ts';
import type { CodeSource } from './codeSource.ts';
import type { Groups } from './groups.ts';

const termsKernel = declareKernel({
  name: 'gemm/terms',
  uniforms: {
    start: 'u32',
    end: 'u32',
    rowCount: 'u32',
    groupCount: 'u32',
    rowVectors: 'u32',
    groupVectors: 'u32',
    codeStart: 'u32',
    flip: 'u32',
    paddingSum: 'i32',
    shift: 'i32',
    constant: 'u32',
    constantScale: 'f32',
    constantZeroPoint: 'i32',
    parameterBatch: 'u32',
    parameterRow: 'u32',
    parameterGroup: 'u32',
  },
  bindings: { codes: 'read', scales: 'read', zeroPoints: 'read', terms: 'write' },
});

/** Vectors of a sum from which on a workgroup makes it rather than an invocation. */
const sharedVectors = 16;

/** Scale, zero point and sum, 4 bytes each. */
const termBytes = 12;

/** The terms of an operand and how far it is from one batch, row or group to the next. */
export interface Terms {
  readonly allocation: Allocation;
  readonly batch: number;
  readonly row: number;
  readonly group: number;
}

/** Codes in the form that kernels read. */
export interface ArrangedCodes {
  readonly codes: Allocation;
  /** XORed with each word as it is read. */
  readonly flip: number;
}

/**
 * Records the terms of all rows (and groups), or a single one where all are the same.
 * @param summed whether the sums of the codes are needed: they are where the other operand has zero points.
 */
export function makeTerms(
  engine: Engine,
  source: CodeSource,
  arranged: ArrangedCodes,
  groups: Groups,
  summed: boolean,
): Terms {
  const { parameters } = source;
  const single = !summed && parameters.batch === 0 && parameters.row === 0 && parameters.group === 0;
  const ofGroups = summed || parameters.group > 0 ? groups.count : 1;
  const batchCount = single ? 1 : source.batchCount;
  const rowCount = single ? 1 : source.rowCount;
  const count = batchCount * rowCount * ofGroups;
  const allocation = engine.allocate(count * termBytes);
  const rowBytes = groups.rowVectors * 16;
  const lastPadding = Math.ceil(groups.lastSize / 16) * 16 - groups.lastSize;
  const together = summed && !engine.info.software && groups.vectors >= sharedVectors;
  const work = summed ? groups.vectors * 16 * 4 + 256 : 20;
  // Bound where the kernel reads nothing.
  const anything = { allocation: arranged.codes, offset: 0, size: 16 };
  // The codes of the terms of one dispatch are bound together.
  const limit = engine.device.limits.maxStorageBufferBindingSize;
  const fitting = Math.max(1, Math.floor((limit - 512) / Math.max(1, rowBytes))) * ofGroups;
  const step = summed && arranged.codes.size > limit ? fitting : Math.max(1, count);
  for (let begin = 0; begin < count; begin += step) {
    const length = Math.min(step, count - begin);
    for (const run of workRuns(engine, length, work, 64)) {
      const start = begin + run.first;
      const end = begin + run.end;
      const firstRow = Math.floor(start / ofGroups);
      const window = summed
        ? windowOf(engine, arranged.codes, firstRow * rowBytes, Math.ceil(end / ofGroups) * rowBytes)
        : { view: anything, offset: 0 };
      engine.run(termsKernel, {
        uniforms: {
          start,
          end,
          rowCount,
          groupCount: ofGroups,
          rowVectors: groups.rowVectors,
          groupVectors: groups.vectors,
          codeStart: -window.offset / 16,
          flip: arranged.flip,
          paddingSum: arranged.flip === 0 ? 0 : 128 * lastPadding,
          shift: source.shift,
          constant: source.scales ? 0 : 1,
          constantScale: source.constantScale,
          constantZeroPoint: source.constantZeroPoint,
          parameterBatch: parameters.batch,
          parameterRow: parameters.row,
          parameterGroup: parameters.group,
        },
        bindings: {
          codes: window.view,
          scales: source.scales ?? anything,
          zeroPoints: source.zeroPoints ?? anything,
          terms: allocation,
        },
        workgroups: together ? end - start : Math.ceil((end - start) / 64),
        work: run.work,
        variant: { conditions: { summed, together } },
      });
    }
  }
  return single
    ? { allocation, batch: 0, row: 0, group: 0 }
    : { allocation, batch: rowCount * ofGroups, row: ofGroups, group: ofGroups > 1 ? 1 : 0 };
}
