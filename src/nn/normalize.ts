import { ShapeMismatch } from '../base/errors.ts';
import { resolveAxis, splitAtAxis } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { lanesOfRows, type RowInternals, rowWorkgroupSize } from './rows.ts';

const normalizeKernel = declareKernel({
  name: 'nn/normalize',
  uniforms: {
    length: 'u32',
    inner: 'u32',
    firstRow: 'u32',
    endRow: 'u32',
    rowPeriod: 'u32',
    rowParameters: 'u32',
    elementsPerParameter: 'u32',
    parameterCount: 'u32',
    hasScale: 'u32',
    hasBias: 'u32',
    measure: 'u32',
    epsilon: 'f32',
  },
  bindings: { x: 'read', scale: 'read', bias: 'read', y: 'write', mean: 'write', inverse: 'write' },
});

/**
 * What a row is divided by: `deviation`, the root of its mean square (about the mean where that is subtracted) + epsilon;
 * `length`, the root of its sum of squares; `magnitude`, the sum of its magnitudes. A row of zeros stays zeros.
 */
export type NormalizationMeasure = 'deviation' | 'length' | 'magnitude';

/** Which parameter an element has: element i of row r has parameter r % rowPeriod · rowParameters + i / elementsPerParameter, counted round. */
export interface ParameterPattern {
  readonly rowPeriod: number;
  readonly rowParameters: number;
  readonly elementsPerParameter: number;
}

/** How to normalize. */
export interface NormalizeOptions {
  readonly measure: NormalizationMeasure;
  /** Subtracts the mean of each row; false unless given. */
  readonly centred?: boolean;
  /** Added to the mean square, at least 0; 0 unless given. */
  readonly epsilon?: number;
  /** The axis along which the rows lie; the last unless given. */
  readonly axis?: number;
  /** Multiplied on and added afterwards; as many elements each. */
  readonly scale?: Tensor<'float32'>;
  readonly bias?: Tensor<'float32'>;
  /** Which of them an element has; one for each element of a row unless given. */
  readonly parameters?: ParameterPattern;
}

/** Normalized rows, and what was done to each: its mean (0 where not subtracted), and the factor it was multiplied by. */
export interface Normalized {
  readonly y: Tensor<'float32'>;
  readonly mean: Tensor<'float32'>;
  readonly inverse: Tensor<'float32'>;
}

const measures = { deviation: 0, length: 1, magnitude: 2 } as const;
const workPerElement = 40;

/**
 * Normalizes rows of a tensor in f32, with a pass for the mean and one for the deviation about it, so that a mean far from
 * 0 costs no accuracy.
 * @returns y in the shape of x; mean and inverse of shape [rows].
 * @throws ShapeMismatch for an axis outside of the shape or scales and biases that differ in number; LimitExceeded for a
 * tensor larger than one binding; DisposedTensor
 */
export function normalize(
  engine: Engine,
  x: Tensor<'float32'>,
  options: NormalizeOptions,
  internals: RowInternals = {},
): Normalized {
  const { measure, centred = false, epsilon = 0, axis = -1, scale, bias } = options;
  const { rowPeriod, rowParameters, elementsPerParameter } = options.parameters ?? {
    rowPeriod: 1,
    rowParameters: 0,
    elementsPerParameter: 1,
  };
  if (scale && bias && scale.size !== bias.size) {
    throw new ShapeMismatch(
      `normalize: ${scale.size} scales and ${bias.size} biases were given; give as many of each.`,
    );
  }
  const { outer, length, inner } = splitAtAxis(x.shape, resolveAxis(axis, x.shape, 'normalize'));
  const rowCount = outer * inner;
  const y = engine.empty(x.shape, 'float32');
  const mean = engine.empty([rowCount], 'float32');
  const inverse = engine.empty([rowCount], 'float32');
  const lanes = internals.lanes ?? lanesOfRows(engine, { length, inner });
  const rowsPerWorkgroup = rowWorkgroupSize / lanes;
  for (const run of workRuns(engine, rowCount, Math.max(1, length) * workPerElement, rowsPerWorkgroup)) {
    engine.run(normalizeKernel, {
      uniforms: {
        length,
        inner,
        firstRow: run.first,
        endRow: run.end,
        rowPeriod,
        rowParameters,
        elementsPerParameter,
        parameterCount: Math.max(1, scale?.size ?? bias?.size ?? 1),
        hasScale: scale ? 1 : 0,
        hasBias: bias ? 1 : 0,
        measure: measures[measure],
        epsilon,
      },
      bindings: { x, scale: scale ?? x, bias: bias ?? x, y, mean, inverse },
      workgroups: Math.ceil((run.end - run.first) / rowsPerWorkgroup),
      work: run.work,
      variant: { conditions: { centred, cooperative: lanes > 1 }, constants: { LANES: lanes } },
    });
  }
  return { y, mean, inverse };
}
