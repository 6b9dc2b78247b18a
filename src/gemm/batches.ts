import { ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';

/** Consecutive matrices of a batched result whose operands step evenly through their batches. */
export interface BatchRun {
  /** Index of the first matrix of the result, and how many there are. */
  readonly first: number;
  readonly count: number;
  readonly aFirst: number;
  readonly aStep: number;
  readonly bFirst: number;
  readonly bStep: number;
}

/** The shapes of a product: y [..., M, N] = x [..., M, K] · w [..., K, N]. */
export interface ProductShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Matrices in x and in w. */
  readonly aBatches: number;
  readonly bBatches: number;
  readonly shape: Shape;
  readonly runs: readonly BatchRun[];
}

function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const fromA = a[axis - rank + a.length] ?? 1;
    const fromB = b[axis - rank + b.length] ?? 1;
    if (fromA !== fromB && fromA !== 1 && fromB !== 1) return undefined;
    shape.push(fromA === 1 ? fromB : fromA);
  }
  return shape;
}

/** The index in `source`, which broadcasts to `shape`, of the matrix with this index in `shape`. */
function sourceIndex(index: number, shape: Shape, source: Shape): number {
  let rest = index;
  let result = 0;
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] ?? 1;
    const own = source[axis - shape.length + source.length] ?? 1;
    if (own !== 1) result += (rest % length) * step;
    step *= own;
    rest = Math.floor(rest / length);
  }
  return result;
}

function runsOf(shape: Shape, a: Shape, b: Shape): BatchRun[] {
  const runs: BatchRun[] = [];
  for (let index = 0; index < elementCount(shape); index++) {
    const aIndex = sourceIndex(index, shape, a);
    const bIndex = sourceIndex(index, shape, b);
    const last = runs.at(-1);
    const aStep = last ? aIndex - last.aFirst - (last.count - 1) * last.aStep : 0;
    const bStep = last ? bIndex - last.bFirst - (last.count - 1) * last.bStep : 0;
    if (last?.count === 1 && aStep >= 0 && bStep >= 0) {
      runs[runs.length - 1] = { ...last, count: 2, aStep, bStep };
    } else if (last && last.count > 1 && aStep === last.aStep && bStep === last.bStep) {
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    } else {
      runs.push({ first: index, count: 1, aFirst: aIndex, aStep: 0, bFirst: bIndex, bStep: 0 });
    }
  }
  return runs;
}

/**
 * The shapes of x · w. Leading axes are batches and broadcast as in NumPy; where w has a single matrix, the batches of
 * x are further rows of one product.
 * @throws ShapeMismatch
 */
export function productShape(x: Shape, w: Shape): ProductShape {
  const [M, K] = x.slice(-2);
  const [depth, N] = w.slice(-2);
  if (M === undefined || K === undefined || depth === undefined || N === undefined) {
    throw new ShapeMismatch(
      `matmul: [${x}] · [${w}] is not a product of matrices; both operands need at least two axes (reshape a vector to one row or column).`,
    );
  }
  if (K !== depth) {
    throw new ShapeMismatch(
      `matmul: the shapes [${x}] and [${w}] do not fit: the last axis of the first has length ${K}, the last but one of the second ${depth}; they must be equal.`,
    );
  }
  const a = x.slice(0, -2);
  const b = w.slice(0, -2);
  const batches = broadcast(a, b);
  if (!batches) {
    throw new ShapeMismatch(
      `matmul: the leading axes [${a}] and [${b}] of [${x}] and [${w}] cannot be broadcast: axes must be equal in length, or 1.`,
    );
  }
  const shape = [...batches, M, N];
  const aBatches = elementCount(a);
  const bBatches = elementCount(b);
  if (bBatches === 1) {
    const run = { first: 0, count: 1, aFirst: 0, aStep: 0, bFirst: 0, bStep: 0 };
    return { M: M * aBatches, N, K, aBatches: 1, bBatches: 1, shape, runs: [run] };
  }
  return { M, N, K, aBatches, bBatches, shape, runs: runsOf(batches, a, b) };
}
