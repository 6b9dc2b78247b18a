import { resolveAxis, splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { lanesOfRows, type RowInternals, rowWorkgroupSize } from './rows.ts';

const softmaxKernel = declareKernel({
  name: 'nn/softmax',
  uniforms: { length: 'u32', inner: 'u32', firstRow: 'u32', endRow: 'u32' },
  bindings: { x: 'read', y: 'write' },
});

/** How to take a softmax. */
export interface SoftmaxOptions {
  /** The axis whose elements add up to 1, from either end; the last unless given. */
  readonly axis?: number;
  /** Gives the logarithm of the softmax; false unless given. */
  readonly logarithm?: boolean;
}

const workPerElement = 60;

/**
 * Softmax along an axis, in f32: exp(x − max) / Σ exp(x − max), which overflows nowhere.
 * @param x any shape of rank 1 or more; where a row is -inf throughout the result is not a number.
 * @throws ShapeMismatch for an axis outside of the shape; LimitExceeded for a tensor larger than one binding;
 * DisposedTensor
 */
export function softmax(
  engine: Engine,
  x: Tensor<'float32'>,
  { axis = -1, logarithm = false }: SoftmaxOptions = {},
  internals: RowInternals = {},
): Tensor<'float32'> {
  const { outer, length, inner } = splitAtAxis(x.shape, resolveAxis(axis, x.shape, 'softmax'));
  const y = engine.empty(x.shape, 'float32');
  if (length === 0) return y;
  const lanes = internals.lanes ?? lanesOfRows(engine, { length, inner });
  const rowsPerWorkgroup = rowWorkgroupSize / lanes;
  for (const run of workRuns(engine, outer * inner, length * workPerElement, rowsPerWorkgroup)) {
    engine.run(softmaxKernel, {
      uniforms: { length, inner, firstRow: run.first, endRow: run.end },
      bindings: { x, y },
      workgroups: Math.ceil((run.end - run.first) / rowsPerWorkgroup),
      work: run.work,
      variant: { conditions: { logarithm, cooperative: lanes > 1 }, constants: { LANES: lanes } },
    });
  }
  return y;
}
