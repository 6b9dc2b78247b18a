import { describe, expect, it } from 'vitest';
import { arrangeWeights } from '../../src/conv/arrange.ts';
import { convolve } from '../../src/conv/convolve.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('arranged weights', () => {
  it.each([
    [1, 3, 7, false],
    [2, 4, 9, false],
    [3, 1, 8, true],
    [2, 5, 17, true],
  ])('%i groups of %i to %i channels, transposed %s', async (groups, inputs, outputs, transposed) => {
    const engine = await open();
    const taps = 6;
    const shape = transposed ? [groups * inputs, outputs, 2, 3] : [groups * outputs, inputs, 2, 3];
    const values = createRandom(outputs).normalArray(groups * inputs * outputs * taps);
    using weights = engine.tensor(values, shape);
    using arranged = arrangeWeights(engine, weights, { groups, transposed });
    const padded = Math.ceil(outputs / 8) * 8;
    expect(arranged.shape).toEqual([groups, taps, inputs, padded]);
    const expected = Array.from({ length: arranged.size }, (_, index) => {
      const output = index % padded;
      const input = Math.floor(index / padded) % inputs;
      const tap = Math.floor(index / padded / inputs) % taps;
      const group = Math.floor(index / padded / inputs / taps);
      const filter = transposed
        ? (group * inputs + input) * outputs + output
        : (group * outputs + output) * inputs + input;
      return output < outputs ? values[filter * taps + tap] : 0;
    });
    expect(Array.from(await arranged.read())).toEqual(expected);
  });

  it('serve in place of those they were made of', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array([1, 2, 3, 4]), [1, 2, 2]);
    using weights = engine.tensor(new Float32Array([10, 100, 1, 0]), [2, 2, 1]);
    using arranged = arrangeWeights(engine, weights, { groups: 1, transposed: false });
    const window = { kernel: [1], strides: [1], dilations: [1], padsBefore: [0] };
    using y = convolve(engine, x, weights, { window, outputLengths: [2], arranged });
    expect(Array.from(await y.read())).toEqual([310, 420, 1, 2]);
  });
});
