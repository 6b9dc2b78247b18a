/** Symmetric matrices in float64, row-major. */

/** Rows and columns of a symmetric matrix in another order. */
export function permuted(matrix: Float64Array, order: readonly number[]): Float64Array {
  const size = order.length;
  const goal = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const start = (order[row] ?? 0) * size;
    for (let column = 0; column < size; column++) goal[row * size + column] = matrix[start + (order[column] ?? 0)] ?? 0;
  }
  return goal;
}

/**
 * The upper triangular U with UᵀU = A⁻¹ of a positive definite A: with A = RRᵀ, R upper triangular, it is R⁻¹.
 * Undefined where A is not positive definite. Takes about 2/3·n³ operations.
 */
export function upperFactorOfInverse(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let column = size - 1; column >= 0; column--) {
    const columnStart = column * size;
    let rest = matrix[columnStart + column] ?? 0;
    for (let k = column + 1; k < size; k++) rest -= (factor[columnStart + k] ?? 0) ** 2;
    if (!(rest > 0)) return undefined;
    const diagonal = Math.sqrt(rest);
    factor[columnStart + column] = diagonal;
    for (let row = 0; row < column; row++) {
      const rowStart = row * size;
      let sum = matrix[rowStart + column] ?? 0;
      for (let k = column + 1; k < size; k++) sum -= (factor[rowStart + k] ?? 0) * (factor[columnStart + k] ?? 0);
      factor[rowStart + column] = sum / diagonal;
    }
  }
  const inverse = new Float64Array(size * size);
  for (let row = size - 1; row >= 0; row--) {
    const rowStart = row * size;
    const diagonal = factor[rowStart + row] ?? 1;
    inverse[rowStart + row] = 1 / diagonal;
    for (let k = row + 1; k < size; k++) {
      const scale = (factor[rowStart + k] ?? 0) / diagonal;
      const from = k * size;
      for (let column = k; column < size; column++) {
        inverse[rowStart + column] = (inverse[rowStart + column] ?? 0) - scale * (inverse[from + column] ?? 0);
      }
    }
  }
  return inverse;
}

/** The quadratic form vᵀAv. */
export function quadraticForm(matrix: Float64Array, vector: ArrayLike<number>): number {
  const size = vector.length;
  let total = 0;
  for (let row = 0; row < size; row++) {
    const value = vector[row] ?? 0;
    if (value === 0) continue;
    let sum = 0;
    for (let column = 0; column < size; column++) sum += (matrix[row * size + column] ?? 0) * (vector[column] ?? 0);
    total += value * sum;
  }
  return total;
}
