import { describe, expect, it } from 'vitest';
import { narrow, widen } from '../../src/quant/convert.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

describe.each(['int8', 'uint8'] as const)('%s to int32 and back', (dtype) => {
  it.each([[[]], [[1]], [[3]], [[16]], [[17]], [[5, 15]], [[2, 3, 33]], [[65, 16]], [[0, 4]]])(
    'shape %j',
    async (shape) => {
      const engine = await open();
      const length = shape.reduce((product, extent) => product * extent, 1);
      const random = createRandom(length);
      const [low, high] = dtype === 'int8' ? [-128, 127] : [0, 255];
      const values = Array.from({ length }, () => random.integer(low, high));
      values.splice(0, Math.min(2, length), ...[low, high].slice(0, length));
      const data = dtype === 'int8' ? Int8Array.from(values) : Uint8Array.from(values);
      using bytes = engine.tensor(data, shape);
      using wide = widen(engine, bytes);
      expect(wide.dtype).toBe('int32');
      expect([...(await wide.read())]).toEqual(values);
      using back = narrow(engine, wide, dtype);
      expect(await back.read()).toEqual(data);
      // The padding of the rows is zero, as kernels that read whole words need it.
      const raw = new Uint8Array(await engine.readBytes(back.allocation, back.layout.size));
      const { rowBytes, columnCount } = back.layout;
      expect(raw.filter((_, index) => index % rowBytes >= columnCount).every((byte) => byte === 0)).toBe(true);
    },
  );
});
