import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type CodeSource, type ParameterStrides, sourceOfTensor } from './codeSource.ts';
import { scaledGroups } from './integerMatmul.ts';
import { PreparedWeights, prepareRight } from './operand.ts';

/** 8-bit codes on the CPU that are multiplied by many left operands. */
export interface WeightCodes {
  /** Row-major [..., K, N], or [..., N, K] if transposed. */
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  readonly transposed: boolean;
  /** int8 (true) or uint8 (false). */
  readonly signed: boolean;
  /** One for all, or one for each index of `strides`. */
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  readonly strides: ParameterStrides;
}

/**
 * A right operand in the form that the integer products read, with all that depends on it alone: signed bytes along K, and
 * the sums of columns.
 */
export class IntegerWeights {
  readonly source: CodeSource;
  readonly prepared = new PreparedWeights();
  readonly #tensors: readonly Tensor[];

  /** @param left what the CPU knows of the left operands: K is cut by it where 32 bits might not hold a sum. */
  constructor(engine: Engine, weights: WeightCodes, left: Pick<CodeSource, 'magnitude'>) {
    const { shape, strides, signed } = weights;
    const batches = shape.slice(0, -2);
    const [outer = 1, inner = 1] = shape.slice(-2);
    const [N, K] = weights.transposed ? [outer, inner] : [inner, outer];
    const shift = signed ? 0 : 128;
    const zeroPoints = weights.zeroPoints.map((zeroPoint) => zeroPoint - shift);
    const codes = engine.tensor(alongDepth(weights, elementCount(batches), N, K, shift), [...batches, N, K]);
    const scales = engine.tensor(Float32Array.from(weights.scales), [weights.scales.length]);
    const zeros = engine.tensor(Int32Array.from(zeroPoints), [zeroPoints.length]);
    this.#tensors = [codes, scales, zeros];
    this.source = sourceOfTensor(codes, { scales, zeroPoints: zeros, strides, known: zeroPoints });
    // The sums of columns, of the groups that products will ask for.
    if (K > 0)
      prepareRight(engine, this.prepared, this.source, scaledGroups(K, left, this.source).groups, true).release();
  }

  dispose(): void {
    this.prepared.dispose();
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

function alongDepth({ data, transposed }: WeightCodes, batchCount: number, N: number, K: number, shift: number) {
  const codes = new Int8Array(batchCount * N * K);
  for (let batch = 0; batch < batchCount; batch++) {
    for (let column = 0; column < N; column++) {
      const goal = (batch * N + column) * K;
      const start = transposed ? goal : batch * N * K + column;
      const step = transposed ? 1 : N;
      for (let k = 0; k < K; k++) codes[goal + k] = (data[start + k * step] ?? 0) - shift;
    }
  }
  return codes;
}
