/** Expectation–maximization in float64 on the CPU: what the benchmark times beside ours and checks it against. */
import { choleskyFactor, invertLower } from '../../cluster/mixture/cholesky.ts';
import type { CovarianceType } from '../../cluster/mixture/gaussianMixtureModel.ts';

/** Parameters, as a `GaussianMixtureFit` has them. */
export interface ReferenceMixture {
  readonly weights: Float64Array;
  readonly means: Float64Array;
  readonly covariances: Float64Array;
}

/** What a round finds: the mixture after it, and what the one before says of the points. */
export interface ReferenceRound {
  readonly mixture: ReferenceMixture;
  /** Mean log-likelihood of a point. */
  readonly meanLogLikelihood: number;
  readonly scores: Float64Array;
  /** [rows, components] */
  readonly responsibilities: Float64Array;
}

/** Points row by row, and the kind of mixture. */
export interface ReferenceProblem {
  readonly points: ArrayLike<number>;
  readonly columnCount: number;
  readonly covariance: CovarianceType;
  readonly regularization: number;
}

/** The covariance of one component as a matrix, whatever the type. */
function covarianceMatrix(
  { covariance, columnCount }: Pick<ReferenceProblem, 'covariance' | 'columnCount'>,
  covariances: Float64Array,
  component: number,
): Float64Array<ArrayBuffer> {
  const size = columnCount ** 2;
  if (covariance === 'tied') return covariances.slice(0, size);
  if (covariance === 'full') return covariances.slice(component * size, (component + 1) * size);
  const matrix = new Float64Array(size);
  for (let column = 0; column < columnCount; column++) {
    const index = covariance === 'diag' ? component * columnCount + column : component;
    matrix[column * (columnCount + 1)] = covariances[index] as number;
  }
  return matrix;
}

/** A component's log-density at the points is `constant` − ½ |factor (x − mean)|². */
function densityOf(problem: ReferenceProblem, mixture: ReferenceMixture, component: number) {
  const { columnCount } = problem;
  const result = choleskyFactor(covarianceMatrix(problem, mixture.covariances, component), columnCount);
  if (!('factor' in result)) throw new Error(`The reference's covariance ${component} is not positive definite.`);
  const factor = invertLower(result.factor, columnCount);
  let constant = Math.log(mixture.weights[component] as number) - (columnCount / 2) * Math.log(2 * Math.PI);
  for (let column = 0; column < columnCount; column++) {
    constant += Math.log(factor[column * (columnCount + 1)] as number);
  }
  return { factor, constant };
}

/** Responsibilities and log-densities of all points. */
function expect(problem: ReferenceProblem, mixture: ReferenceMixture) {
  const { points, columnCount, covariance } = problem;
  const rowCount = points.length / columnCount;
  const componentCount = mixture.weights.length;
  const diagonal = covariance === 'diag' || covariance === 'spherical';
  const responsibilities = new Float64Array(rowCount * componentCount);
  const difference = new Float64Array(columnCount);
  for (let component = 0; component < componentCount; component++) {
    const { factor, constant } = densityOf(problem, mixture, component);
    for (let row = 0; row < rowCount; row++) {
      let distance = 0;
      for (let i = 0; i < columnCount; i++) {
        difference[i] =
          (points[row * columnCount + i] as number) - (mixture.means[component * columnCount + i] as number);
        let y = 0;
        for (let j = diagonal ? i : 0; j <= i; j++)
          y += (factor[i * columnCount + j] as number) * (difference[j] as number);
        distance += y * y;
      }
      responsibilities[row * componentCount + component] = constant - distance / 2;
    }
  }
  const scores = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const own = responsibilities.subarray(row * componentCount, (row + 1) * componentCount);
    const highest = own.reduce((a, b) => Math.max(a, b));
    const score = highest + Math.log(own.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    for (let component = 0; component < componentCount; component++) {
      own[component] = Math.exp((own[component] as number) - score);
    }
    scores[row] = score;
  }
  return { responsibilities, scores };
}

/** The mixture that responsibilities make, in two passes: means, then covariances about them. */
function maximize(
  { points, columnCount, covariance, regularization }: ReferenceProblem,
  responsibilities: Float64Array,
): ReferenceMixture {
  const rowCount = points.length / columnCount;
  const componentCount = responsibilities.length / rowCount;
  const diagonal = covariance === 'diag' || covariance === 'spherical';
  const counts = new Float64Array(componentCount);
  const means = new Float64Array(componentCount * columnCount);
  const size = columnCount ** 2;
  const length = {
    full: componentCount * size,
    tied: size,
    diag: componentCount * columnCount,
    spherical: componentCount,
  };
  const covariances = new Float64Array(length[covariance]);
  const difference = new Float64Array(columnCount);
  for (let component = 0; component < componentCount; component++) {
    const share = (row: number) => responsibilities[row * componentCount + component] as number;
    const mean = means.subarray(component * columnCount, (component + 1) * columnCount);
    let count = 10 * Number.EPSILON;
    for (let row = 0; row < rowCount; row++) {
      const weight = share(row);
      count += weight;
      for (let i = 0; i < columnCount; i++)
        mean[i] = (mean[i] as number) + weight * (points[row * columnCount + i] as number);
    }
    counts[component] = count;
    for (let i = 0; i < columnCount; i++) mean[i] = (mean[i] as number) / count;
    const matrix = new Float64Array(size);
    for (let row = 0; row < rowCount; row++) {
      const weight = share(row);
      if (weight === 0) continue;
      for (let i = 0; i < columnCount; i++) {
        difference[i] = (points[row * columnCount + i] as number) - (mean[i] as number);
        const weighted = weight * (difference[i] as number);
        for (let j = diagonal ? i : 0; j <= i; j++) {
          matrix[i * columnCount + j] = (matrix[i * columnCount + j] as number) + weighted * (difference[j] as number);
        }
      }
    }
    for (let i = 0; i < columnCount; i++) {
      for (let j = 0; j <= i; j++) {
        const value = (matrix[i * columnCount + j] as number) / (covariance === 'tied' ? rowCount : count);
        const regularized = value + (i === j ? regularization / (covariance === 'tied' ? componentCount : 1) : 0);
        if (covariance === 'diag' && i === j) covariances[component * columnCount + i] = regularized;
        if (covariance === 'spherical' && i === j) {
          covariances[component] = (covariances[component] as number) + regularized / columnCount;
        }
        if (diagonal) continue;
        const start = covariance === 'tied' ? 0 : component * size;
        for (const index of new Set([start + i * columnCount + j, start + j * columnCount + i])) {
          covariances[index] = (covariances[index] as number) + regularized;
        }
      }
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  return { weights: counts.map((count) => count / total), means, covariances };
}

/** One round of expectation and maximization. */
export function referenceRound(problem: ReferenceProblem, mixture: ReferenceMixture): ReferenceRound {
  const { responsibilities, scores } = expect(problem, mixture);
  const meanLogLikelihood = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return { mixture: maximize(problem, responsibilities), meanLogLikelihood, scores, responsibilities };
}

/** The mixture to start from with given means: equal weights, every covariance that of the points. */
export function referenceStart(problem: ReferenceProblem, means: ArrayLike<number>): ReferenceMixture {
  const componentCount = means.length / problem.columnCount;
  const rowCount = problem.points.length / problem.columnCount;
  const all = new Float64Array(rowCount).fill(1);
  const { covariances } = maximize(problem, all);
  const copies = problem.covariance === 'tied' ? 1 : componentCount;
  return {
    weights: new Float64Array(componentCount).fill(1 / componentCount),
    means: Float64Array.from(means),
    covariances: Float64Array.from(
      { length: covariances.length * copies },
      (_, i) => covariances[i % covariances.length] as number,
    ),
  };
}
