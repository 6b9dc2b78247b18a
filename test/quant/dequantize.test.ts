import { describe, expect, it } from 'vitest';
import { DisposedTensor } from '../../src/base/errors.ts';
import { dequantize } from '../../src/quant/dequantize.ts';
import { perChannel } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { dequantizeLinear, parameterIndices, quantizeLinear } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('dequantize', () => {
  it.each([8, 7, 5, 4, 3, 1])(
    'undoes %i bits exactly: the f32 product of code less zero point and scale',
    async (bits) => {
      const engine = await open();
      const random = createRandom(bits);
      const shape = [7, 45];
      // From denormal to huge scales, where a flushed denormal or a fused product would show.
      const scales = Float32Array.from({ length: 45 }, (_, index) =>
        Math.fround(10 ** (index * 1.6 - 40) * (1 + random.uniform())),
      );
      const zeroPoints = Int32Array.from(scales, () => random.integer(0, 2 ** bits - 1));
      const { indices } = parameterIndices(shape, 1);
      const values = Float32Array.from(indices, (index) => {
        const scale = scales[index] ?? 1;
        return Math.max(-3e38, Math.min(3e38, scale * random.integer(-(2 ** bits), 2 ** bits)));
      });
      const parameters = { scales, zeroPoints, indices };
      const codes = quantizeLinear(values, { ...parameters, bits, signed: false });
      using x = engine.tensor(values, shape);
      using packed = quantize(engine, x, {
        bits,
        scheme: 'asymmetric',
        granularity: perChannel(1),
        scales,
        zeroPoints,
      });
      using floats = dequantize(engine, packed);
      expect(floats.shape).toEqual(shape);
      expect(await floats.read()).toEqual(dequantizeLinear(codes, parameters));
    },
  );

  it('does not use what was disposed', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(3), [3]);
    const packed = quantize(engine, x);
    packed.dispose();
    expect(() => dequantize(engine, packed)).toThrow(DisposedTensor);
  });
});
