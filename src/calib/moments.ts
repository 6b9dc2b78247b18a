import { ShapeMismatch } from '../base/errors.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const kernel = declareKernel({
  name: 'calib/moments',
  uniforms: { start: 'u32', end: 'u32', width: 'u32', stride: 'u32', positions: 'u32', squares: 'u32' },
  bindings: { patches: 'read', sums: 'write' },
});

/** Sums along one side of what an invocation makes. */
const edge = 8;

/**
 * Adds to sums the products of all pairs of columns of a matrix: Σ pᵢpⱼ over its rows, in f32 in the order of the rows, and
 * what is there last. Each pair is multiplied once.
 *
 * @param rows [groups, positions, stride], stride a multiple of 4
 * @param sums [groups, width, width] for the first `width` columns
 * @throws ShapeMismatch
 */
export function addMoments(engine: Engine, rows: Tensor<'float32'>, sums: Tensor<'float32'>): void {
  const [groups = 0, positions = 0, stride = 0] = rows.shape;
  const [sumGroups, width = 0, other] = sums.shape;
  if (sumGroups !== groups || other !== width || width > stride || stride % 4 !== 0) {
    throw new ShapeMismatch(
      `Rows of shape [${rows.shape}] do not add to sums of shape [${sums.shape}]; give [groups, positions, stride], the stride a multiple of 4, and [groups, width, width].`,
    );
  }
  if (positions === 0) return;
  // An even number: see the shader.
  const squares = 2 * Math.ceil(width / (2 * edge));
  const items = (groups * squares * (squares + 1)) / 2;
  for (const { first, end, work } of workRuns(engine, items, edge * edge * (positions + 3), 64)) {
    engine.run(kernel, {
      uniforms: { start: first, end, width, stride, positions, squares },
      bindings: { patches: rows, sums },
      workgroups: Math.ceil((end - first) / 64),
      work,
    });
  }
}
