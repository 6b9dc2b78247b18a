import { LimitExceeded } from '../base/errors.ts';
import { resolveAxis, splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const name = 'nn/cumulativeSum';
const uniforms = {
  length: 'u32',
  inner: 'u32',
  firstRow: 'u32',
  endRow: 'u32',
  exclusive: 'u32',
  reverse: 'u32',
} as const;
const bindings = { x: 'read', y: 'write' } as const;
const sumKernel = declareKernel({ name, uniforms, bindings });
const checkedKernel = declareKernel({ name, uniforms, bindings: { ...bindings, fault: 'write' } });

/** How to add up. */
export interface CumulativeSumOptions {
  /** The axis along which the sums run, from either end. */
  readonly axis: number;
  /** An element is not part of its own sum; false unless given. */
  readonly exclusive?: boolean;
  /** The sums run from the end; false unless given. */
  readonly reverse?: boolean;
  /** Reading an int32 result rejects with `LimitExceeded` where a sum leaves 32 bits; false unless given: it wraps around. */
  readonly checked?: boolean;
}

const workPerElement = 12;

/**
 * Running sums along an axis, one element after the other.
 * @throws ShapeMismatch for an axis outside of the shape; LimitExceeded for a tensor larger than one binding;
 * DisposedTensor
 */
export function cumulativeSum<D extends 'float32' | 'int32'>(
  engine: Engine,
  x: Tensor<D>,
  { axis, exclusive = false, reverse = false, checked = false }: CumulativeSumOptions,
): Tensor<D> {
  const { outer, length, inner } = splitAtAxis(x.shape, resolveAxis(axis, x.shape, 'cumulativeSum'));
  const y = engine.empty(x.shape, x.dtype);
  const fault = checked && x.dtype === 'int32' ? engine.fault(beyond32Bits) : undefined;
  for (const { first, end, work } of workRuns(engine, outer * inner, length * workPerElement + 1, 64)) {
    const dispatch = {
      uniforms: {
        length,
        inner,
        firstRow: first,
        endRow: end,
        exclusive: exclusive ? 1 : 0,
        reverse: reverse ? 1 : 0,
      },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions: { float: x.dtype === 'float32', checked: fault !== undefined } },
    };
    if (fault) engine.run(checkedKernel, { ...dispatch, bindings: { x, y, fault } });
    else engine.run(sumKernel, { ...dispatch, bindings: { x, y } });
  }
  fault?.release();
  return y;
}

function beyond32Bits(row: number): LimitExceeded {
  return new LimitExceeded(
    `A running sum in row ${row} leaves the 32 bits in which the GPU holds integers; make the elements smaller.`,
  );
}
