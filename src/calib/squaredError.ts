/** Squared errors of quantization: of what a histogram counted, and of numbers. */
import type { Pieces } from '../base/pieces.ts';
import type { HostParameters } from '../quant/hostParameters.ts';
import { type CodeFormat, codeRange } from '../quant/parameters.ts';
import type { Histogram } from './histogram.ts';
import { type ParameterRange, type QuantizationCost, rangeSearch } from './searchRange.ts';

/**
 * The sum of squared errors, in units of the squared width of cells, with every element in the middle of its cell. Zeros
 * have none. Takes a few operations for each code.
 */
function histogramError({ exponent, first, counts }: Histogram, format: CodeFormat): QuantizationCost {
  const { low, high } = codeRange(format);
  const width = 2 ** exponent;
  const cells = counts.length;
  // Sums of 1, x and x² over the cells before each.
  const [sums0, sums1, sums2] = [0, 1, 2].map((power) => {
    const sums = new Float64Array(cells + 1);
    for (let cell = 0; cell < cells; cell++) {
      sums[cell + 1] = (sums[cell] ?? 0) + (counts[cell] ?? 0) * (first + cell + 0.5) ** power;
    }
    return sums;
  }) as [Float64Array, Float64Array, Float64Array];
  return ({ scale, zeroPoint }) => {
    const step = scale / width;
    let error = 0;
    let from = 0;
    for (let code = low; code <= high && from < cells; code++) {
      const value = (code - zeroPoint) * step;
      const end = code === high ? cells : Math.ceil(value + step / 2 - first - 0.5);
      if (end <= from) continue;
      const to = Math.min(end, cells);
      const between = (sums: Float64Array): number => (sums[to] ?? 0) - (sums[from] ?? 0);
      error += between(sums2) - 2 * value * between(sums1) + value * value * between(sums0);
      from = to;
    }
    return error;
  };
}

/**
 * The range with the least squared error of what a histogram counted: see `searchRange`. The histogram tells where elements
 * are only up to half a cell, so a range must win by more than four standard deviations of what that leaves open to replace
 * the range from least to greatest: n elements that are off by a rounding error of ±s/2 and known to ±w/2 have squared errors
 * known to s·w·√n / 6 in sum.
 */
export function leastSquaresRange(histogram: Histogram, format: CodeFormat): Pieces<ParameterRange> {
  const elements = histogram.counts.reduce((sum, count) => sum + count, 0);
  const width = 2 ** histogram.exponent;
  const margin = ({ scale }: HostParameters): number => (Math.sqrt(elements) * scale) / width;
  return rangeSearch(histogram, format, histogramError(histogram, format), margin);
}

/** Adding and subtracting it rounds a smaller number to the nearest integer, ties to even. */
const roundingOffset = 1.5 * 2 ** 52;

/** Numbers whose errors are added up before the sum is looked at. */
const errorsAtATime = 64;

/** The sum of squared errors of numbers, quantized as `hostCode` does. */
export function exactError(data: Float32Array | Float64Array, format: CodeFormat): QuantizationCost {
  const { low, high } = codeRange(format);
  return ({ scale, zeroPoint }, enough = Number.POSITIVE_INFINITY) => {
    const [least, greatest] = [low - zeroPoint, high - zeroPoint];
    let error = 0;
    for (let start = 0; start < data.length && error <= enough; start += errorsAtATime) {
      const end = Math.min(start + errorsAtATime, data.length);
      for (let index = start; index < end; index++) {
        const value = data[index] ?? 0;
        const quotient = Math.min(Math.max(Math.fround(value / scale), least), greatest);
        const rest = value - scale * (quotient + roundingOffset - roundingOffset);
        error += rest * rest;
      }
    }
    return error;
  };
}
