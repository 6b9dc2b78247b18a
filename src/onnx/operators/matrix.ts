import { ShapeMismatch, UnsupportedOperator } from '../../base/errors.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import { type ProductShape, productShape } from '../../gemm/batches.ts';
import { matmul } from '../../gemm/matmul.ts';
import { chooseFloat } from '../../gemm/select.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, hostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { forEachBroadcast } from '../../nn/broadcast.ts';
import { binary, unary } from '../../nn/elementwise.ts';
import { hostInput } from './rearrange.ts';
import { recordTransposed } from './transposedMatrices.ts';
import { wrappedInteger } from './wrappedInteger.ts';

/** Integer products are there for shape arithmetic: those of quantized models have operators of their own. */
function assertFloat(context: NodeContext): void {
  const { elementType } = context.input(0);
  if (!isInteger(elementType)) return;
  throw new UnsupportedOperator(
    `${context.node.operator} node "${context.node.name}": products of ${elementType} are computed before a model runs only; use MatMulInteger for 8-bit operands, or cast to float32.`,
  );
}

function assertSameType(context: NodeContext): void {
  const [a, b] = [context.input(0).elementType, context.input(1).elementType];
  if (a !== b) context.fail(`it multiplies ${a} by ${b}`);
}

/** The shapes of a product. @throws MalformedModel where they do not fit. */
export function productOf(context: NodeContext, a: Shape, b: Shape): ProductShape {
  try {
    return productShape(a, b);
  } catch (error) {
    if (error instanceof ShapeMismatch) context.fail(error.message.replace(/\.$/, ''));
    throw error;
  }
}

function explainProduct(engine: Engine, { M, N, K, shape }: ProductShape): string {
  const { kernel, reason } = chooseFloat(engine, { M, N, batchCount: elementCount(shape.slice(0, -2)) });
  return `f32 product of [${M}, ${K}] and [${K}, ${N}] by the ${kernel} kernel (${reason})`;
}

/** Operands as matrices, and the result's shape: NumPy makes a vector on the left a row, on the right a column. */
export function matricesOf(
  context: NodeContext,
  rightInput = 1,
): { readonly a: Shape; readonly b: Shape; readonly shape: Shape } {
  const [left, right] = [context.input(0).shape, context.input(rightInput).shape];
  if (left.length === 0 || right.length === 0)
    context.fail(`it multiplies [${left}] by [${right}]; a scalar is no matrix`);
  const a = left.length === 1 ? [1, ...left] : left;
  const b = right.length === 1 ? [...right, 1] : right;
  const product = productOf(context, a, b).shape;
  const rows = left.length === 1 ? [] : product.slice(-2, -1);
  const columns = right.length === 1 ? [] : product.slice(-1);
  return { a, b, shape: [...product.slice(0, -2), ...rows, ...columns] };
}

/** Element (row, column) of a product for each batch of it, in float64, or exactly for integers. */
function multiplyOnHost(
  { elementType }: HostTensor,
  { M, N, K }: { readonly M: number; readonly N: number; readonly K: number },
  left: (row: number, k: number) => number,
  right: (k: number, column: number) => number,
  put: (place: number, value: number) => void,
): void {
  for (let row = 0; row < M; row++) {
    for (let column = 0; column < N; column++) {
      if (isInteger(elementType)) {
        let sum = 0n;
        for (let k = 0; k < K; k++) sum += BigInt(left(row, k)) * BigInt(right(k, column));
        put(row * N + column, wrappedInteger(sum, elementType));
      } else {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += left(row, k) * right(k, column);
        put(row * N + column, sum);
      }
    }
  }
}

/** Matrix products as in NumPy: leading axes are batches and broadcast. */
export const MatMul: Operator = {
  name: 'MatMul',
  domain: '',
  infer: (context) => {
    assertSameType(context);
    return [{ elementType: context.input(0).elementType, shape: matricesOf(context).shape }];
  },
  evaluate: (context, inputs) => {
    assertSameType(context);
    const [x, w] = [hostInput(context, inputs, 0), hostInput(context, inputs, 1)];
    const { a, b, shape } = matricesOf(context);
    const [M = 0, K = 0] = a.slice(-2);
    const N = b.at(-1) ?? 0;
    const values = new Float64Array(elementCount(shape));
    const batches = productOf(context, a, b).shape.slice(0, -2);
    forEachBroadcast(batches, [a.slice(0, -2), b.slice(0, -2)], ([aBatch = 0, bBatch = 0], batch) => {
      multiplyOnHost(
        x,
        { M, N, K },
        (row, k) => x.data[(aBatch * M + row) * K + k] ?? 0,
        (k, column) => w.data[(bBatch * K + k) * N + column] ?? 0,
        (place, value) => {
          values[batch * M * N + place] = value;
        },
      );
    });
    return [hostTensor(x.elementType, shape, values)];
  },
  record: ({ engine, context, tensor }) => {
    assertFloat(context);
    const { a, b, shape } = matricesOf(context);
    if (elementCount(shape) === 0) return [engine.empty(shape, 'float32')];
    using x = (tensor(0) as Tensor<'float32'>).reshape(a);
    using w = (tensor(1) as Tensor<'float32'>).reshape(b);
    using y = matmul(engine, x, w);
    return [y.reshape(shape)];
  },
  explain: (context, engine) => {
    const { a, b } = matricesOf(context);
    return explainProduct(engine, productOf(context, a, b));
  },
};

interface GemmNode {
  readonly product: ProductShape;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
  readonly beta: number;
}

function gemmOf(context: NodeContext): GemmNode {
  assertSameType(context);
  const [a, b] = [context.input(0).shape, context.input(1).shape];
  if (a.length !== 2 || b.length !== 2) context.fail(`it multiplies [${a}] by [${b}], but both must be matrices`);
  const transposeA = context.number('transA', 0) !== 0;
  const transposeB = context.number('transB', 0) !== 0;
  const oriented = (shape: Shape, isTransposed: boolean): Shape => (isTransposed ? shape.toReversed() : shape);
  const product = productOf(context, oriented(a, transposeA), oriented(b, transposeB));
  const added = context.optionalInput(2)?.shape ?? [];
  const fits =
    added.length <= 2 &&
    added.every((length, axis) => {
      return length === 1 || length === product.shape[axis + 2 - added.length];
    });
  if (!fits) context.fail(`input 2 has shape [${added}], which is not broadcast to [${product.shape}]`);
  return { product, transposeA, transposeB, alpha: context.number('alpha', 1), beta: context.number('beta', 1) };
}

/** What is added to a product, times beta; undefined for nothing. */
function recordAddend(
  record: RecordContext,
  beta: number,
): { readonly tensor: Tensor<'float32'>; release(): void } | undefined {
  const { engine, optionalTensor } = record;
  const given = optionalTensor(2) as Tensor<'float32'> | undefined;
  if (!given || beta === 0) return undefined;
  if (beta === 1) return { tensor: given, release: () => undefined };
  const tensor = unary(engine, 'linear', given, { alpha: beta }) as Tensor<'float32'>;
  return { tensor, release: () => tensor.dispose() };
}

/** alpha · A · B + beta · C, where A and B may be transposed and C is broadcast. */
export const Gemm: Operator = {
  name: 'Gemm',
  domain: '',
  infer: (context) => [{ elementType: context.input(0).elementType, shape: gemmOf(context).product.shape }],
  evaluate: (context, inputs) => {
    const [a, b] = [hostInput(context, inputs, 0), hostInput(context, inputs, 1)];
    const { product, transposeA, transposeB, alpha, beta } = gemmOf(context);
    const { M, N, K, shape } = product;
    const values = new Float64Array(M * N);
    multiplyOnHost(
      a,
      product,
      (row, k) => a.data[transposeA ? k * M + row : row * K + k] ?? 0,
      (k, column) => b.data[transposeB ? column * K + k : k * N + column] ?? 0,
      (place, value) => {
        values[place] = alpha * value;
      },
    );
    const c = inputs[2];
    if (c && beta !== 0) {
      forEachBroadcast(shape, [c.shape], ([place = 0], index) => {
        values[index] = (values[index] ?? 0) + beta * (c.data[place] ?? 0);
      });
    }
    return [hostTensor(a.elementType, shape, isInteger(a.elementType) ? values.map(Math.trunc) : values)];
  },
  record: (record) => {
    const { engine, context, tensor } = record;
    assertFloat(context);
    const { product, transposeA, transposeB, alpha, beta } = gemmOf(context);
    const { N, shape } = product;
    if (elementCount(shape) === 0) return [engine.empty(shape, 'float32')];
    const as = (index: number) => ({ tensor: tensor(index) as Tensor<'float32'>, release: () => undefined });
    const a = transposeA ? recordTransposed(record, 0) : as(0);
    const b = transposeB ? recordTransposed(record, 1) : as(1);
    const c = recordAddend(record, beta);
    const isRow = c?.tensor.size === N && (c.tensor.shape.at(-1) ?? 1) === N;
    const bias = alpha === 1 && isRow ? c?.tensor.reshape([N]) : undefined;
    let y = matmul(engine, a.tensor, b.tensor, bias ? { bias } : {});
    if (alpha !== 1) y = replaced(y, unary(engine, 'linear', y, { alpha }));
    if (c && !bias) y = replaced(y, binary(engine, 'add', y, c.tensor));
    bias?.dispose();
    for (const operand of [a, b, c]) operand?.release();
    return [y];
  },
  explain: (context, engine) => explainProduct(engine, gemmOf(context).product),
};

/** The later tensor, in place of the one that it was made from. */
function replaced(former: Tensor, later: Tensor): Tensor<'float32'> {
  former.dispose();
  return later as Tensor<'float32'>;
}

/** The family of matrix products. */
export const matrixOperators: readonly Operator[] = [MatMul, Gemm];
