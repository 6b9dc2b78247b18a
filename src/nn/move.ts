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

/** Where the rows of a view are written: all of the goal unless they are parts of longer rows. */
interface GoalRows {
  /** Elements of a row. */
  readonly columnCount: number;
  /** Place of their first in a row of the goal. */
  readonly column: number;
  /** Words from one row of the goal to the next. */
  readonly rowWords: number;
  /** Whether the rest of the rows is kept. */
  readonly partial: boolean;
}

/** The bits of a number as an element of this type. */
function bitsOfElement(value: number, dtype: DType): number {
  if (dtype === 'float32') return new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  return bytesOf(dtype) === 1 ? value & 0xff : value >>> 0;
}

interface MoveJob {
  readonly source: Tensor;
  readonly goal: Tensor;
  readonly view: StridedView;
  /** Whether elements are bytes; words otherwise, which may hold 4 bytes each. */
  readonly bytes: boolean;
  readonly rows: GoalRows;
  readonly group: number;
}

/** Elements that an invocation copies: SwiftShader divides slowly, GPUs want neighbours to write neighbours. */
function groupOf(engine: Engine): number {
  return engine.info.software ? 8 : 1;
}

function recordMove(engine: Engine, job: MoveJob): void {
  const { source, goal, view, bytes, rows } = job;
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
  const { columnCount, column, partial } = rows;
  const byteRowWords = partial ? Math.ceil((column + columnCount) / 4) - Math.floor(column / 4) : rows.rowWords;
  const length = axes[0]?.size ?? 1;
  const group = length < job.group ? (length === 2 ? 2 : 1) : job.group;
  const count = bytes ? (elements / columnCount) * byteRowWords : (elements / length) * Math.ceil(length / group);
  engine.run(moveKernel, {
    uniforms: {
      count,
      columnCount,
      rowWords: byteRowWords,
      // Rows along the first axis follow one another, unless they are those of a longer goal.
      goalRowWords: bytes || partial ? rows.rowWords : length,
      goalColumn: column,
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
    work: count * (bytes ? 100 : 20 + 10 * group),
    variant: {
      conditions: {
        bytes,
        shallow: axes.length <= 2,
        deep: axes.length > 4,
        bordered: axes.some(({ border }) => border),
        byRow: bytes && length === columnCount,
        partial: bytes && partial,
      },
      constants: { GROUP: bytes ? 1 : group },
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
 * @param group consecutive 32-bit elements that an invocation copies; chosen by the adapter unless given.
 * @throws ShapeMismatch, LimitExceeded
 */
export function move<D extends DType>(
  engine: Engine,
  source: Tensor<D>,
  view: StridedView,
  shape: Shape,
  group = groupOf(engine),
): Tensor<D> {
  const sizes = view.axes.map(({ size }) => size);
  if (elementCount(sizes) !== elementCount(shape)) {
    throw new ShapeMismatch(`A view of shape [${sizes}] does not fill shape [${shape}]; use as many elements.`);
  }
  const goal = engine.empty(shape, source.dtype);
  const { columnCount, rowBytes } = goal.layout;
  const isNarrow = bytesOf(source.dtype) === 1;
  const words = isNarrow ? inWords(source, view, shape) : undefined;
  const rows = { columnCount, column: 0, rowWords: rowBytes / 4, partial: false };
  recordMove(engine, { source, goal, view: simplified(words ?? view), bytes: isNarrow && !words, rows, group });
  return goal;
}

/** What a view shows of a tensor: shares the memory where that is all of it as it lies there, else moves it. */
export function show<D extends DType>(engine: Engine, source: Tensor<D>, view: StridedView, shape: Shape): Tensor<D> {
  return showsAll(source, view, shape) ? source.reshape(shape) : move(engine, source, view, shape);
}

/** Whether a view shows all of a tensor as it lies in memory, so that it is the tensor under another shape. */
export function showsAll(source: Tensor, view: StridedView, shape: Shape): boolean {
  const sameRows = bytesOf(source.dtype) > 1 || (shape.at(-1) ?? 1) === source.layout.columnCount;
  const [shown, all] = [simplified(view), simplified(viewOfTensor(source))];
  const sameAxes =
    shown.axes.length === all.axes.length &&
    shown.axes.every(({ size, stride, border }, axis) => {
      const other = all.axes[axis];
      return !border && size === other?.size && stride === other.stride;
    });
  return sameRows && sameAxes && shown.offset === 0;
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
  const inWords = bytes && parts.every((part) => (part.shape[axis] ?? 0) % 4 === 0);
  // Bytes are put into words that hold some of another part, and rows end with padding.
  if (bytes) engine.clear(goal.allocation);
  const { outer } = splitAtAxis(shape, axis);
  const rowWords = goal.layout.size / 4 / Math.max(outer, 1);
  const group = groupOf(engine);
  let start = 0;
  for (const part of parts) {
    const length = part.shape[axis] ?? 0;
    if (part.size > 0 && inWords) {
      const rows = { columnCount: length / 4, column: start / 4, rowWords, partial: true };
      const view = viewOf([outer, length / 4], part.layout.rowBytes / 4);
      recordMove(engine, { source: part, goal, view, bytes: false, rows, group });
      start += length;
    } else if (part.size > 0 && bytes) {
      const rows = { columnCount: length, column: start, rowWords, partial: true };
      recordMove(engine, { source: part, goal, view: simplified(viewOfTensor(part)), bytes, rows, group });
      start += length;
    } else if (part.size > 0) {
      // A row of a part is everything from the axis on.
      const columnCount = part.layout.size / 4 / outer;
      const rows = { columnCount, column: start, rowWords, partial: true };
      recordMove(engine, { source: part, goal, view: viewOf([outer, columnCount]), bytes, rows, group });
      start += columnCount;
    }
  }
  return goal;
}
