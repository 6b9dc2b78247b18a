import { InvalidQuantization, LimitExceeded } from '../base/errors.ts';
import { elementCount } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type ActivationPlan, activate } from './activation.ts';
import type { ProductShape } from './batches.ts';
import type { CodeSource } from './codeSource.ts';
import { recordCombination } from './combine.ts';
import { type Groups, groupsOf } from './groups.ts';
import { type IntegerKernel, recordIntegerProduct } from './integerProduct.ts';
import { type Operand, type PreparedWeights, prepareLeft, prepareRight } from './operand.ts';
import { chooseInteger, integerKernelOf, type KernelChoice } from './select.ts';

/** A product of operands that are codes. */
export interface CodeProduct {
  readonly shape: ProductShape;
  readonly left: CodeSource;
  readonly right: CodeSource;
  /** What is kept of the right operand's forms; nothing where it is there for this product alone. */
  readonly prepared: PreparedWeights | undefined;
  /** [N], float32 for a scaled result, int32 for sums. */
  readonly bias?: Tensor<'float32'> | Tensor<'int32'>;
  /** A kernel in place of the one that `select` would take. */
  readonly kernel?: Omit<KernelChoice, 'reason'>;
}

/** K beyond which sums of products of these sizes may leave the range of i32. */
function safeDepth(left: Pick<CodeSource, 'magnitude'>, right: CodeSource): number {
  return Math.floor(0x7fffffff / Math.max(1, left.magnitude * right.magnitude));
}

/**
 * How K is cut for a scaled result: by the groups of the right operand's scales, or where 32 bits might not hold a sum.
 * @throws LimitExceeded for groups whose own sums may exceed 32 bits.
 */
export function scaledGroups(
  K: number,
  left: Pick<CodeSource, 'magnitude'>,
  right: CodeSource,
): { readonly groups: Groups; readonly splits: boolean } {
  const { groupSize } = right;
  const depthLimit = safeDepth(left, right);
  // Groups of a group-wise tensor are cut no further: no group of theirs is as long as the limit in practice.
  if (groupSize !== undefined && Math.min(groupSize, K) > depthLimit) {
    throw new LimitExceeded(
      `matmul: groups of ${groupSize} codes may exceed 32 bits in their sum; use groups of ${depthLimit} at most.`,
    );
  }
  const splits = groupSize === undefined && K > depthLimit;
  return { groups: groupsOf(K, splits ? Math.floor(depthLimit / 16) * 16 : groupSize), splits };
}

interface HeldProduct {
  readonly kernel: IntegerKernel;
  readonly operands: { readonly a: Operand; readonly b: Operand; readonly shape: ProductShape };
  release(): void;
}

function hold(engine: Engine, product: CodeProduct, groups: Groups): HeldProduct {
  const { shape, left, right, prepared } = product;
  const { M, N } = shape;
  const size = { M, N, batchCount: elementCount(shape.shape.slice(0, -2)) };
  const kernel = integerKernelOf(engine, product.kernel ?? chooseInteger(engine, size));
  const a = prepareLeft(engine, left, groups, !right.centred);
  const b = prepareRight(engine, prepared, right, groups, !left.centred);
  return {
    kernel,
    operands: { a: a.operand, b: b.operand, shape },
    release: () => {
      a.release();
      b.release();
    },
  };
}

/** Records the product with its scales, a bias and an activation. @throws LimitExceeded */
export function scaledProduct(engine: Engine, product: CodeProduct, plan: ActivationPlan): Tensor<'float32'> {
  const { shape, left, right, bias } = product;
  const { groups, splits } = scaledGroups(shape.K, left, right);
  const { kernel, operands, release } = hold(engine, product, groups);
  try {
    const y = engine.empty(shape.shape, 'float32');
    const finish = { lower: plan.lower, upper: plan.upper, ...(bias ? { bias } : {}) };
    if (splits) {
      recordCombination(engine, kernel, { ...operands, ...finish }, y);
    } else {
      recordIntegerProduct(engine, kernel, { ...operands, ...finish, scaled: true, y: y.allocation, yStart: 0 });
    }
    if (plan.smooth) activate(engine, y, plan.smooth);
    return y;
  } finally {
    release();
  }
}

/**
 * Records the exact sums Σ (x − zx)(w − zw), with a bias.
 * @throws LimitExceeded where they may exceed 32 bits, InvalidQuantization for a scale for each group of K.
 */
export function integerSums(engine: Engine, product: CodeProduct): Tensor<'int32'> {
  const { shape, left, right, bias } = product;
  const { K } = shape;
  const depthLimit = safeDepth(left, right);
  if (right.groupSize !== undefined) {
    throw new InvalidQuantization(
      'matmul: weights with a scale for each group of K have no integer product; use float32 output, or weights per tensor or channel.',
    );
  }
  if (K > depthLimit) {
    throw new LimitExceeded(
      `matmul: sums of ${K} products of up to ${left.magnitude} · ${right.magnitude} may exceed 32 bits; K may be ${depthLimit} at most for integer output with these operands. Use float32 output.`,
    );
  }
  const { kernel, operands, release } = hold(engine, product, groupsOf(K));
  try {
    const sums = engine.empty(shape.shape, 'int32');
    const finish = { lower: 0, upper: 0, scaled: false, ...(bias ? { bias } : {}) };
    recordIntegerProduct(engine, kernel, { ...operands, ...finish, y: sums.allocation, yStart: 0 });
    return sums;
  } finally {
    release();
  }
}
