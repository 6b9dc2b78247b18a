import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { pack, packedBytes, unpack } from '../../src/quant/packing.ts';
import { quantize } from '../../src/quant/quantize.ts';
import { packBits } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe('pack and unpack', () => {
  it('5 bits take 5 bits, the lowest first', () => {
    expect(pack([1, 2, 31], 5)).toEqual(Uint8Array.of(0b010_00001, 0b0_11111_00));
    expect(unpack(Uint8Array.of(0b010_00001, 0b0_11111_00), 5, 3, false)).toEqual(Uint8Array.of(1, 2, 31));
    expect(unpack(Uint8Array.of(0b010_00001, 0b0_11111_00), 5, 3, true)).toEqual(Int8Array.of(1, 2, -1));
  });

  it('any codes come back, and the stream is the reference', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.boolean()).chain(([bits, signed]) => {
      const low = signed ? -(2 ** (bits - 1)) : 0;
      const code = fc.integer({ min: low, max: low + 2 ** bits - 1 });
      return fc.record({
        bits: fc.constant(bits),
        signed: fc.constant(signed),
        codes: fc.array(code, { maxLength: 99 }),
      });
    });
    fc.assert(
      fc.property(cases, ({ bits, signed, codes }) => {
        const packed = pack(codes, bits);
        expect(packed.length).toBe(Math.ceil((codes.length * bits) / 8));
        expect([...unpack(packed, bits, codes.length, signed)]).toEqual(codes);
        const words = new Uint8Array(packBits(codes, bits).buffer);
        expect([...packed]).toEqual([...words.subarray(0, packed.length)]);
      }),
      { numRuns: 300 },
    );
  });

  it.each([8, 7, 6, 5, 4, 3, 2, 1])('%i bits: the same stream as on the GPU', async (bits) => {
    const engine = await open();
    for (const count of [1, 5, 32, 77, 128]) {
      using x = engine.tensor(createRandom(count).normalArray(count), [count]);
      using quantized = quantize(engine, x, { bits, scheme: 'asymmetric' });
      const stream = new Uint8Array(await engine.readBytes(quantized.data, packedBytes(count, bits)));
      expect(stream).toEqual(pack(await quantized.read(), bits));
      expect(quantized.bytes).toBe(packedBytes(count, bits) + 4 + 1);
    }
  });

  it('has typed errors', () => {
    for (const bits of [0, 9, 1.5, Number.NaN]) {
      expect(() => pack([1], bits)).toThrow(InvalidQuantization);
      expect(() => unpack(new Uint8Array(9), bits, 1, false)).toThrow(/whole number from 1 to 8/);
    }
    expect(() => unpack(new Uint8Array(2), 5, 4, false)).toThrow(ShapeMismatch);
    expect(() => unpack(new Uint8Array(2), 5, 4, false)).toThrow(/take 3 bytes, but there are 2/);
  });
});
