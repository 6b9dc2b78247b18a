import { describe, expect, it } from 'vitest';
import { InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { packConvolutionWeights } from '../../src/conv/integerWeights.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('packed weights', () => {
  it.each([
    ['one group, two passes', 1, [9, 5, 2, 3], 7, 1, 2],
    ['pairs of merged groups', 6, [12, 4, 1, 3], 0, 3, 1],
    ['groups as they are', 2, [8, 8, 1, 1], 0, 2, 1],
  ] as const)('%s', async (_, groups, shape, zeroPoint, merged, passes) => {
    const engine = await open();
    const [channels, ofGroup, ...kernel] = shape;
    const taps = kernel.reduce<number>((a, b) => a * b, 1);
    const values = Int8Array.from(createRandom(channels).integerArray(channels * ofGroup * taps, -128, 127));
    using tensor = engine.tensor(values, shape);
    const weights = packConvolutionWeights(engine, tensor, { groups, zeroPoint });
    const { layout } = weights;
    expect(layout).toMatchObject({ depthwise: false, groups: merged, passes });
    const words = Math.ceil((ofGroup * groups) / merged / 8) * 2;
    const outputs = channels / merged;
    const padded = Math.ceil(outputs / 8) * 8;
    const bytes = new Int8Array((await weights.words.read()).buffer);
    const expected = new Int8Array(merged * passes * taps * words * padded * 4);
    for (let group = 0; group < merged; group++) {
      for (let output = 0; output < outputs; output++) {
        const channel = group * outputs + output;
        for (let input = 0; input < (ofGroup * groups) / merged; input++) {
          const sees = Math.floor(input / ofGroup) === Math.floor(output / (channels / groups));
          for (let tap = 0; sees && tap < taps; tap++) {
            const at = (turn: number): number =>
              ((((group * passes + turn) * taps + tap) * words + Math.floor(input / 4)) * padded + output) * 4 +
              (input % 4);
            expected[at(0)] = values[(channel * ofGroup + (input % ofGroup)) * taps + tap] ?? 0;
            if (passes === 2) expected[at(1)] = 1;
          }
        }
      }
    }
    expect(Array.from(bytes)).toEqual(Array.from(expected));
    const each = ofGroup * taps;
    const sums = Array.from({ length: channels }, (_, channel) =>
      values.subarray(channel * each, (channel + 1) * each).reduce((sum, value) => sum + value, 0),
    );
    expect(Array.from(await weights.channels.read())).toEqual(sums.flatMap((sum) => [sum, zeroPoint]));
    weights.dispose();
  });

  it('puts the channels of a depthwise convolution side by side', async () => {
    const engine = await open();
    using tensor = engine.tensor(Uint8Array.of(128, 129, 130, 131, 132, 133, 134, 135, 136, 137), [5, 1, 2]);
    const weights = packConvolutionWeights(engine, tensor, { groups: 5, zeroPoint: 128 });
    const bytes = new Int8Array((await weights.words.read()).buffer);
    const zeros = Array.from({ length: 11 }, () => 0);
    expect(Array.from(bytes)).toEqual([0, 2, 4, 6, 8, ...zeros, 1, 3, 5, 7, 9, ...zeros]);
    weights.dispose();
  });

  it('refuses what does not fit', async () => {
    const engine = await open();
    using tensor = engine.tensor(new Int8Array(24), [4, 2, 3]);
    using zeroPoint = engine.tensor(new Uint8Array(4), [4]);
    expect(() => packConvolutionWeights(engine, tensor, { groups: 3 })).toThrow(ShapeMismatch);
    expect(() => packConvolutionWeights(engine, tensor, { shape: [4, 2, 2] })).toThrow(ShapeMismatch);
    expect(() => packConvolutionWeights(engine, tensor, { zeroPoint: 128 })).toThrow(InvalidQuantization);
    expect(() => packConvolutionWeights(engine, tensor, { zeroPoint })).toThrow(InvalidQuantization);
  });
});
