import { describe, expect, it } from 'vitest';
import { LimitExceeded } from '../../src/base/errors.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { dequantize } from '../../src/quant/dequantize.ts';
import { type Granularity, perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { minMax } from '../../src/quant/range.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withLimits } from '../support/limits.ts';

const open = useEngine();

/** Another engine on the same device, which takes it for one with small bindings. */
async function openWithBindings(bytes: number): Promise<Engine> {
  const { device } = await open();
  return Engine.open({ device: withLimits(device, { maxStorageBufferBindingSize: bytes }), poison: true });
}

describe('quantization of tensors beyond one storage binding', () => {
  const granularities: { name: string; granularity: Granularity }[] = [
    { name: 'tensor', granularity: perTensor() },
    { name: 'channel 0', granularity: perChannel(0) },
    { name: 'channel 1', granularity: perChannel(1) },
    { name: 'group on 0', granularity: perGroup(0, 16) },
    { name: 'group on 1', granularity: perGroup(1, 16) },
  ];

  it.each(granularities)('gives what one binding gives: $name', async ({ granularity }) => {
    const whole = await open();
    const limited = await openWithBindings(8192);
    const shape = [150, 37];
    const values = createRandom(8).normalArray(150 * 37);
    for (const layout of ['flat', 'rows', 'columns'] as const) {
      for (const bits of [8, 5, 3, 1]) {
        const results = [];
        for (const engine of [whole, limited]) {
          using x = engine.tensor(values, shape);
          using quantized = quantize(engine, x, { bits, layout, granularity });
          using floats = dequantize(engine, quantized);
          const { minimum, maximum } = minMax(engine, x, granularity);
          const read = [minimum, maximum, quantized.scales, quantized, floats].map((result) => result.read());
          results.push(await Promise.all(read));
          minimum.dispose();
          maximum.dispose();
        }
        expect(results[1], `${layout}, ${bits} bits`).toEqual(results[0]);
      }
    }
    await limited.check();
    expect(limited.memory.live).toBe(0);
    limited.close();
  });

  it('says so when what must be bound together is too much', async () => {
    const engine = await openWithBindings(4096);
    using x = engine.tensor(new Float32Array(8 * 1000).fill(1), [8, 1000]);
    const before = engine.memory.live;
    expect(() => quantize(engine, x, { layout: 'columns' })).toThrow(LimitExceeded);
    expect(() => quantize(engine, x, { layout: 'columns' })).toThrow(/maxStorageBufferBindingSize is 4096 bytes; cut/);
    await engine.idle();
    expect(engine.memory.live).toBe(before);
    x.dispose();
    engine.close();
  });

  it('reports the first bad element, wherever it is', async () => {
    const engine = await openWithBindings(4096);
    const values = new Float32Array(5000).fill(1);
    values[4321] = Number.NaN;
    values[4999] = Number.NaN;
    using x = engine.tensor(values, [50, 100]);
    for (const options of [{}, { scales: [1] }]) {
      using quantized = quantize(engine, x, options);
      await expect(quantized.read()).rejects.toThrow(/Element 4321 /);
    }
    x.dispose();
    engine.close();
  });
});
