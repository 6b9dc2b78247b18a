import { describe, expect, test } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { type PatchWindow, patches } from '../../src/calib/patches.ts';
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
    using made = patches(withWorkBudget(engine, 7000), x, window, { positions: 1e6, transposed: false });
    const found = await made.read();
    const { groups, kernel, strides, dilations } = window;
    const [batch = 0, channels = 0] = shape;
    const places = output.reduce((a, b) => a * b, 1);
    const columns = (channels / groups) * kernel.reduce((a, b) => a * b, 1);
    expect(made.shape).toEqual([groups, batch * places, columns + 1]);
    const weights = random.uniformArray(groups * columns, -1, 1);
    const { sums } = convolution(
      { shape, data },
      { shape: [groups, channels / groups, ...kernel], data: weights },
      { window: { kernel, strides, dilations, padsBefore: before }, groups, transposed: false, outputLengths: output },
    );
    for (let group = 0; group < groups; group++) {
      for (let position = 0; position < batch * places; position++) {
        const row = found.subarray((group * batch * places + position) * (columns + 1));
        const product = weights
          .subarray(group * columns, (group + 1) * columns)
          .reduce((sum, weight, index) => sum + weight * (row[index] ?? 0), 0);
        const [n, place] = [Math.floor(position / places), position % places];
        expect(product).toBeCloseTo(sums[(n * groups + group) * places + place] ?? Number.NaN, 4);
        expect(row[columns]).toBe(1);
      }
    }
  });

  test('rows of a matrix product, every third of them, transposed', async () => {
    const engine = await open();
    const data = random.uniformArray(2 * 5 * 3, -1, 1);
    using x = engine.tensor(data, [2, 5, 3]);
    using made = patches(engine, x, undefined, { positions: 4, transposed: true });
    expect(made.shape).toEqual([1, 4, 4]);
    const wanted = [0, 1, 2].map((column) => [0, 3, 6, 9].map((row) => data[3 * row + column] ?? 0));
    expect(Array.from(await made.read())).toEqual([...wanted.flat(), 1, 1, 1, 1]);
  });

  test('inputs that do not fit are refused', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(8), [1, 2, 4]);
    const [{ window } = { window: undefined }] = windows;
    expect(() => patches(engine, x, window, { positions: 4, transposed: false })).toThrow(ShapeMismatch);
  });
});
