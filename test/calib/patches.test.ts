import { describe, expect, test } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { type PatchWindow, patches, positionStepOf } from '../../src/calib/patches.ts';
import { convolution } from '../reference/conv.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const random = createRandom(21);
const zeros = { before: [0, 0], after: [0, 0] };

const windows: { name: string; shape: number[]; window: PatchWindow; output: number[]; before: number[] }[] = [
  {
    name: 'strides, dilations and padding of each axis',
    shape: [2, 3, 7, 9],
    window: {
      groups: 1,
      kernel: [3, 2],
      strides: [2, 1],
      dilations: [1, 3],
      padding: { before: [1, 0], after: [2, 1] },
    },
    output: [4, 7],
    before: [1, 0],
  },
  {
    name: 'groups',
    shape: [1, 6, 4, 4],
    window: { groups: 3, kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: zeros },
    output: [4, 4],
    before: [0, 0],
  },
  {
    name: 'one axis, padded to its length with more before',
    shape: [2, 2, 6],
    window: { groups: 2, kernel: [4], strides: [1], dilations: [1], padding: 'lower' },
    output: [6],
    before: [2],
  },
];

describe('patches', () => {
  test.each(windows)('times weights are a convolution: $name', async ({ shape, window, output, before }) => {
    const engine = await open();
    const data = random.uniformArray(
      shape.reduce((a, b) => a * b, 1),
      -1,
      1,
    );
    using x = engine.tensor(data, shape);
    const made = patches(withWorkBudget(engine, 30_000), x, window, 1e6);
    const found = await made.rows.read();
    const stride = made.rows.shape.at(-1) ?? 0;
    made.rows.dispose();
    const { groups, kernel, strides, dilations } = window;
    const [batch = 0, channels = 0] = shape;
    const places = output.reduce((a, b) => a * b, 1);
    const columns = (channels / groups) * kernel.reduce((a, b) => a * b, 1);
    expect(made.columns).toBe(columns);
    expect(made.rows.shape).toEqual([groups, batch * places, Math.ceil((columns + 1) / 4) * 4]);
    const weights = random.uniformArray(groups * columns, -1, 1);
    const { sums } = convolution(
      { shape, data },
      { shape: [groups, channels / groups, ...kernel], data: weights },
      { window: { kernel, strides, dilations, padsBefore: before }, groups, transposed: false, outputLengths: output },
    );
    for (let group = 0; group < groups; group++) {
      for (let position = 0; position < batch * places; position++) {
        const row = found.subarray((group * batch * places + position) * stride);
        const product = weights
          .subarray(group * columns, (group + 1) * columns)
          .reduce((sum, weight, index) => sum + weight * (row[index] ?? 0), 0);
        const [n, place] = [Math.floor(position / places), position % places];
        expect(product).toBeCloseTo(sums[(n * groups + group) * places + place] ?? Number.NaN, 4);
        const rest = Array.from(row.subarray(columns, stride));
        expect(rest).toEqual([1, 0, 0, 0].slice(0, stride - columns));
      }
    }
  });

  test('rows of a matrix product, every third of them, in several blocks', async () => {
    const engine = await open();
    const data = random.uniformArray(2 * 53 * 3, -1, 1);
    using x = engine.tensor(data, [2, 53, 3]);
    const { rows } = patches(engine, x, undefined, 36);
    expect(rows.shape).toEqual([1, 36, 4]);
    const wanted = Array.from({ length: 36 }, (_, row) => [...data.subarray(9 * row, 9 * row + 3), 1]);
    expect(Array.from(await rows.read())).toEqual(wanted.flat());
    rows.dispose();
  });

  test('some positions of several images', async () => {
    const engine = await open();
    const window = { groups: 1, kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: zeros };
    const data = random.uniformArray(3 * 5 * 6, -1, 1);
    using x = engine.tensor(data, [3, 1, 5, 6]);
    const { rows } = patches(engine, x, window, 13);
    // Every seventh of 90 positions; every eighth would keep to even columns.
    const wanted = Array.from({ length: 13 }, (_, position) => [data[7 * position] ?? Number.NaN, 1, 0, 0]);
    expect(Array.from(await rows.read())).toEqual(wanted.flat());
    rows.dispose();
  });

  test('steps share no factor with the length of a line', () => {
    expect([1, 2, 12, 13, 40, 100].map((limit) => positionStepOf(90, limit, 6))).toEqual([91, 47, 11, 7, 5, 1]);
    expect(positionStepOf(90, 30, 90)).toBe(3);
    expect([positionStepOf(0, 5, 0), positionStepOf(7, 7, 1)]).toEqual([1, 1]);
  });

  test('inputs that do not fit are refused', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(8), [1, 2, 4]);
    const [{ window } = { window: undefined }] = windows;
    expect(() => patches(engine, x, window, 4)).toThrow(ShapeMismatch);
  });
});
