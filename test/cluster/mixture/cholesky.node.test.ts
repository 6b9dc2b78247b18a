import { expect, test } from 'vitest';
import { choleskyFactor, invertLower } from '../../../src/cluster/mixture/cholesky.ts';
import { createRandom } from '../../reference/random.ts';

function product(a: Float64Array, b: Float64Array, size: number): number[] {
  return Array.from({ length: size * size }, (_, index) => {
    const [row, column] = [Math.floor(index / size), index % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += (a[row * size + k] as number) * (b[k * size + column] as number);
    return sum;
  });
}

function transposed(matrix: Float64Array, size: number): Float64Array {
  return matrix.map((_, index) => matrix[(index % size) * size + Math.floor(index / size)] as number);
}

test.each([1, 2, 5, 17])('the factor of %i columns gives the matrix back, its inverse the identity', (size) => {
  const random = createRandom(size);
  const lower = Float64Array.from({ length: size * size }, (_, index) => {
    const [row, column] = [Math.floor(index / size), index % size];
    return column > row ? 0 : column === row ? 0.5 + random.uniform() : random.normal();
  });
  const matrix = Float64Array.from(product(lower, transposed(lower, size), size));
  const result = choleskyFactor(matrix, size);
  if (!('factor' in result)) throw new Error('The matrix is positive definite.');
  for (const [index, value] of lower.entries()) expect(result.factor[index]).toBeCloseTo(value, 6);
  for (const [index, value] of product(invertLower(lower, size), lower, size).entries()) {
    expect(value).toBeCloseTo(index % (size + 1) === 0 ? 1 : 0, 6);
  }
});

test.each([
  { matrix: [1, 2, 2, 4], index: 1, pivot: 0 },
  { matrix: [1, 3, 3, 4], index: 1, pivot: -5 },
  { matrix: [-1, 0, 0, 4], index: 0, pivot: -1 },
  { matrix: [Number.POSITIVE_INFINITY, 0, 0, 4], index: 0, pivot: Number.POSITIVE_INFINITY },
  { matrix: [1, Number.NaN, Number.NaN, 4], index: 1, pivot: Number.NaN },
])('$matrix has no factor: pivot $index is $pivot', ({ matrix, index, pivot }) => {
  expect(choleskyFactor(Float64Array.from(matrix), 2)).toEqual({ index, pivot });
});
