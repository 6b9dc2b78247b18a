import { type Engine, matmul, perChannel, type QuantizedTensor, quantize, type Tensor } from '../../src/index.ts';

/** How the stored vectors are kept on the GPU. */
export type VectorFormat = 'float32' | 'int8' | 'int4';

export const vectorFormats: readonly VectorFormat[] = ['float32', 'int8', 'int4'];

/** Row vectors of unit length. */
export interface Vectors {
  readonly rowCount: number;
  readonly columnCount: number;
  /** [rowCount, columnCount], row-major. */
  readonly data: Float32Array;
}

function transposed({ rowCount, columnCount, data }: Vectors): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++) {
      result[column * rowCount + row] = data[row * columnCount + column] ?? 0;
    }
  }
  return result;
}

/**
 * Stored vectors on the GPU, to be compared with queries. Quantized ones have a scale each; queries are then quantized to
 * 8 bits on the GPU as they come, a scale each as well.
 */
export class VectorIndex {
  readonly format: VectorFormat;
  readonly columnCount: number;
  readonly #engine: Engine;
  readonly #stored: Tensor<'float32'> | QuantizedTensor;

  constructor(engine: Engine, vectors: Vectors, format: VectorFormat) {
    this.#engine = engine;
    this.format = format;
    this.columnCount = vectors.columnCount;
    const columns = engine.tensor(transposed(vectors), [vectors.columnCount, vectors.rowCount]);
    if (format === 'float32') {
      this.#stored = columns;
      return;
    }
    const bits = format === 'int8' ? 8 : 4;
    this.#stored = quantize(engine, columns, { bits, granularity: perChannel(1), layout: 'columns' });
    columns.dispose();
  }

  /** Bytes that the vectors and their scales take when stored. */
  get bytes(): number {
    const stored = this.#stored;
    return 'bits' in stored ? stored.bytes : stored.layout.size;
  }

  /**
   * The dot products of queries with all stored vectors.
   *
   * @param queries [count, columnCount], row-major
   * @returns [count, number of stored vectors], row-major
   */
  async similarities(queries: Float32Array): Promise<Float32Array> {
    const x = this.#engine.tensor(queries, [queries.length / this.columnCount, this.columnCount]);
    const y = matmul(this.#engine, x, this.#stored, { activations: { granularity: 'row', scheme: 'symmetric' } });
    try {
      return (await y.read()) as Float32Array;
    } finally {
      x.dispose();
      y.dispose();
    }
  }

  dispose(): void {
    this.#stored.dispose();
  }
}

/**
 * The best matches in a row of similarities, best first; equal ones in order of index.
 *
 * @param self index to leave out: the query's own
 */
export function bestMatches(similarities: ArrayLike<number>, self: number, count: number): number[] {
  const best: number[] = [];
  for (let index = 0; index < similarities.length; index++) {
    if (index === self) continue;
    const value = similarities[index] ?? 0;
    let position = best.length;
    while (position > 0 && (similarities[best[position - 1] ?? 0] ?? 0) < value) position--;
    if (position < count) {
      best.splice(position, 0, index);
      best.length = Math.min(best.length, count);
    }
  }
  return best;
}
