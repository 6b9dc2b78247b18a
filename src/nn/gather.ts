import { bytesOf, type DType } from '../base/dtype.ts';
import { InvalidInput, ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape, splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { narrow, widen } from '../quant/convert.ts';
import { move, viewOfTensor } from './move.ts';
import { sliced } from './view.ts';

const gatherKernel = declareKernel({
  name: 'nn/gather',
  uniforms: {
    count: 'u32',
    length: 'u32',
    inner: 'u32',
    indexCount: 'u32',
    outerStep: 'u32',
    indexStep: 'u32',
    innerStep: 'u32',
  },
  bindings: { source: 'read', indices: 'read', goal: 'write', fault: 'write' },
});

/** Which index an element of the goal takes, in steps through the indices. */
interface IndexSteps {
  readonly outerStep: number;
  readonly indexStep: number;
  readonly innerStep: number;
}

interface GatherJob<D extends DType> {
  readonly source: Tensor<D>;
  readonly indices: Tensor<'int32'>;
  readonly axis: number;
  /** Words of a slice, where rows of bytes are taken as a whole; elements unless given. */
  readonly innerWords?: number;
  readonly indexCount: number;
  readonly steps: IndexSteps;
  readonly shape: Shape;
}

function recordGather<D extends DType>(engine: Engine, job: GatherJob<D>): Tensor<D> {
  const { source, indices, axis, indexCount, steps, shape } = job;
  const { outer, length, inner } = splitAtAxis(source.shape, axis);
  const innerWords = job.innerWords ?? inner;
  const goal = engine.empty(shape, source.dtype);
  const count = outer * indexCount * innerWords;
  const fault = engine.fault(
    (place) =>
      new InvalidInput(
        `Index ${place} (in row-major order) of a gather is outside of axis ${axis} of shape [${source.shape}]; indices are from ${-length} to ${length - 1}.`,
      ),
  );
  engine.run(gatherKernel, {
    uniforms: { count, length, inner: innerWords, indexCount, ...steps },
    bindings: { source, indices, goal, fault },
    workgroups: Math.ceil(count / 64),
    work: count * 40,
  });
  fault.release();
  return goal;
}

/** Does something with 32-bit elements to a tensor of 8-bit ones. */
function widened<D extends DType>(
  engine: Engine,
  source: Tensor<D>,
  work: (wide: Tensor<'int32'>) => Tensor<'int32'>,
): Tensor<D> {
  using wide = widen(engine, source as Tensor<DType> as Tensor<'int8' | 'uint8'>);
  using result = work(wide);
  return narrow(engine, result, source.dtype as 'int8' | 'uint8') as Tensor<DType> as Tensor<D>;
}

/**
 * The slices of a tensor at the given indices along an axis: the axis becomes the axes of the indices.
 * @param indices of any shape, from −length to length − 1: negative ones count from the back. With others, reading the
 * result, or anything computed from it, rejects with `InvalidInput`.
 * @param axis counted from the front.
 */
export function gather<D extends DType>(
  engine: Engine,
  source: Tensor<D>,
  indices: Tensor<'int32'>,
  axis: number,
): Tensor<D> {
  const bytes = bytesOf(source.dtype) === 1;
  if (bytes && axis === source.shape.length - 1) {
    return widened(engine, source, (wide) => gather(engine, wide, indices, axis));
  }
  const { outer, length } = splitAtAxis(source.shape, axis);
  const shape = [...source.shape.slice(0, axis), ...indices.shape, ...source.shape.slice(axis + 1)];
  return recordGather(engine, {
    source,
    indices,
    axis,
    ...(bytes && { innerWords: source.layout.size / 4 / Math.max(outer * length, 1) }),
    indexCount: indices.size,
    steps: { outerStep: 0, indexStep: 1, innerStep: 0 },
    shape,
  });
}

/**
 * One element for each index, from the same place but for its coordinate along the axis, which is the index.
 * @param indices of the rank of the source, no longer than it along the other axes; values as for `gather`.
 * @throws ShapeMismatch
 */
export function gatherElements<D extends DType>(
  engine: Engine,
  source: Tensor<D>,
  indices: Tensor<'int32'>,
  axis: number,
): Tensor<D> {
  const { shape } = indices;
  const fits =
    shape.length === source.shape.length &&
    shape.every((length, other) => other === axis || length <= (source.shape[other] ?? 0));
  if (!fits) {
    throw new ShapeMismatch(
      `Indices of shape [${shape}] do not lie over [${source.shape}]; save for axis ${axis} they must not be longer.`,
    );
  }
  if (bytesOf(source.dtype) === 1) {
    return widened(engine, source, (wide) => gatherElements(engine, wide, indices, axis));
  }
  const cut = shape.some((length, other) => other !== axis && length < (source.shape[other] ?? 0));
  if (cut) {
    let view = viewOfTensor(source);
    shape.forEach((length, other) => {
      if (other !== axis) view = sliced(view, other, 0, length);
    });
    using part = move(engine, source, view, shape.with(axis, source.shape[axis] ?? 0));
    return gatherElements(engine, part, indices, axis);
  }
  const inner = elementCount(shape.slice(axis + 1));
  const indexCount = shape[axis] ?? 0;
  const steps = { outerStep: indexCount * inner, indexStep: inner, innerStep: 1 };
  return recordGather(engine, { source, indices, axis, indexCount, steps, shape });
}
