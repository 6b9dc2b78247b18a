/** CPU references of the matrix products, for the benchmark: exact integers, and float64 with a stated bound. */
import { roundHalfToEven } from '../../base/rounding.ts';

/** Multiplications that a check may take: about a second of plain JavaScript. */
const checkBudget = 2 ** 27;

/** The operands of a product, row-major: x [M, K] and w [K, N]. */
export interface MatmulOperands {
  readonly M: number;
  readonly K: number;
  readonly N: number;
  readonly x: Float32Array<ArrayBuffer>;
  readonly w: Float32Array<ArrayBuffer>;
}

/** Compares some rows of a product, row-major [M, N], with a reference. Throws at the first element that is wrong. */
export type MatmulCheck = (product: Float32Array, rows: readonly number[]) => void;

/** How many rows a check can afford. */
export function affordableRows({ M, K, N }: MatmulOperands): number {
  return Math.min(M, Math.max(1, Math.floor(checkBudget / Math.max(1, K * N))));
}

/**
 * The float product: each element within (K + 4) · 2⁻²⁴ · ‖row of x‖ · ‖column of w‖ of the float64 one, which holds for
 * any order of the sums (N. Higham, "Accuracy and Stability of Numerical Algorithms", 3.1, with Cauchy and Schwarz).
 */
export function checkFloat(operands: MatmulOperands): MatmulCheck {
  const { K, N, x, w } = operands;
  const columnSquares = new Float64Array(N);
  w.forEach((value, index) => {
    columnSquares[index % N] = (columnSquares[index % N] ?? 0) + value * value;
  });
  return (product, rows) =>
    compare(product, rows, { ...operands, left: x, right: w }, (row) => {
      let rowSquare = 0;
      for (let index = row * K; index < (row + 1) * K; index++) rowSquare += (x[index] ?? 0) ** 2;
      return {
        scale: () => 1,
        tolerance: (column) => (K + 4) * 2 ** -24 * Math.sqrt(rowSquare * (columnSquares[column] ?? 0)) + 2 ** -120,
      };
    });
}

/**
 * The integer product with its scales: x quantized dynamically to 8 bits, w per column to `bits`, symmetric, both rounded
 * to nearest-even from a float32 division. Each element within 2⁻²² of its value: three float32 roundings (the integer,
 * the product of the scales, their product) stay below that, and below 2²¹ it leaves one integer only.
 */
export function checkInteger(operands: MatmulOperands, bits: number): MatmulCheck {
  const { x, w, N } = operands;
  const left = quantizeDynamically(x);
  const right = quantizeColumns(w, N, bits);
  return (product, rows) =>
    compare(product, rows, { ...operands, left: left.codes, right: right.codes }, () => ({
      scale: (column) => left.scale * (right.scales[column] ?? 0),
      tolerance: (_column, expected) => Math.abs(expected) * 2 ** -22 + 2 ** -120,
    }));
}

interface Comparison {
  readonly scale: (column: number) => number;
  readonly tolerance: (column: number, expected: number) => number;
}

function compare(
  product: Float32Array,
  rows: readonly number[],
  {
    M,
    K,
    N,
    left,
    right,
  }: Omit<MatmulOperands, 'x' | 'w'> & { readonly left: ArrayLike<number>; readonly right: Float32Array | Int8Array },
  comparisonOf: (row: number) => Comparison,
): void {
  if (product.length !== M * N) throw new Error(`The product is wrong: ${product.length} elements, not ${M} × ${N}.`);
  const sums = new Float64Array(N);
  for (const row of rows) {
    sums.fill(0);
    for (let inner = 0; inner < K; inner++) {
      const factor = left[row * K + inner] as number;
      const start = inner * N;
      for (let column = 0; column < N; column++) {
        sums[column] = (sums[column] as number) + factor * (right[start + column] as number);
      }
    }
    const { scale, tolerance } = comparisonOf(row);
    sums.forEach((sum, column) => {
      const expected = sum * scale(column);
      const actual = product[row * N + column] ?? Number.NaN;
      if (!(Math.abs(actual - expected) <= tolerance(column, expected))) {
        throw new Error(
          `The product is wrong: element [${row}, ${column}] is ${actual}; the reference is ${expected}, give or take ${tolerance(column, expected)}.`,
        );
      }
    });
  }
}

/** ONNX DynamicQuantizeLinear; the codes come without their zero point. */
function quantizeDynamically(values: Float32Array): { readonly codes: Int16Array; readonly scale: number } {
  let minimum = 0;
  let maximum = 0;
  for (const value of values) {
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
  }
  const scale = Math.fround(Math.fround(maximum - minimum) / 255) || 1;
  const zeroPoint = Math.min(255, roundHalfToEven(Math.fround(-minimum / scale)));
  const codes = Int16Array.from(values, (value) => {
    const code = roundHalfToEven(Math.fround(value / scale)) + zeroPoint;
    return Math.min(255, Math.max(0, code)) - zeroPoint;
  });
  return { codes, scale };
}

/** Symmetric, one scale a column. */
function quantizeColumns(
  values: Float32Array,
  columnCount: number,
  bits: number,
): { readonly codes: Int8Array; readonly scales: Float32Array } {
  const highest = 2 ** (bits - 1) - 1;
  const scales = new Float32Array(columnCount);
  values.forEach((value, index) => {
    const column = index % columnCount;
    scales[column] = Math.max(scales[column] ?? 0, Math.abs(value));
  });
  scales.forEach((largest, column) => {
    scales[column] = largest / highest || 1;
  });
  const codes = Int8Array.from(values, (value, index) => {
    const code = roundHalfToEven(Math.fround(value / (scales[index % columnCount] ?? 1)));
    return Math.min(highest, Math.max(-highest, code));
  });
  return { codes, scales };
}
