/** A classifier of the handwritten digits in test/oracles/digits.csv, made of their means. Node only. */
import { readFileSync } from 'node:fs';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { readCsv } from '../../src/io/csv.ts';
import { modelBytes, node, value } from './onnxBytes.ts';

/** 1,797 rows: 64 pixels from 0 to 16, and the digit. */
export const digitsFile = new URL('../oracles/digits.csv', import.meta.url).pathname;

/** The rows of the file. */
export const digits = readCsv(new Uint8Array(readFileSync(digitsFile)));
const pixels = 64;

/** The means of the ten digits, pixels from 0 to 1. */
function meansOfDigits(): number[][] {
  const { data, rowCount } = digits;
  const sums = Array.from({ length: 10 }, () => new Array<number>(pixels).fill(0));
  const counts = new Array<number>(10).fill(0);
  for (let row = 0; row < rowCount; row++) {
    const digit = data[(pixels + 1) * row + pixels] ?? 0;
    counts[digit] = (counts[digit] ?? 0) + 1;
    const sum = sums[digit] ?? [];
    for (let pixel = 0; pixel < pixels; pixel++) {
      sum[pixel] = (sum[pixel] ?? 0) + (data[(pixels + 1) * row + pixel] ?? 0) / 16;
    }
  }
  return sums.map((sum, digit) => sum.map((each) => each / (counts[digit] ?? 1)));
}

/**
 * A linear classifier: 2·mean·x − |mean|² is greatest for the nearest mean.
 *
 * @param keep what becomes of the elements of the means
 */
export function nearestMean(keep: (weight: number) => number): Uint8Array {
  const means = meansOfDigits().map((mean) => mean.map(keep));
  const weights = Array.from({ length: pixels }, (_, pixel) => means.map((mean) => 2 * (mean[pixel] ?? 0))).flat();
  const bias = means.map((mean) => -mean.reduce((sum, each) => sum + each ** 2, 0));
  return modelBytes({
    input: [value('x', ['batch', 1, 8, 8])],
    output: [value('y', ['batch', 10])],
    initializer: [
      { name: 'w', dims: [64n, 10n], dataType: DataType.FLOAT, floatData: weights },
      { name: 'b', dims: [10n], dataType: DataType.FLOAT, floatData: bias },
    ],
    node: [node('Flatten', ['x'], ['f']), node('Gemm', ['f', 'w', 'b'], ['y'])],
  });
}
