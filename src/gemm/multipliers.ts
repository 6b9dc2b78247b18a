import type { Allocation } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { CodeSource } from './codeSource.ts';

const multipliersKernel = declareKernel({
  name: 'gemm/multipliers',
  uniforms: { count: 'u32', wStride: 'u32', xScaleBits: 'u32', yScaleBits: 'u32' },
  bindings: { xScale: 'read', wScales: 'read', multipliers: 'write' },
});

/** The bits of a number as a float32. */
function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

/**
 * Records the integer multipliers from the sums of a product to codes of scale `yScale`, one per column.
 * @param left has one scale for all of x, `right` one for all of w or one per column.
 */
export function makeMultipliers(engine: Engine, left: CodeSource, right: CodeSource, yScale: number): Allocation {
  const count = right.rowCount;
  const multipliers = engine.allocate(count * 8);
  const wScales = right.scales?.allocation ?? right.codes;
  engine.run(multipliersKernel, {
    uniforms: {
      count,
      wStride: right.parameters.row,
      xScaleBits: left.scales ? 0 : floatBits(left.constantScale),
      yScaleBits: floatBits(yScale),
    },
    bindings: { xScale: left.scales?.allocation ?? wScales, wScales, multipliers },
    workgroups: Math.ceil(count / 64),
    work: count * 1000,
  });
  return multipliers;
}
