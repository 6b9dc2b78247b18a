import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { widen } from '../../src/quant/convert.ts';
import { dequantize } from '../../src/quant/dequantize.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('a recording', () => {
  it('repeats its work on whatever the input then holds, without allocating', async () => {
    const engine = await open();
    const before = engine.memory.live;
    const x = engine.empty([3], 'float32');
    const { value: y, recording } = engine.capture(() => {
      using codes = quantize(engine, x, { scheme: 'asymmetric' });
      using values = dequantize(engine, codes);
      using again = quantize(engine, values, { bits: 4, scales: [1] });
      return dequantize(engine, again);
    });
    const { bytes, bytesWithoutReuse } = recording.memory;
    expect(bytes).toBeLessThan(bytesWithoutReuse);
    const held = engine.memory;
    for (const values of [
      [0, 1, 2],
      [5, -7, 3],
      [0.2, 0, 100],
    ]) {
      engine.upload(x.allocation, new Uint8Array(new Float32Array(values).buffer));
      recording.replay();
      expect([...(await y.read())].map((value) => value + 0)).toEqual(
        values.map((value) => Math.max(-7, Math.min(7, Math.round(value))) + 0),
      );
    }
    expect(engine.memory).toEqual(held);
    x.dispose();
    y.dispose();
    recording.dispose();
    expect(engine.memory.live).toBe(before);
  });

  it('keeps what was uploaded in it from the steps before', async () => {
    const engine = await open();
    using x = engine.tensor(Int8Array.of(1, 2, 3, 4), [4]);
    const { value: sum, recording } = engine.capture(() => {
      widen(engine, x).dispose();
      using constant = engine.tensor(Int8Array.of(5, 6, 7, 8), [4]);
      return widen(engine, constant);
    });
    for (let repetition = 0; repetition < 2; repetition++) {
      recording.replay();
      expect([...(await sum.read())]).toEqual([5, 6, 7, 8]);
    }
    sum.dispose();
    recording.dispose();
  });

  it('keeps error words from the steps after, as long as it lives', async () => {
    const engine = await open();
    using x = engine.tensor(Float32Array.of(1, Number.NaN), [2]);
    const { value: wide, recording } = engine.capture(() => {
      using codes = quantize(engine, x);
      using values = dequantize(engine, codes);
      using again = engine.empty([2], 'float32');
      engine.copy(values.allocation, again.allocation, 8);
      const copies = [0, 1, 2, 3].map(() => engine.empty([2], 'float32'));
      for (const copy of copies) engine.copy(again.allocation, copy.allocation, 8);
      for (const copy of copies.slice(1)) copy.dispose();
      return copies[0] ?? again;
    });
    recording.replay();
    await expect(wide.read()).rejects.toThrow('Element 1');
    await expect(engine.check()).rejects.toThrow('Element 1');
    wide.dispose();
    recording.dispose();
    await engine.check();
  });

  it('finds a non-finite element in one repetition and forgets it in the next', async () => {
    const engine = await open();
    using x = engine.empty([2], 'float32');
    const { value: codes, recording } = engine.capture(() => quantize(engine, x));
    engine.upload(x.allocation, new Uint8Array(new Float32Array([1, Number.NaN]).buffer));
    recording.replay();
    await expect(codes.read()).rejects.toThrow(InvalidInput);
    engine.upload(x.allocation, new Uint8Array(new Float32Array([1, 2]).buffer));
    recording.replay();
    expect([...(await codes.read())]).toEqual([64, 127]);
    codes.dispose();
    recording.dispose();
  });
});
