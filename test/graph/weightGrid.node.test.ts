import { expect, test } from 'vitest';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import type { LayerFormat } from '../../src/graph/quantization/options.ts';
import { chooseGrid, nearestCodes, valuesOfCodes } from '../../src/graph/quantization/weightGrid.ts';
import { weightMatrix } from '../../src/graph/quantization/weightMatrix.ts';
import { createRandom } from '../reference/random.ts';

const random = createRandom(3);
const node = { name: 'l', domain: '', operator: 'Gemm', inputs: [], outputs: [], attributes: new Map([['transB', 1]]) };
const values = random.uniformArray(6 * 13, -1, 1).map((value) => value ** 3);
const matrix = weightMatrix(node, hostTensor('float32', [6, 13], values));
const format: LayerFormat = {
  quantizer: 'uniform',
  bits: 8,
  granularity: 'channel',
  scheme: 'symmetric',
  range: 'minmax',
  rounding: 'nearest',
  activationBits: 8,
};

/** Sum of squared errors of the nearest codes. */
function error(layer: Partial<LayerFormat>): number {
  const grid = chooseGrid(matrix, { ...format, ...layer });
  const found = valuesOfCodes(grid, nearestCodes(grid, matrix), matrix.rows, matrix.columns);
  return found.reduce((sum, value, index) => sum + (value - (values[index] ?? 0)) ** 2, 0);
}

test.each([2, 3, 4, 5, 6, 7, 8])('%i bits: narrower ranges, channels and groups only help', (bits) => {
  for (const scheme of ['symmetric', 'asymmetric'] as const) {
    const whole = error({ bits, scheme, range: 'minmax' });
    expect(error({ bits, scheme, range: 'mse' })).toBeLessThanOrEqual(whole);
    const one = error({ bits, scheme, range: 'mse', granularity: 'tensor' });
    const channels = error({ bits, scheme, range: 'mse' });
    expect(channels).toBeLessThan(one);
    expect(error({ bits, scheme, range: 'mse', granularity: { group: 4 } })).toBeLessThan(channels);
  }
});

test('one symmetric bit is a sign times the mean of magnitudes', () => {
  const grid = chooseGrid(matrix, { ...format, bits: 1 });
  const codes = nearestCodes(grid, matrix);
  codes.forEach((code, index) => {
    expect(code).toBe((values[index] ?? 0) < 0 ? -1 : 1);
  });
  const row = Array.from(values.subarray(0, 13), Math.abs);
  expect(grid.scales[0]).toBeCloseTo(row.reduce((sum, value) => sum + value, 0) / 13, 6);
});

test('groups end with the row, and each has its own scale', () => {
  const grid = chooseGrid(matrix, { ...format, bits: 4, granularity: { group: 5 } });
  expect([grid.scales.length, grid.rowStep]).toEqual([18, 3]);
  const last = Math.max(...Array.from(values.subarray(10, 13), Math.abs));
  expect(grid.scales[2]).toBe(Math.fround(last / 7));
});

test('matrices are read by channels wherever these lie', () => {
  const matMul = { ...node, operator: 'MatMul', attributes: new Map() };
  const turned = weightMatrix(matMul, hostTensor('float32', [2, 3], [1, 2, 3, 4, 5, 6]));
  expect([turned.rows, turned.columns, Array.from(turned.values)]).toEqual([3, 2, [1, 4, 2, 5, 3, 6]]);
  const batch = weightMatrix(matMul, hostTensor('float32', [2, 1, 2], [1, 2, 3, 4]));
  expect([batch.rows, batch.columns]).toEqual([1, 4]);
});
