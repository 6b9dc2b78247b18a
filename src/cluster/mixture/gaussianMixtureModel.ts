import { InvalidInput } from '../../base/errors.ts';
import { choleskyFactor, invertLower } from './cholesky.ts';
import { momentLayoutOf, type PackedComponents } from './gaussianMixtureLayout.ts';

/**
 * What covariances a mixture has: `full`, a matrix for each component; `tied`, one matrix for all; `diag`, a variance for
 * each component and column; `spherical`, a variance for each component.
 */
export type CovarianceType = 'full' | 'tied' | 'diag' | 'spherical';

export const covarianceTypes: readonly CovarianceType[] = ['full', 'tied', 'diag', 'spherical'];

/** The size of a mixture and what is added to its variances. */
export interface MixtureShape {
  readonly componentCount: number;
  readonly columnCount: number;
  readonly covarianceType: CovarianceType;
  readonly regularization: number;
}

/** The parameters of a mixture, in the units of the points. */
export interface MixtureParameters {
  /** [components], of sum 1. */
  readonly weights: Float64Array<ArrayBuffer>;
  /** [components, columns], relative to the centre of the frame. */
  readonly means: Float64Array<ArrayBuffer>;
  /** [components, columns, columns], [columns, columns], [components, columns] or [components], by type. */
  readonly covariances: Float64Array<ArrayBuffer>;
}

/** Parameters whose covariances have been inverted. */
export interface MixtureModel extends MixtureShape, MixtureParameters {
  /** Lower triangular Cholesky factors of the covariances; for the diagonal types standard deviations, as covariances. */
  readonly deviations: Float64Array<ArrayBuffer>;
  /** Their inverses. */
  readonly precisions: Float64Array<ArrayBuffer>;
  /** Logarithm of the determinant of each inverse: one, or one a component. */
  readonly logDeterminants: Float64Array<ArrayBuffer>;
}

/** Shift², as a multiple of the variance, from which float32 moments about the old mean are too coarse. */
const largestShift = 256;
/** Added to each component's number of points, as scikit-learn does: it keeps one without points finite. */
const leastCount = 10 * Number.EPSILON;
/** Largest entry of an inverse in the frame that leaves room for squares in float32. */
const largestPrecision = 1e15;

/** Whether moments and factors are matrices. */
export function hasMatrices(type: CovarianceType): boolean {
  return type === 'full' || type === 'tied';
}

/** Numbers in the covariances of a mixture. */
export function covarianceLength({ componentCount, columnCount, covarianceType }: MixtureShape): number {
  const matrix = columnCount * columnCount;
  const lengths = { full: componentCount * matrix, tied: matrix, diag: componentCount * columnCount };
  return covarianceType === 'spherical' ? componentCount : lengths[covarianceType];
}

/** Free parameters of a mixture: what the information criteria count. */
export function parameterCountOf({ componentCount, columnCount, covarianceType }: MixtureShape): number {
  const matrix = (columnCount * (columnCount + 1)) / 2;
  const lengths = { full: componentCount * matrix, tied: matrix, diag: componentCount * columnCount };
  const covariances = covarianceType === 'spherical' ? componentCount : lengths[covarianceType];
  return covariances + componentCount * columnCount + componentCount - 1;
}

/** Covariances of a component or of all: matrices of `size` × `size`, or `size` variances. */
function invertMatrices(covariances: Float64Array, size: number, describe: (matrix: number) => string) {
  const count = covariances.length / size ** 2;
  const deviations = new Float64Array(covariances.length);
  const precisions = new Float64Array(covariances.length);
  const logDeterminants = new Float64Array(count);
  for (let matrix = 0; matrix < count; matrix++) {
    const start = matrix * size ** 2;
    const result = choleskyFactor(covariances.subarray(start, start + size ** 2), size);
    if ('pivot' in result) {
      throw new InvalidInput(
        `${describe(matrix)} is not positive definite (pivot ${result.index} of its Cholesky factor is ${result.pivot}).`,
      );
    }
    const inverse = invertLower(result.factor, size);
    deviations.set(result.factor, start);
    precisions.set(inverse, start);
    let sum = 0;
    for (let column = 0; column < size; column++) sum += Math.log(inverse[column * size + column] as number);
    logDeterminants[matrix] = sum;
  }
  return { deviations, precisions, logDeterminants };
}

function invertVariances(
  variances: Float64Array,
  { componentCount, columnCount, covarianceType }: MixtureShape,
  describe: (component: number) => string,
) {
  const size = variances.length / componentCount;
  const wrong = variances.findIndex((variance) => !(variance > 0 && variance < Number.POSITIVE_INFINITY));
  if (wrong >= 0) {
    const column = covarianceType === 'diag' ? ` (of column ${wrong % size})` : '';
    throw new InvalidInput(`${describe(Math.floor(wrong / size))}${column} is ${variances[wrong]}, not above 0.`);
  }
  const deviations = variances.map(Math.sqrt);
  const precisions = deviations.map((deviation) => 1 / deviation);
  const logDeterminants = new Float64Array(componentCount);
  precisions.forEach((precision, index) => {
    const component = Math.floor(index / size);
    logDeterminants[component] = (logDeterminants[component] as number) + Math.log(precision) * (columnCount / size);
  });
  return { deviations, precisions, logDeterminants };
}

/**
 * Inverts the covariances.
 * @throws InvalidInput for a covariance that is not positive definite
 */
export function mixtureModel(shape: MixtureShape, parameters: MixtureParameters): MixtureModel {
  const { covarianceType, columnCount, componentCount, regularization } = shape;
  const describe = (component: number) =>
    `GaussianMixture: the covariance of ${covarianceType === 'tied' ? 'all components' : `component ${component}`}`;
  try {
    const { covariances } = parameters;
    const inverted = hasMatrices(covarianceType)
      ? invertMatrices(covariances, columnCount, describe)
      : invertVariances(covariances, shape, describe);
    return { ...shape, ...parameters, ...inverted };
  } catch (cause) {
    if (!(cause instanceof InvalidInput)) throw cause;
    throw new InvalidInput(`${cause.message} ${remedy(regularization, componentCount)}`, { cause });
  }
}

function remedy(regularization: number, componentCount: number): string {
  return `Raise regularization, which is ${regularization}, ask for fewer components than ${componentCount}, or leave out columns that depend on others.`;
}

/** Means as the kernels take them: padded rows, in the coordinates of a frame where x = centre + coordinate / 2^exponent. */
export function packMeans(means: Float64Array, columnCount: number, exponent: number): Float32Array<ArrayBuffer> {
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const componentCount = means.length / columnCount;
  const packed = new Float32Array(componentCount * rowFloats);
  const scale = 2 ** exponent;
  for (let component = 0; component < componentCount; component++) {
    for (let column = 0; column < columnCount; column++) {
      packed[component * rowFloats + column] = (means[component * columnCount + column] as number) * scale;
    }
  }
  return packed;
}

/** Lower triangular matrices as 4×4 blocks up to the diagonal, row by row, each as its columns. */
function packMatrices(matrices: Float64Array, size: number, scale: number): Float32Array<ArrayBuffer> {
  const vectors = Math.ceil(size / 4);
  const floats = ((vectors * (vectors + 1)) / 2) * 16;
  const count = matrices.length / size ** 2;
  const packed = new Float32Array(count * floats);
  for (let matrix = 0; matrix < count; matrix++) {
    for (let row = 0; row < size; row++) {
      const i = row >> 2;
      for (let column = 0; column <= row; column++) {
        const block = (i * (i + 1)) / 2 + (column >> 2);
        packed[matrix * floats + block * 16 + (column & 3) * 4 + (row & 3)] =
          (matrices[matrix * size ** 2 + row * size + column] as number) * scale;
      }
    }
  }
  return packed;
}

/** One factor a column, padded with zeros to whole vec4f; a single one of a component is that of all its columns. */
function packDiagonals(precisions: Float64Array, shape: MixtureShape, scale: number): Float32Array<ArrayBuffer> {
  const { componentCount, columnCount } = shape;
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const size = precisions.length / componentCount;
  const packed = new Float32Array(componentCount * rowFloats);
  for (let component = 0; component < componentCount; component++) {
    for (let column = 0; column < columnCount; column++) {
      packed[component * rowFloats + column] =
        (precisions[component * size + (size === 1 ? 0 : column)] as number) * scale;
    }
  }
  return packed;
}

/** Says that a covariance is too small beside the points of a fit. */
function tooSmall({ regularization, componentCount }: MixtureModel): string {
  return `GaussianMixture: a covariance is less than 1e-30 of the squared range of the points, which float32 cannot resolve. Remove points that lie far beyond all others, if there are any. ${remedy(regularization, componentCount)}`;
}

/**
 * A model as the kernels take it, in a frame with this exponent.
 * @param problem the message where it is too small for the frame; that of a fit unless given
 * @throws InvalidInput for covariances that are too small beside the range of the points for float32
 */
export function packModel(model: MixtureModel, exponent: number, problem = () => tooSmall(model)): PackedComponents {
  const { covarianceType, columnCount, weights, means, precisions, logDeterminants } = model;
  const scale = 2 ** -exponent;
  const packed = hasMatrices(covarianceType)
    ? packMatrices(precisions, columnCount, scale)
    : packDiagonals(precisions, model, scale);
  if (!packed.every((value) => Math.abs(value) < largestPrecision)) {
    throw new InvalidInput(problem());
  }
  const constant = (columnCount / 2) * Math.log(2 * Math.PI);
  const logs = weights.map((weight, component) => {
    const determinant = logDeterminants[logDeterminants.length === 1 ? 0 : component] as number;
    return Math.log(weight) + determinant - constant;
  });
  // The largest is 0: what is left of the others' float32 rounding does not matter.
  const offset = logs.reduce((a, b) => Math.max(a, b));
  return {
    means: packMeans(means, columnCount, exponent),
    precisions: packed,
    logs: Float32Array.from(logs, (value) => value - offset),
    offset,
    shared: covarianceType === 'tied',
  };
}

/** Parameters made from moments, and whether the centres of the moments were too far from the means. */
export interface Estimate {
  readonly parameters: MixtureParameters;
  readonly coarse: boolean;
}

/**
 * The maximization step: weights, means and covariances from moments about centres.
 * @param moments [components] of what `MomentLayout` says
 * @param centres as they were given to it
 */
export function estimate(
  shape: MixtureShape,
  moments: Float32Array,
  centres: Float32Array,
  exponent: number,
): Estimate {
  const { componentCount, columnCount, covarianceType, regularization } = shape;
  const full = hasMatrices(covarianceType);
  const { secondVectors, vectors, totalVectors } = momentLayoutOf(columnCount, full);
  const rowFloats = vectors * 4;
  const unit = 2 ** -exponent;
  const counts = new Float64Array(componentCount);
  const means = new Float64Array(componentCount * columnCount);
  const covariances = new Float64Array(covarianceLength(shape));
  let coarse = false;

  const shift = new Float64Array(columnCount);
  for (let component = 0; component < componentCount; component++) {
    const own = moments.subarray(component * totalVectors * 4, (component + 1) * totalVectors * 4);
    const first = (column: number) => own[secondVectors * 4 + column] as number;
    const second = (row: number, column: number) => (full ? matrixMoment(own, row, column) : (own[column] as number));
    const count = first(rowFloats) + leastCount;
    counts[component] = count;
    for (let column = 0; column < columnCount; column++) {
      const centre = centres[component * rowFloats + column] as number;
      shift[column] = first(column) / count;
      means[component * columnCount + column] = (centre + (shift[column] as number)) * unit;
    }
    const covarianceOf = (row: number, column: number) =>
      (second(row, column) / count - (shift[row] as number) * (shift[column] as number)) * unit * unit;
    let meanVariance = 0;
    let meanShift = 0;
    for (let column = 0; column < columnCount; column++) {
      const variance = Math.max(0, covarianceOf(column, column)) + regularization;
      const moved = ((shift[column] as number) * unit) ** 2;
      meanVariance += variance / columnCount;
      meanShift += moved / columnCount;
      if (covarianceType !== 'spherical' && moved > largestShift * variance) coarse = true;
      if (covarianceType === 'diag') covariances[component * columnCount + column] = variance;
    }
    if (covarianceType === 'spherical') {
      covariances[component] = meanVariance;
      if (meanShift > largestShift * meanVariance) coarse = true;
    }
    if (!full) continue;
    const start = covarianceType === 'tied' ? 0 : component * columnCount ** 2;
    const share = covarianceType === 'tied' ? count : 1;
    for (let row = 0; row < columnCount; row++) {
      for (let column = 0; column <= row; column++) {
        const index = start + row * columnCount + column;
        covariances[index] = (covariances[index] as number) + share * covarianceOf(row, column);
      }
    }
  }

  const total = counts.reduce((sum, count) => sum + count, 0);
  if (covarianceType === 'tied')
    covariances.forEach((value, index) => {
      covariances[index] = value / total;
    });
  if (full) completeMatrices(covariances, columnCount, regularization);
  return { parameters: { weights: counts.map((count) => count / total), means, covariances }, coarse };
}

/** Entry of the blocks of a symmetric matrix up to the diagonal, each as its columns; row ≥ column. */
function matrixMoment(blocks: Float32Array, row: number, column: number): number {
  const [i, j] = row >= column ? [row, column] : [column, row];
  const block = ((i >> 2) * ((i >> 2) + 1)) / 2 + (j >> 2);
  return blocks[block * 16 + (j & 3) * 4 + (i & 3)] as number;
}

/** Mirrors lower triangles and adds the regularization to diagonals. */
function completeMatrices(matrices: Float64Array, size: number, regularization: number): void {
  for (let start = 0; start < matrices.length; start += size ** 2) {
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < row; column++) {
        matrices[start + column * size + row] = matrices[start + row * size + column] as number;
      }
      const diagonal = start + row * size + row;
      matrices[diagonal] = (matrices[diagonal] as number) + regularization;
    }
  }
}
