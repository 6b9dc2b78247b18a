import { describe, expect, it } from 'vitest';
import { type Granularity, perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { parameterIndices, quantizeSign } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('the scale of one symmetric bit is the mean of |x|, rounded once', () => {
  it.each<[string, readonly number[], Granularity, readonly [] | readonly [number] | readonly [number, number]]>([
    ['one element', [1], perTensor(), []],
    ['a tensor longer than a workgroup', [3001], perTensor(), []],
    ['the first axis', [5, 67], perChannel(0), [0]],
    ['the last axis', [129, 3], perChannel(-1), [1]],
    ['groups with a rest', [4, 70], perGroup(1, 32), [1, 32]],
    ['groups along the first axis', [70, 5], perGroup(0, 16), [0, 16]],
  ])('%s', async (_, shape, granularity, axis) => {
    const engine = await open();
    const random = createRandom(shape.length + (shape[0] ?? 0));
    const { indices, parameterCount } = parameterIndices(shape, ...axis);
    const values = Float32Array.from(indices, (index) => random.normal() * 10 ** ((index % 9) - 4));
    const { codes, scales } = quantizeSign(values, indices, parameterCount);
    using x = engine.tensor(values, shape);
    using packed = quantize(engine, x, { bits: 1, granularity });
    expect(await packed.scales.read()).toEqual(scales);
    expect(Int32Array.from(await packed.read())).toEqual(codes);
    // The exact integer mean is within one rounding of each magnitude of the true one.
    const sums = new Float64Array(parameterCount);
    const counts = new Float64Array(parameterCount);
    indices.forEach((index, element) => {
      sums[index] = (sums[index] ?? 0) + Math.abs(values[element] ?? 0);
      counts[index] = (counts[index] ?? 0) + 1;
    });
    scales.forEach((scale, index) => {
      const mean = (sums[index] ?? 0) / (counts[index] ?? 1);
      expect(Math.abs(scale - mean)).toBeLessThanOrEqual(mean * 2 ** -23 * (counts[index] ?? 1) ** 0.5);
    });
  });

  it('is 1 where all elements are zero', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(6), [2, 3]);
    using packed = quantize(engine, x, { bits: 1, granularity: perChannel(0) });
    expect([...(await packed.scales.read())]).toEqual([1, 1]);
  });
});
