/** The numbers that quantized weights can be: scales and zero points of a weight matrix, and the codes nearest to weights. */
import { roundHalfToEven } from '../../base/rounding.ts';
import { searchRange } from '../../calib/searchRange.ts';
import { exactError } from '../../calib/squaredError.ts';
import { codeWithin, type HostParameters, hostParameters } from '../../quant/hostParameters.ts';
import { type CodeFormat, codeRange } from '../../quant/parameters.ts';
import type { LayerFormat } from './options.ts';
import type { WeightGrid } from './roundedWeights.ts';
import type { WeightMatrix } from './weightMatrix.ts';

/** A run of weights that share a parameter. */
interface Group {
  readonly parameter: number;
  readonly values: Float64Array;
}

/** Chooses scales and zero points for a weight matrix. */
export function chooseGrid(matrix: WeightMatrix, layer: LayerFormat): WeightGrid {
  const format: CodeFormat = { bits: layer.bits, signed: true, scheme: layer.scheme };
  const range = codeRange(format);
  const { low, high } = range.sign ? { low: -1, high: 1 } : range;
  const size = typeof layer.granularity === 'object' ? layer.granularity.group : matrix.columns;
  const groupSize = Math.max(Math.min(size, matrix.columns), 1);
  const rowStep = layer.granularity === 'tensor' ? 0 : Math.ceil(matrix.columns / groupSize);
  const count = rowStep === 0 ? 1 : rowStep * matrix.rows;
  const [scales, zeroPoints] = [new Float32Array(count).fill(1), new Int32Array(count)];
  for (const { parameter, values } of groupsOf(matrix, rowStep, groupSize)) {
    const { scale, zeroPoint } = range.sign ? signScale(values) : rangeParameters(values, format, layer.range);
    scales[parameter] = scale;
    zeroPoints[parameter] = zeroPoint;
  }
  return { format, scales, zeroPoints, rowStep, groupSize, low, high, sign: range.sign };
}

function groupsOf({ rows, columns, values }: WeightMatrix, rowStep: number, groupSize: number): Group[] {
  if (rowStep === 0) return [{ parameter: 0, values }];
  return Array.from({ length: rows * rowStep }, (_, parameter) => {
    const start = Math.floor(parameter / rowStep) * columns;
    const first = (parameter % rowStep) * groupSize;
    return { parameter, values: values.subarray(start + first, start + Math.min(first + groupSize, columns)) };
  });
}

/** One bit: the mean of magnitudes, which has the least squared error. */
function signScale(values: Float64Array): HostParameters {
  const sum = values.reduce((total, value) => total + Math.abs(value), 0);
  return { scale: Math.fround(sum / Math.max(values.length, 1)) || 1, zeroPoint: 0 };
}

function rangeParameters(values: Float64Array, format: CodeFormat, choice: LayerFormat['range']): HostParameters {
  let [minimum, maximum] = [0, 0];
  for (const value of values) [minimum, maximum] = [Math.min(minimum, value), Math.max(maximum, value)];
  const whole = { minimum, maximum };
  const range = choice === 'minmax' ? whole : searchRange(whole, format, exactError(values, format));
  return hostParameters(range.minimum, range.maximum, format);
}

/** Index of the parameter of an element. */
export const parameterAt = ({ rowStep, groupSize }: WeightGrid, row: number, column: number): number =>
  rowStep === 0 ? 0 : row * rowStep + Math.floor(column / groupSize);

/** The code nearest to a number. */
export function nearestCode(grid: WeightGrid, parameter: number, value: number): number {
  if (grid.sign) return value < 0 ? -1 : 1;
  const [scale, zeroPoint] = [grid.scales[parameter] ?? 1, grid.zeroPoints[parameter] ?? 0];
  return codeWithin(value, { scale, zeroPoint }, grid);
}

/** The number that a code stands for. */
export const valueOfCode = ({ scales, zeroPoints }: WeightGrid, parameter: number, code: number): number =>
  (code - (zeroPoints[parameter] ?? 0)) * (scales[parameter] ?? 1);

/** Codes of a whole matrix, each the nearest. */
export function nearestCodes(grid: WeightGrid, { rows, columns, values }: WeightMatrix): Int8Array {
  const codes = new Int8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      codes[index] = nearestCode(grid, parameterAt(grid, row, column), values[index] ?? 0);
    }
  }
  return codes;
}

/** The numbers that the codes of a matrix stand for. */
export function valuesOfCodes(grid: WeightGrid, codes: Int8Array, rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, index) => {
    const row = Math.floor(index / columns);
    return valueOfCode(grid, parameterAt(grid, row, index - row * columns), codes[index] ?? 0);
  });
}

/** Codes of a bias leave room for the sum that they are added to. */
const largestBiasCode = 2 ** 30;
/** Smaller scales would make the product with an input's scale a denormal number, whose inverse overflows. */
const leastScale = 2 ** -100;

/**
 * A grid without groups whose scales, times that of the input, give a code to every bias: the very grid where its own do already,
 * or where it has groups, as such layers keep their bias in float.
 */
export function widenedForBias(
  grid: WeightGrid,
  { rows, columns, values }: WeightMatrix,
  inputScale: number,
  biases: ArrayLike<number> | undefined,
): WeightGrid {
  if (grid.rowStep > 1) return grid;
  const scales = grid.scales.map((scale, parameter) => {
    const own = grid.rowStep === 0 ? Array.from(biases ?? []) : [biases?.[parameter] ?? 0];
    const largestBias = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const forBias = Math.max(largestBias / inputScale / largestBiasCode, leastScale);
    const weights =
      grid.rowStep === 0 ? values : values.subarray(parameter * columns, Math.min(parameter + 1, rows) * columns);
    if (weights.every((value) => value === 0)) return largestBias === 0 ? 1 : forBias;
    return Math.max(scale, forBias);
  });
  return scales.every((scale, parameter) => scale === grid.scales[parameter]) ? grid : { ...grid, scales };
}

/** int32 codes of a bias at scales of its own. */
export const biasCode = (value: number, scale: number): number =>
  Math.min(Math.max(roundHalfToEven(value / scale), -(2 ** 31 - 1)), 2 ** 31 - 1);
