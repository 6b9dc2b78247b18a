import { InvalidInput, InvalidQuantization, ShapeMismatch } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { type Granularity, mapParameters, parameterOf, perTensor } from '../quant/granularity.ts';
import { type CodeFormat, codeRange } from '../quant/parameters.ts';
import { type ParameterRange, searchRange } from './searchRange.ts';
import { exactError } from './squaredError.ts';

/** How the ranges of weights are chosen. */
export interface WeightRangeOptions {
  /**
   * - `absolute-maximum`: for asymmetric codes from the least to the greatest weight, for symmetric ones ± the greatest
   *   magnitude. The default.
   * - `l2-norm`: of that what lies within ± c·‖w‖₂ / √count, where c is such that normally distributed weights have the least
   *   squared error at that width. Needs 2 bits.
   * - `mse`: the least squared error of these very weights that `searchRange` finds; never more than by `absolute-maximum`.
   */
  readonly method?: 'absolute-maximum' | 'l2-norm' | 'mse';
  /** Which weights share a range; `perTensor()` unless given. */
  readonly granularity?: Granularity;
  /** Bits of a code, 1 to 8, and from 2 for symmetric ones; 8 unless given. */
  readonly bits?: number;
  /** `symmetric` unless given. */
  readonly scheme?: CodeFormat['scheme'];
}

/** Ranges, one element a parameter. */
export interface WeightRanges {
  /** Shape of scales and zero points. */
  readonly shape: Shape;
  readonly minimum: Float32Array<ArrayBuffer>;
  readonly maximum: Float32Array<ArrayBuffer>;
}

/**
 * The a that minimises the mean of (x − x̂)² for a standard normal x and 2ⁿ − 1 evenly spaced values x̂ from −a to a, for n of
 * 2 and more: computed by golden section from the integral over ±9.
 */
const normalLimits: readonly number[] = [1.224007, 1.95231, 2.473873, 2.89875, 3.270189, 3.607452, 3.920488];

/**
 * The ranges of weights that are on the CPU, for each parameter of a granularity.
 *
 * @param data weights in row-major order
 * @throws ShapeMismatch when `data` does not fill `shape`, or the axis is outside of it; InvalidInput for a weight that is not
 * finite; InvalidQuantization for bits or a group size out of range
 */
export function weightRange(data: ArrayLike<number>, shape: Shape, options: WeightRangeOptions = {}): WeightRanges {
  const { method = 'absolute-maximum', granularity = perTensor(), bits = 8, scheme = 'symmetric' } = options;
  if (data.length !== elementCount(shape)) {
    throw new ShapeMismatch(`${data.length} weights do not fill shape [${shape}]; give as many as the shape has.`);
  }
  const format: CodeFormat = { bits, signed: scheme === 'symmetric', scheme };
  if (codeRange(format).sign || (method === 'l2-norm' && bits < 2)) {
    throw new InvalidQuantization(
      `Ranges of weights by ${method} with ${scheme} codes take at least 2 bits, not ${bits}; one symmetric bit is a sign, whose scale is a mean.`,
    );
  }
  const map = mapParameters(granularity, shape);
  const ranges = partsOf(data, map).map((part): ParameterRange => {
    const whole = extremesOf(part);
    if (method === 'mse') return searchRange(whole, format, exactError(part, format));
    if (method === 'absolute-maximum') return whole;
    const limit = (normalLimits[bits - 2] ?? 0) * Math.sqrt(squaresOf(part) / part.length);
    return { minimum: Math.max(whole.minimum, -limit), maximum: Math.min(whole.maximum, limit) };
  });
  const symmetric = ranges.map(({ minimum, maximum }) => Math.max(-minimum, maximum));
  const lows = scheme === 'symmetric' ? symmetric.map((limit) => -limit) : ranges.map(({ minimum }) => minimum);
  const highs = scheme === 'symmetric' ? symmetric : ranges.map(({ maximum }) => maximum);
  return { shape: map.shape, minimum: Float32Array.from(lows), maximum: Float32Array.from(highs) };
}

/** The weights of each parameter. @throws InvalidInput */
function partsOf(data: ArrayLike<number>, map: ReturnType<typeof mapParameters>): Float32Array[] {
  const counts = new Uint32Array(map.count);
  const parameters = Uint32Array.from({ length: data.length }, (_, element) => {
    const parameter = parameterOf(map, element);
    counts[parameter] = (counts[parameter] ?? 0) + 1;
    return parameter;
  });
  const parts = Array.from(counts, (count) => new Float32Array(count));
  counts.fill(0);
  parameters.forEach((parameter, element) => {
    const weight = data[element] ?? 0;
    if (!Number.isFinite(Math.fround(weight))) {
      throw new InvalidInput(
        `Weight ${element} (in row-major order) is ${weight}, which has no range; only finite numbers can be quantized.`,
      );
    }
    const place = counts[parameter] ?? 0;
    counts[parameter] = place + 1;
    const part = parts[parameter];
    if (part) part[place] = weight;
  });
  return parts;
}

/** Of no weights from 0 to 0. */
function extremesOf(part: Float32Array): ParameterRange {
  let [minimum, maximum] = [part[0] ?? 0, part[0] ?? 0];
  for (const weight of part) [minimum, maximum] = [Math.min(minimum, weight), Math.max(maximum, weight)];
  return { minimum, maximum };
}

const squaresOf = (part: Float32Array): number => part.reduce((sum, weight) => sum + weight * weight, 0);
