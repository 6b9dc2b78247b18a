import { describe, expect, it } from 'vitest';
import { InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { lookup, tableOf } from '../../src/nn/lookup.ts';
import type { ByteType } from '../../src/quant/byteCodes.ts';
import { uploadTable } from '../../src/quant/codeTable.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const types: readonly ByteType[] = ['int8', 'uint8'];
const arrays = { int8: Int8Array, uint8: Uint8Array } as const;

describe('lookup', () => {
  it.each(types.flatMap((input) => types.map((output) => [input, output] as const)))(
    'from %s to %s',
    async (from, to) => {
      const engine = await open();
      const random = createRandom(71);
      const codes = arrays[to].from(random.integerArray(256, to === 'int8' ? -128 : 0, to === 'int8' ? 127 : 255));
      const low = from === 'int8' ? -128 : 0;
      const table = uploadTable(engine, codes, from);
      for (const shape of [[], [0], [1], [3, 15], [16], [2, 3, 17], [1, 33, 64], [70, 3]]) {
        const count = shape.reduce((product, length) => product * length, 1);
        const data = arrays[from].from(random.integerArray(count, low, low + 255));
        using x = engine.tensor(data, shape);
        using y = lookup(engine, x, table);
        expect(y.shape).toEqual(shape);
        expect(Array.from(await y.read())).toEqual(Array.from(data, (code) => codes[code - low]));
        const bytes = new Uint8Array(await engine.readBytes(y.allocation, y.layout.size));
        const { rowBytes, columnCount } = y.layout;
        expect(bytes.every((byte, index) => index % rowBytes < columnCount || byte === 0)).toBe(true);
      }
      table.dispose();
    },
  );

  it('needs a table of 256 codes for the type of its input', async () => {
    const engine = await open();
    expect(() => uploadTable(engine, new Int8Array(255), 'int8')).toThrow(ShapeMismatch);
    using x = engine.tensor(new Uint8Array(4), [4]);
    const table = uploadTable(engine, new Int8Array(256), 'int8');
    expect(() => lookup(engine, x, table)).toThrow(InvalidQuantization);
    table.dispose();
  });
});

describe('tableOf', () => {
  it('dequantizes, computes and quantizes', () => {
    const input = { dtype: 'int8', scale: 0.5, zeroPoint: -3 } as const;
    const same = tableOf((x) => x, input, input);
    expect(Array.from(same)).toEqual(Array.from({ length: 256 }, (_, index) => index - 128));
    // Halves of 2 to −2 by steps of 1: ties go to the even code before the zero point is added.
    const halves = tableOf(
      (x) => x / 2,
      { dtype: 'uint8', scale: 1, zeroPoint: 3 },
      { dtype: 'uint8', scale: 1, zeroPoint: 1 },
    );
    expect(Array.from(halves.subarray(0, 9))).toEqual([0, 0, 1, 1, 1, 2, 3, 3, 3]);
    const steep = tableOf((x) => x * 1000, input, { dtype: 'int8', scale: 1, zeroPoint: 0 });
    expect([steep[0], steep[125], steep[255]]).toEqual([-128, 0, 127]);
  });

  it.each([
    { scale: 0, zeroPoint: 0 },
    { scale: Number.POSITIVE_INFINITY, zeroPoint: 0 },
    { scale: 1, zeroPoint: 128 },
    { scale: 1, zeroPoint: 0.5 },
  ])('refuses %j', (given) => {
    const good = { dtype: 'int8', scale: 1, zeroPoint: 0 } as const;
    expect(() => tableOf((x) => x, good, { dtype: 'int8', ...given })).toThrow(InvalidQuantization);
    expect(() => tableOf((x) => x, { dtype: 'int8', ...given }, good)).toThrow(InvalidQuantization);
    expect(() => tableOf(Math.log, good, good)).toThrow(InvalidQuantization);
  });
});
