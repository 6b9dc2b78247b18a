import { ShapeMismatch } from '../base/errors.ts';
import { splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';

const topKKernel = declareKernel({
  name: 'nn/topK',
  uniforms: {
    length: 'u32',
    inner: 'u32',
    selected: 'u32',
    flip: 'u32',
    backwards: 'u32',
    firstRow: 'u32',
    endRow: 'u32',
    first: 'u32',
    end: 'u32',
  },
  bindings: { source: 'read', values: 'write', places: 'write' },
});

const width = 64;
const workPerElement = 16;

/** Which elements to select. */
export interface TopKOptions {
  /** Counted from the front. */
  readonly axis: number;
  /** How many, from 0 to the length of the axis. */
  readonly count: number;
  /** The largest unless false, else the smallest. */
  readonly largest?: boolean;
  /** Whether the last of equal elements comes first; the first unless set. */
  readonly lastFirst?: boolean;
  /** Whether a row is shared by a workgroup; unless given, where rows are few and long. */
  readonly cooperative?: boolean;
}

/** Whether there are too few rows to have an invocation each. */
function sharesRows(engine: Engine, rowCount: number, length: number): boolean {
  // SwiftShader has few lanes, and pays for barriers.
  return engine.info.software ? rowCount < 4 && length >= 4096 : length >= 128 && rowCount * 16 < 2 ** 20;
}

/**
 * The largest or smallest elements along an axis, sorted, and their places on it. NaN is larger than any number, and −0
 * is 0.
 * @throws ShapeMismatch when there are not as many elements as are asked for.
 */
export function topK<D extends 'float32' | 'int32'>(
  engine: Engine,
  source: Tensor<D>,
  options: TopKOptions,
): { readonly values: Tensor<D>; readonly places: Tensor<'int32'> } {
  const { axis, count, largest = true, lastFirst = false } = options;
  const { outer, length, inner } = splitAtAxis(source.shape, axis);
  if (count < 0 || count > length) {
    throw new ShapeMismatch(
      `${count} elements cannot be selected along axis ${axis} of [${source.shape}]; there are ${length}.`,
    );
  }
  const shape = source.shape.with(axis, count);
  const values = engine.empty(shape, source.dtype);
  const places = engine.empty(shape, 'int32');
  const rowCount = outer * inner;
  const cooperative = options.cooperative ?? sharesRows(engine, rowCount, length);
  for (const rows of workRuns(engine, rowCount, length * workPerElement, width)) {
    for (const { first, end, work } of workRuns(engine, count, rows.work, 1)) {
      engine.run(topKKernel, {
        uniforms: {
          length,
          inner,
          selected: count,
          flip: largest ? 0 : 0xffffffff,
          backwards: Number(lastFirst),
          firstRow: rows.first,
          endRow: rows.end,
          first,
          end,
        },
        bindings: { source, values, places },
        workgroups: cooperative ? rows.end - rows.first : Math.ceil((rows.end - rows.first) / width),
        work,
        variant: { conditions: { float: source.dtype === 'float32', cooperative }, constants: { WIDTH: width } },
      });
    }
  }
  return { values, places };
}
