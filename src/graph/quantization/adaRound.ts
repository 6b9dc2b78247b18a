/** AdaRound (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020) on the GPU. */
import { Aborted, InvalidInput } from '../../base/errors.ts';
import { logitOf, roundingStep } from '../../calib/roundingStep.ts';
import { matmul } from '../../gemm/matmul.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { InputMoments } from './layerInputs.ts';
import { quadraticForm } from './linearAlgebra.ts';
import type { WeightGrid } from './roundedWeights.ts';
import { momentsOf } from './rounding.ts';
import { nearestCodes, parameterAt, valueOfCode } from './weightGrid.ts';
import type { WeightMatrix } from './weightMatrix.ts';

/** How long and how fast weights are moved between their two codes. */
export interface AdaRoundOptions {
  /** Steps of Adam for each layer, at least 1; 1000 unless given. */
  readonly iterations?: number;
  /** Of Adam, above 0; 0.05 unless given. */
  readonly learningRate?: number;
  /**
   * Weight of the term that drives each weight to one of its codes, at least 0; 10 unless given. The other term is the error of
   * the layer's output, for each channel in units of what rounding to nearest comes to for each of its weights.
   */
  readonly regularization?: number;
}

/** Share of the steps in which weights are free, and the exponent of the regularizer from there to the end. */
const freeShare = 0.2;
const exponents = { first: 20, last: 2 };
/** Steps that are recorded at once. */
const stepsInFlight = 50;

/** A layer whose codes are sought. */
export interface RoundingTask {
  readonly grid: WeightGrid;
  readonly matrix: WeightMatrix;
  readonly moments: InputMoments;
  /** Whether the mean error goes off the bias, so that only what varies matters. */
  readonly centred: boolean;
}

/**
 * Codes of a weight matrix, for each weight the one below or the one above, that change the layer's output least: soft values
 * between the two follow rectified sigmoids, whose logits Adam moves down the gradient of the output's squared error. That
 * error is a quadratic form of the second moments of the inputs, so each step sees all samples at once, and nothing is drawn
 * at random. Channels that end worse than rounded to nearest are rounded to nearest.
 *
 * @throws InvalidInput for options out of range; Aborted
 */
export async function adaRound(
  engine: Engine,
  task: RoundingTask,
  options: AdaRoundOptions = {},
  signal?: AbortSignal,
): Promise<Int8Array> {
  const { iterations = 1000, learningRate = 0.05, regularization = 10 } = options;
  assertOptions({ iterations, learningRate, regularization });
  const { matrix, moments } = task;
  const choices = choicesOf(task);
  const shape = [moments.groups, matrix.rows / moments.groups, matrix.columns];
  using second = engine.tensor(choices.moments, [moments.groups, matrix.columns, matrix.columns]);
  using offset = engine.tensor(choices.offset, shape);
  using step = engine.tensor(choices.step, shape);
  using state = engine.tensor(choices.state, [3, ...shape]);
  // Weights stand where they were.
  using difference = engine.tensor(new Float32Array(choices.offset.length), shape);
  const free = Math.floor(freeShare * iterations);
  for (let before = 0; before < iterations; before++) {
    if (before % stepsInFlight === 0) {
      await engine.idle();
      if (signal?.aborted) throw new Aborted(`Rounding was stopped after ${before} step(s); start it again.`);
    }
    using product = matmul(engine, difference, second);
    const done = Math.max(before - free, 0) / Math.max(iterations - free, 1);
    roundingStep(engine, { offset, step, state, difference }, product, {
      before,
      learningRate,
      regularization: before < free ? 0 : regularization,
      exponent: exponents.first + (exponents.last - exponents.first) * done,
    });
  }
  const logits = (await state.read()).subarray(0, choices.offset.length);
  const codes = Int8Array.from(logits, (logit, index) => (logit >= 0 ? choices.upper : choices.lower)[index] ?? 0);
  choices.keepBetter(codes);
  return codes;
}

function assertOptions({ iterations, learningRate, regularization }: Required<AdaRoundOptions>): void {
  if (!Number.isSafeInteger(iterations) || iterations < 1) {
    throw new InvalidInput(`${iterations} iterations of AdaRound were asked for; use a whole number of at least 1.`);
  }
  if (!(learningRate > 0 && learningRate < Number.POSITIVE_INFINITY)) {
    throw new InvalidInput(`The learning rate of AdaRound is ${learningRate}; use a number above 0.`);
  }
  if (!(regularization >= 0 && regularization < Number.POSITIVE_INFINITY)) {
    throw new InvalidInput(`The regularization of AdaRound is ${regularization}; use a number of at least 0.`);
  }
}

/** What each weight can become, on the CPU. Rows are scaled so that rounding to nearest costs each as much as it has weights. */
interface Choices {
  readonly lower: Int8Array;
  readonly upper: Int8Array;
  readonly offset: Float32Array<ArrayBuffer>;
  readonly step: Float32Array<ArrayBuffer>;
  readonly state: Float32Array<ArrayBuffer>;
  readonly moments: Float32Array<ArrayBuffer>;
  /** Replaces the codes of rows that rounding to nearest serves better. */
  keepBetter(codes: Int8Array): void;
}

function choicesOf({ grid, matrix, moments, centred }: RoundingTask): Choices {
  const { rows, columns, values } = matrix;
  const size = rows * columns;
  const nearest = nearestCodes(grid, matrix);
  const [lower, upper] = [new Int8Array(size), new Int8Array(size)];
  const [offset, step, state] = [new Float32Array(size), new Float32Array(size), new Float32Array(3 * size)];
  const matrices = Array.from({ length: moments.groups }, (_, group) => momentsOf(moments, group, centred));
  const flat = new Float32Array(moments.groups * columns * columns);
  matrices.forEach((each, group) => {
    flat.set(each, group * columns * columns);
  });
  const errorOf = (codes: Int8Array, row: number): number => {
    const errors = Float64Array.from({ length: columns }, (_, column) => {
      const index = row * columns + column;
      return valueOfCode(grid, parameterAt(grid, row, column), codes[index] ?? 0) - (values[index] ?? 0);
    });
    return quadraticForm(matrices[Math.floor((row * moments.groups) / rows)] ?? new Float64Array(), errors);
  };
  const nearestErrors = Float64Array.from({ length: rows }, (_, row) => errorOf(nearest, row));
  for (let row = 0; row < rows; row++) {
    const factor = Math.sqrt(columns / (nearestErrors[row] || columns));
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      const parameter = parameterAt(grid, row, column);
      const weight = values[index] ?? 0;
      const [below, above] = neighbours(grid, parameter, weight);
      const [low, high] = [valueOfCode(grid, parameter, below), valueOfCode(grid, parameter, above)];
      [lower[index], upper[index]] = [below, above];
      offset[index] = factor * (low - weight);
      step[index] = factor * (high - low);
      state[index] = logitOf(high > low ? Math.min(Math.max((weight - low) / (high - low), 0), 1) : 0);
    }
  }
  const keepBetter = (codes: Int8Array): void => {
    for (let row = 0; row < rows; row++) {
      if (errorOf(codes, row) <= (nearestErrors[row] ?? 0)) continue;
      codes.set(nearest.subarray(row * columns, (row + 1) * columns), row * columns);
    }
  };
  return { lower, upper, offset, step, state, moments: flat, keepBetter };
}

/** The codes below and above a weight, one and the same where it is out of their range. */
function neighbours(grid: WeightGrid, parameter: number, weight: number): [number, number] {
  const { sign, low, high, scales, zeroPoints } = grid;
  if (sign) return [low, high];
  const below = Math.floor(weight / (scales[parameter] ?? 1)) + (zeroPoints[parameter] ?? 0);
  const clamp = (code: number): number => Math.min(Math.max(code, low), high);
  return [clamp(below), clamp(below + 1)];
}
