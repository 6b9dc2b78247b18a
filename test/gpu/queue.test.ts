import { describe, expect, it } from 'vitest';
import { InvalidInput, ShaderError } from '../../src/base/errors.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { declaredKernels } from '../../src/gpu/kernel.ts';
import { dequantize } from '../../src/quant/dequantize.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('the queue', () => {
  it('runs more dispatches than fit one batch in the order they were recorded', async () => {
    const engine = await open();
    const before = engine.memory.live;
    const results = Array.from({ length: 300 }, (_, index) => {
      // Every step reuses the buffers that the one before it released.
      using x = engine.tensor(new Float32Array([index, -index]), [2]);
      using codes = quantize(engine, x, { bits: 8, scales: [index + 1] });
      return dequantize(engine, codes);
    });
    const values = await Promise.all(results.map((tensor) => tensor.read()));
    values.forEach(([first, second], index) => {
      const code = index / (index + 1) > 0.5 ? 1 : 0;
      expect([first, second].map((value = Number.NaN) => Math.abs(value))).toEqual([
        code * (index + 1),
        code * (index + 1),
      ]);
    });
    for (const tensor of results) tensor.dispose();
    expect(engine.memory.live).toBe(before);
  });

  it('hands an error word on to everything computed from it, and to nothing else', async () => {
    const engine = await open();
    using bad = engine.tensor(new Float32Array([1, 2, Number.POSITIVE_INFINITY, Number.NaN]), [4]);
    using good = engine.tensor(new Float32Array([1, 2, 3, 127]), [4]);
    const [badCodes, goodCodes] = [quantize(engine, bad), quantize(engine, good)];
    const [badValues, goodValues] = [dequantize(engine, badCodes), dequantize(engine, goodCodes)];
    badCodes.dispose();
    goodCodes.dispose();
    await expect(badValues.read()).rejects.toThrow(InvalidInput);
    await expect(badValues.read()).rejects.toThrow('Element 2 ');
    expect([...(await goodValues.read())]).toEqual([1, 2, 3, 127]);
    await expect(engine.check()).rejects.toThrow(InvalidInput);
    badValues.dispose();
    goodValues.dispose();
    await engine.check();
  });

  it('says where a shader does not compile, to whoever reads what it should have written', async () => {
    const engine = await Engine.open();
    const kernel = declaredKernels.find(({ name }) => name === 'quant/dequantize');
    if (!kernel) throw new Error('quant/dequantize is not declared');
    const y = engine.empty([4], 'float32');
    const bindings = Object.fromEntries(Object.keys(kernel.bindings).map((name) => [name, engine.allocate(256)]));
    engine.run(kernel, {
      uniforms: Object.fromEntries(Object.keys(kernel.uniforms).map((name) => [name, 0])),
      bindings: { ...bindings, [Object.keys(kernel.bindings).at(-1) ?? '']: y },
      workgroups: 1,
      work: 1,
      // Half a bit: it links, but WGSL does not shift by a fraction.
      variant: { constants: { BITS: 0.5 } },
    });
    const failure = await y.read().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ShaderError);
    expect(String(failure)).toContain('quant/dequantize');
    expect(String(failure)).toMatch(/\.wgsl:\d+:\d+: /);
    await expect(engine.check()).rejects.toThrow(ShaderError);
    engine.close();
  });

  it('times each kernel where the adapter can', async () => {
    const engine = await open();
    using x = engine.tensor(new Float32Array(10_000).fill(1), [10_000]);
    const { value, kernels } = await engine.profile(() => quantize(engine, x));
    value.dispose();
    expect(kernels.map(({ kernel }) => kernel)).toContain('quant/quantize');
    for (const { milliseconds } of kernels) expect(milliseconds).toBeGreaterThanOrEqual(0);
    // Afterwards nothing is timed any more.
    expect((await engine.profile(() => undefined)).kernels).toEqual([]);
  });

  it('measures the adapter and keeps a positive budget', async () => {
    const engine = await open();
    expect(engine.workBudget).toBeGreaterThan(0);
    expect(Number.isFinite(engine.workBudget)).toBe(true);
  });
});
