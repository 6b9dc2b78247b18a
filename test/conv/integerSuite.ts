import { describe, expect, it } from 'vitest';
import { elementCount } from '../../src/base/shape.ts';
import { integerConvolve } from '../../src/conv/integerConvolve.ts';
import type { IntegerKernelChoice } from '../../src/conv/integerSelect.ts';
import { packConvolutionWeights } from '../../src/conv/integerWeights.ts';
import type { Engine } from '../../src/gpu/engine.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { toChannelsFirst, toChannelsLast } from '../../src/nn/channelsLast.ts';
import { uploadTable } from '../../src/quant/codeTable.ts';
import { integerConvolution } from '../reference/conv.ts';
import { requantizeFloat } from '../reference/gemm.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { outputLengthsOf, windowOf } from './cases.ts';
import type { IntegerCase } from './integerCases.ts';

const lowestOf = (dtype: 'int8' | 'uint8'): number => (dtype === 'int8' ? -128 : 0);
const arrayOf = (
  dtype: 'int8' | 'uint8',
  values: ArrayLike<number>,
): Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer> =>
  dtype === 'int8' ? Int8Array.from(values) : Uint8Array.from(values);

/** Rows are padded with zeros, for the next convolution to read them as they are. */
async function expectPadded(engine: Engine, { allocation, layout }: Tensor): Promise<void> {
  const bytes = new Uint8Array(await engine.readBytes(allocation, layout.size));
  expect(bytes.filter((byte, index) => index % layout.rowBytes >= layout.columnCount && byte !== 0)).toHaveLength(0);
}

/** What every kernel of the integer convolution must do: every kind of result, equal to the exact one. */
export function integerConvolutionSuite(
  name: string,
  cases: readonly (readonly [string, IntegerCase])[],
  kernel: Omit<IntegerKernelChoice, 'reason'>,
): void {
  describe(name, () => {
    const open = useEngine();

    it.each(cases)('is exact for %s', async (_, integerCase) => {
      const engine = await open();
      const { batchCount, groups, inputChannels, outputChannels, input } = integerCase;
      const window = windowOf(integerCase);
      const outputLengths = outputLengthsOf(integerCase, false);
      const channels = groups * outputChannels;
      const random = createRandom(inputChannels + 64 * outputChannels + 4096 * groups);
      const codes = (dtype: 'int8' | 'uint8', count: number) =>
        arrayOf(dtype, random.integerArray(count, lowestOf(dtype), lowestOf(dtype) + 255));
      const xShape = [batchCount, groups * inputChannels, ...input];
      const wShape = [channels, inputChannels, ...integerCase.kernel];
      const xs = codes(integerCase.x, elementCount(xShape));
      const ws = codes(integerCase.w, elementCount(wShape));
      const [xZeroPoint = 0] = codes(integerCase.x, 1);
      const wZeroPoints = {
        centred: Array.from([lowestOf(integerCase.w) + 128]),
        one: Array.from(codes(integerCase.w, 1)),
        channels: Array.from(codes(integerCase.w, channels)),
      }[integerCase.zeroPoints];

      const sums = integerConvolution(
        { shape: xShape, data: xs, zeroPoints: [xZeroPoint] },
        { shape: wShape, data: ws, zeroPoints: wZeroPoints },
        { window, groups, outputLengths },
      );
      using first = engine.tensor(xs, xShape);
      using x = toChannelsLast(engine, first);
      using weightTensor = engine.tensor(ws, [channels, elementCount(wShape.slice(1))]);
      using zeroPointTensor = engine.tensor(arrayOf(integerCase.w, wZeroPoints), [wZeroPoints.length]);
      const weights = packConvolutionWeights(engine, weightTensor, {
        groups,
        shape: wShape,
        zeroPoint: integerCase.zeroPoints === 'centred' ? (wZeroPoints[0] ?? 0) : zeroPointTensor,
      });
      const common = { window, outputLengths, xZeroPoint, kernel };
      const channelOf = (index: number): number => Math.floor(index / elementCount(outputLengths)) % channels;

      using plain = integerConvolve(engine, x, weights, common);
      expect(Array.from(await plain.read())).toEqual(Array.from(sums));

      // Scales that bring the sums to 8 bits, some of them to ties.
      const reach = Math.max(...sums.map(Math.abs), 1) / 200;
      const wScales = Float32Array.from({ length: channels }, (_, channel) =>
        channel % 3 === 0 ? 2 ** -Math.ceil(Math.log2(reach)) : random.uniform() / reach,
      );
      using wScale = engine.tensor(wScales, [channels]);
      const biases = random.integerArray(channels, -Math.ceil(reach * 50), Math.ceil(reach * 50));
      using bias = engine.tensor(biases, [channels]);
      const [xScale, scale] = [Math.fround(0.37), Math.fround(0.37)];
      const dtype = integerCase.x;
      const lowest = lowestOf(dtype);
      const [zeroPoint, bottom] = [lowest + 120, lowest + 30];
      using last = integerConvolve(engine, x, weights, {
        ...common,
        result: { kind: 'codes', xScale, wScale, scale, zeroPoint, dtype, lowest: bottom, bias },
      }) as typeof x;
      using requantized = toChannelsFirst(engine, last);
      const expected = Array.from(sums, (sum, index) => {
        const channel = channelOf(index);
        const factor = Math.fround(Math.fround(xScale * (wScales[channel] ?? 0)) / scale);
        const code = requantizeFloat(sum + (biases[channel] ?? 0), factor) + zeroPoint;
        return Math.min(Math.max(code, bottom), lowest + 255);
      });
      expect(Array.from(await requantized.read())).toEqual(expected);
      await expectPadded(engine, last);
      // One case is enough for what replaces the codes.
      if (integerCase === cases[0]?.[1]) {
        const codesOfTable = random.integerArray(256, lowest, lowest + 255);
        const table = uploadTable(engine, arrayOf(dtype, codesOfTable), dtype);
        using replaced = integerConvolve(engine, x, weights, {
          ...common,
          result: { kind: 'codes', xScale, wScale, scale, zeroPoint, dtype, lowest: bottom, bias, table },
        }) as typeof x;
        using channelsFirst = toChannelsFirst(engine, replaced);
        const wanted = expected.map((code) => codesOfTable[code - lowest]);
        expect(Array.from(await channelsFirst.read())).toEqual(wanted);
        await expectPadded(engine, replaced);
        table.dispose();
      }

      const floats = random.normalArray(channels);
      using floatBias = engine.tensor(floats, [channels]);
      const upper = 30;
      using scaled = integerConvolve(engine, x, weights, {
        ...common,
        result: { kind: 'floats', xScale, wScale, bias: floatBias, upper },
      });
      for (const [index, value] of (await scaled.read()).entries()) {
        const channel = channelOf(index);
        const product = (sums[index] ?? 0) * Math.fround(xScale * (wScales[channel] ?? 0));
        const exact = Math.min(product + (floats[channel] ?? 0), upper);
        expect(Math.abs(value - exact)).toBeLessThanOrEqual((Math.abs(product) + 8) * 2 ** -22);
      }
      weights.dispose();
    });
  });
}
