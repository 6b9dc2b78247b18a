/**
 * Rounding weights so that the outputs of their layer change least, instead of the weights themselves. With H = Σ xxᵀ of the
 * layer's inputs and d the error of a channel's weights, the squared error of its outputs is dᵀHd.
 */
import type { InputMoments } from './layerInputs.ts';
import { permuted, quadraticForm, upperFactorOfInverse } from './linearAlgebra.ts';
import type { RoundingMethod } from './options.ts';
import type { WeightGrid } from './roundedWeights.ts';
import { nearestCode, nearestCodes, parameterAt, valueOfCode } from './weightGrid.ts';
import type { WeightMatrix } from './weightMatrix.ts';

/** Share of its mean diagonal that is added to the diagonal of H. */
const damping = 0.01;
const sweeps = 20;

/** Second moments of the inputs of one group of channels, about their mean where the bias makes up for that. */
export function momentsOf({ columns, sums }: InputMoments, group: number, centred: boolean): Float64Array {
  const width = columns + 1;
  const start = group * width * width;
  const count = sums[start + width * width - 1] ?? 1;
  const mean = (column: number): number => (sums[start + columns * width + column] ?? 0) / count;
  const matrix = new Float64Array(columns * columns);
  for (let row = 0; row < columns; row++) {
    const rowMean = centred ? mean(row) : 0;
    for (let column = 0; column < columns; column++) {
      const moment = (sums[start + row * width + column] ?? 0) / count;
      matrix[row * columns + column] = moment - rowMean * mean(column);
    }
  }
  let trace = 0;
  for (let column = 0; column < columns; column++) trace += matrix[column * (columns + 1)] ?? 0;
  const added = (damping * trace) / Math.max(columns, 1) || 1;
  for (let column = 0; column < columns; column++) {
    matrix[column * (columns + 1)] = (matrix[column * (columns + 1)] ?? 0) + added;
  }
  return matrix;
}

/** Means of the inputs of one group of channels. */
export function meansOf({ columns, sums }: InputMoments, group: number): Float64Array {
  const width = columns + 1;
  const last = group * width * width + columns * width;
  const count = sums[last + columns] ?? 1;
  return Float64Array.from({ length: columns }, (_, column) => (sums[last + column] ?? 0) / count);
}

/** Codes of a weight matrix by a method that looks at the layer's inputs. */
export function roundedCodes(
  grid: WeightGrid,
  matrix: WeightMatrix,
  moments: InputMoments,
  method: Exclude<RoundingMethod, 'nearest' | 'adaround'>,
  centred: boolean,
): Int8Array {
  const { rows, columns } = matrix;
  const nearest = nearestCodes(grid, matrix);
  const codes = new Int8Array(rows * columns);
  const rowsOfGroup = rows / moments.groups;
  for (let group = 0; group < moments.groups; group++) {
    const hessian = momentsOf(moments, group, centred);
    const sequential = new SequentialRounding(hessian, columns);
    for (let row = group * rowsOfGroup; row < (group + 1) * rowsOfGroup; row++) {
      const weights = matrix.values.subarray(row * columns, (row + 1) * columns);
      let best = sequential.round(grid, row, weights);
      if (method === 'descent') {
        const starts = [best, nearest.subarray(row * columns, (row + 1) * columns)];
        const ends = starts.map((start) => descend(grid, row, weights, hessian, start));
        const [first = best, second = best] = ends.map(({ codes: end }) => end);
        best = (ends[1]?.error ?? 0) < (ends[0]?.error ?? 0) ? second : first;
      }
      codes.set(best, row * columns);
    }
  }
  return codes;
}

/** The inputs of one group of channels, made ready for `gptq`. */
class SequentialRounding {
  readonly #order: readonly number[];
  readonly #factor: Float64Array | undefined;

  constructor(hessian: Float64Array, size: number) {
    const diagonal = (column: number): number => hessian[column * size + column] ?? 0;
    this.#order = Array.from({ length: size }, (_, column) => column).sort((a, b) => diagonal(b) - diagonal(a));
    this.#factor = upperFactorOfInverse(permuted(hessian, this.#order), size);
  }

  round(grid: WeightGrid, row: number, weights: Float64Array): Int8Array {
    const size = weights.length;
    const factor = this.#factor;
    const rest = Float64Array.from(this.#order, (column) => weights[column] ?? 0);
    const codes = new Int8Array(size);
    this.#order.forEach((column, place) => {
      const parameter = parameterAt(grid, row, column);
      const wanted = rest[place] ?? 0;
      const code = nearestCode(grid, parameter, wanted);
      codes[column] = code;
      if (!factor) return;
      const start = place * size;
      const error = (wanted - valueOfCode(grid, parameter, code)) / (factor[start + place] ?? 1);
      for (let next = place + 1; next < size; next++) {
        rest[next] = (rest[next] ?? 0) - error * (factor[start + next] ?? 0);
      }
    });
    return codes;
  }
}

/** Moves codes by one step at a time while the error falls. */
function descend(
  grid: WeightGrid,
  row: number,
  weights: Float64Array,
  hessian: Float64Array,
  start: Int8Array,
): { readonly codes: Int8Array; readonly error: number } {
  const size = weights.length;
  const codes = start.slice();
  const errors = Float64Array.from(codes, (code, column) => {
    return valueOfCode(grid, parameterAt(grid, row, column), code) - (weights[column] ?? 0);
  });
  const gradient = new Float64Array(size);
  for (let column = 0; column < size; column++) {
    const error = errors[column] ?? 0;
    for (let other = 0; other < size; other++) {
      gradient[other] = (gradient[other] ?? 0) + error * (hessian[column * size + other] ?? 0);
    }
  }
  const unit = grid.sign ? 2 : 1;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let moved = false;
    for (let column = 0; column < size; column++) {
      const slope = gradient[column] ?? 0;
      const direction = slope > 0 ? -unit : unit;
      const code = (codes[column] ?? 0) + direction;
      if (code < grid.low || code > grid.high) continue;
      const step = direction * (grid.scales[parameterAt(grid, row, column)] ?? 1);
      if (!(2 * step * slope + step * step * (hessian[column * size + column] ?? 0) < 0)) continue;
      codes[column] = code;
      errors[column] = (errors[column] ?? 0) + step;
      for (let other = 0; other < size; other++) {
        gradient[other] = (gradient[other] ?? 0) + step * (hessian[column * size + other] ?? 0);
      }
      moved = true;
    }
    if (!moved) break;
  }
  return { codes, error: quadraticForm(hessian, errors) };
}
