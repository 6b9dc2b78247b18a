import { bytesOf, type DType } from '../base/dtype.ts';
import { LimitExceeded, ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape, splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type BorderMode, type StridedView, simplified, viewOf } from './view.ts';

const axisNumbers = [0, 1, 2, 3, 4, 5, 6, 7] as const;
type AxisField = 'size' | 'stride' | 'before' | 'length' | 'mode';
type AxisFields<Name extends AxisField, Type> = { readonly [Key in `${Name}${(typeof axisNumbers)[number]}`]: Type };

/** One value of each axis, innermost first, under the names of the shader. */
function perAxis<Name extends AxisField, Type>(name: Name, value: (axis: number) => Type): AxisFields<Name, Type> {
  return Object.fromEntries(axisNumbers.map((axis) => [`${name}${axis}`, value(axis)])) as AxisFields<Name, Type>;
}

const moveKernel = declareKernel({
  name: 'nn/move',
  uniforms: {
    count: 'u32',
    columnCount: 'u32',
    rowWords: 'u32',
    goalRowWords: 'u32',
    goalColumn: 'u32',
    goalOffset: 'u32',
    offset: 'i32',
    fill: 'u32',
    ...perAxis('size', () => 'u32' as const),
    ...perAxis('stride', () => 'i32' as const),
    ...perAxis('before', () => 'i32' as const),
    ...perAxis('length', () => 'i32' as const),
    ...perAxis('mode', () => 'u32' as const),
  },
  bindings: { source: 'read', goal: 'write' },
});

const modes: Readonly<Record<BorderMode, number>> = { constant: 0, edge: 1, reflect: 2, wrap: 3 };
const largestIndex = 2 ** 31 - 1;

/** The elements of a tensor as a view, in the units that `move` needs: 8-bit tensors have padded rows. */
export function viewOfTensor(tensor: Tensor): StridedView {
  return viewOf(tensor.shape, tensor.layout.rowBytes / bytesOf(tensor.dtype));
}

/** Rows of the goal that a dispatch writes: all of the tensor unless it is a part of a larger one. */
interface GoalRows {
  /** Elements of a row that are written, and where they begin. */
  readonly columnCount: number;
  readonly column: number;
  readonly rowWords: number;
  readonly offsetWords: number;
  readonly partial: boolean;
}

/** The bits of a number as an element of this type. */
function bitsOfElement(value: number, dtype: DType): number {
  if (dtype === 'float32') return new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  return bytesOf(dtype) === 1 ? value & 0xff : value >>> 0;
}

function recordMove(
  engine: Engine,
  source: Tensor,
  view: StridedView,
  goal: Tensor,
  bytes: boolean,
  rows: GoalRows,
): void {
  const axes = view.axes.toReversed();
  if (axes.length > axisNumbers.length) {
    throw new LimitExceeded(
      `A rearrangement along ${axes.length} axes is more than a kernel takes (${axisNumbers.length}); do it in two steps.`,
    );
  }
  const elements = elementCount(view.axes.map(({ size }) => size));
  if (elements > largestIndex || source.layout.size / (bytes ? 1 : 4) > largestIndex) {
    throw new LimitExceeded(
      `A tensor of shape [${source.shape}] or its rearrangement of ${elements} elements is larger than a kernel can index (${largestIndex}); process it in parts.`,
    );
  }
  if (elements === 0) return;
  const firstWord = Math.floor(rows.column / 4);
  const rowWords = !bytes
    ? rows.columnCount
    : rows.partial
      ? Math.ceil((rows.column + rows.columnCount) / 4) - firstWord
      : rows.rowWords;
  const count = (elements / rows.columnCount) * rowWords;
  engine.run(moveKernel, {
    uniforms: {
      count,
      columnCount: rows.columnCount,
      rowWords,
      goalRowWords: rows.rowWords,
      goalColumn: rows.column,
      goalOffset: rows.offsetWords,
      offset: view.offset,
      fill: bitsOfElement(view.fill, source.dtype),
      ...perAxis('size', (axis) => axes[axis]?.size ?? 1),
      ...perAxis('stride', (axis) => axes[axis]?.stride ?? 0),
      ...perAxis('before', (axis) => axes[axis]?.border?.before ?? 0),
      ...perAxis('length', (axis) => axes[axis]?.border?.length ?? axes[axis]?.size ?? 1),
      ...perAxis('mode', (axis) => modes[axes[axis]?.border?.mode ?? 'constant']),
    },
    bindings: { source, goal },
    workgroups: Math.ceil(count / 64),
    work: count * (bytes ? 160 : 40),
    variant: {
      conditions: {
        bytes,
        deep: axes.length > 4,
        bordered: axes.some(({ border }) => border),
        partial: rows.partial,
      },
    },
  });
}

/** A view of 8-bit rows that are moved as a whole, in words; undefined where rows are cut or filled. */
function inWords(source: Tensor, view: StridedView, shape: Shape): StridedView | undefined {
  const { columnCount, rowBytes } = source.layout;
  const last = view.axes.at(-1);
  const wholeRows =
    last?.size === columnCount && last.stride === 1 && !last.border && shape.at(-1) === columnCount && columnCount > 1;
  const others = view.axes.slice(0, -1);
  const fillsPadding = view.fill !== 0 && others.some(({ border }) => border?.mode === 'constant');
  const aligned = [view.offset, ...others.map(({ stride }) => stride)].every((step) => step % rowBytes === 0);
  if (!wholeRows || fillsPadding || !aligned) return undefined;
  return {
    offset: view.offset / 4,
    axes: [...others.map((axis) => ({ ...axis, stride: axis.stride / 4 })), { size: rowBytes / 4, stride: 1 }],
    fill: 0,
  };
}

/**
 * A new tensor of what a view shows of a tensor.
 * @param view made from `viewOfTensor(source)`; at most 8 axes, once those that run on in each other are joined.
 * @param shape of the result, with as many elements as the view, which are taken in row-major order.
 * @throws ShapeMismatch, LimitExceeded
 */
export function move<D extends DType>(engine: Engine, source: Tensor<D>, view: StridedView, shape: Shape): Tensor<D> {
  const sizes = view.axes.map(({ size }) => size);
  if (elementCount(sizes) !== elementCount(shape)) {
    throw new ShapeMismatch(`A view of shape [${sizes}] does not fill shape [${shape}]; use as many elements.`);
  }
  const goal = engine.empty(shape, source.dtype);
  const { columnCount, rowBytes } = goal.layout;
  const narrow = bytesOf(source.dtype) === 1;
  const words = narrow ? inWords(source, view, shape) : undefined;
  const bytes = narrow && !words;
  const rows = { columnCount, column: 0, rowWords: rowBytes / 4, offsetWords: 0, partial: false };
  const wordRows = { ...rows, columnCount: rowBytes / 4 };
  recordMove(engine, source, simplified(words ?? view), goal, bytes, bytes ? rows : wordRows);
  return goal;
}

/** The same elements under another shape: shares the memory, unless padded 8-bit rows are cut differently. */
export function reshape<D extends DType>(engine: Engine, source: Tensor<D>, shape: Shape): Tensor<D> {
  const sameRows = (shape.at(-1) ?? 1) === source.layout.columnCount;
  if (bytesOf(source.dtype) > 1 || sameRows) return source.reshape(shape);
  return move(engine, source, viewOfTensor(source), shape);
}

/**
 * Tensors one behind the other along an axis; their other axes are the same.
 * @param parts at least one.
 * @param axis counted from the front.
 */
export function concatenate<D extends DType>(engine: Engine, parts: readonly Tensor<D>[], axis: number): Tensor<D> {
  const [first] = parts;
  if (!first) throw new ShapeMismatch('There is nothing to concatenate; give at least one tensor.');
  const shape = first.shape.map((length, index) =>
    index === axis ? parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0) : length,
  );
  const goal = engine.empty(shape, first.dtype);
  const bytes = bytesOf(first.dtype) === 1 && axis === shape.length - 1;
  // Bytes are put into words that hold some of another part, or padding.
  if (bytes) engine.clear(goal.allocation);
  const { inner, outer } = splitAtAxis(shape, axis);
  const innerWords = bytes || inner === 0 ? inner : goal.layout.size / 4 / outer / (shape[axis] ?? 1);
  const rowWords = goal.layout.size / 4 / Math.max(outer, 1);
  let start = 0;
  for (const part of parts) {
    const length = part.shape[axis] ?? 0;
    if (part.size > 0 && bytes) {
      const rows = { columnCount: length, column: start, rowWords, offsetWords: 0, partial: true };
      recordMove(engine, part, simplified(viewOfTensor(part)), goal, true, rows);
    } else if (part.size > 0) {
      const columnCount = length * innerWords;
      const rows = { columnCount, column: 0, rowWords, offsetWords: start * innerWords, partial: true };
      recordMove(engine, part, viewOf([outer * columnCount]), goal, false, rows);
    }
    start += length;
  }
  return goal;
}
