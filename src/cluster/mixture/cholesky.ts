/**
 * The lower triangular L with L Lᵀ = A (A.-L. Cholesky, 1910), or the first pivot that is not positive.
 * @param matrix A, row-major [size, size]; only its lower triangle is read
 */
export function choleskyFactor(
  matrix: Float64Array,
  size: number,
): { readonly factor: Float64Array<ArrayBuffer> } | { readonly index: number; readonly pivot: number } {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * size + column] as number;
      for (let k = 0; k < column; k++) {
        sum -= (factor[row * size + k] as number) * (factor[column * size + k] as number);
      }
      if (column < row) {
        factor[row * size + column] = sum / (factor[column * size + column] as number);
      } else if (sum > 0 && sum < Number.POSITIVE_INFINITY) {
        factor[row * size + row] = Math.sqrt(sum);
      } else {
        return { index: row, pivot: sum };
      }
    }
  }
  return { factor };
}

/** The inverse of a lower triangular matrix, which is one too. */
export function invertLower(lower: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const inverse = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const diagonal = lower[row * size + row] as number;
    // Row by row, so that all that is read lies in consecutive places.
    for (let k = 0; k < row; k++) {
      const factor = lower[row * size + k] as number;
      for (let column = 0; column <= k; column++) {
        const index = row * size + column;
        inverse[index] = (inverse[index] as number) - factor * (inverse[k * size + column] as number);
      }
    }
    for (let column = 0; column < row; column++) {
      inverse[row * size + column] = (inverse[row * size + column] as number) / diagonal;
    }
    inverse[row * size + row] = 1 / diagonal;
  }
  return inverse;
}
