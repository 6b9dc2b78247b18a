import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import { DisposedTensor, InvalidInput, LimitExceeded, ShapeMismatch } from '../../src/base/errors.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

const arrays = {
  float32: (length: number) => Float32Array.from({ length }, (_, index) => index * 0.5 - 3),
  int32: (length: number) => Int32Array.from({ length }, (_, index) => index * 7919 - 2 ** 30),
  uint32: (length: number) => Uint32Array.from({ length }, (_, index) => 0xffffffff - index),
  int8: (length: number) => Int8Array.from({ length }, (_, index) => index * 37),
  uint8: (length: number) => Uint8Array.from({ length }, (_, index) => index * 37),
} as const satisfies Record<DType, (length: number) => unknown>;

describe.each(Object.keys(arrays) as DType[])('a tensor of %s', (dtype) => {
  it.each([[[]], [[0]], [[1]], [[3, 0, 2]], [[17]], [[5, 16]], [[3, 15]], [[2, 3, 33]]])(
    'comes back as it went, shape %j',
    async (shape) => {
      const engine = await open();
      const data = arrays[dtype](shape.reduce((product, length) => product * length, 1));
      using tensor = engine.tensor(data, shape);
      expect(tensor.dtype).toBe(dtype);
      expect(tensor.shape).toEqual(shape);
      expect(await tensor.read()).toEqual(data);
    },
  );
});

describe('a tensor', () => {
  it('does not change with the array that it was made from', async () => {
    const engine = await open();
    const data = new Float32Array([1, 2, 3]);
    // Something recorded but not submitted keeps the upload from happening at once.
    using other = engine.tensor(new Float32Array(3), [3]);
    engine.clear(other.allocation);
    using tensor = engine.tensor(data, [3]);
    data.fill(9);
    expect([...(await tensor.read())]).toEqual([1, 2, 3]);
    expect([...(await other.read())]).toEqual([0, 0, 0]);
  });

  it('refuses data that does not fill its shape', async () => {
    const engine = await open();
    expect(() => engine.tensor(new Float32Array(5), [2, 3])).toThrow(ShapeMismatch);
    expect(() => engine.tensor(new Float32Array(5), [2, 3])).toThrow('5 elements');
    expect(() => engine.tensor(new Float32Array(0), [-1])).toThrow(ShapeMismatch);
    expect(() => engine.tensor(new Float32Array(1), [0.5])).toThrow(ShapeMismatch);
  });

  it('refuses an array of any other type', async () => {
    const engine = await open();
    for (const [data, name] of [
      [new Float64Array(2), 'Float64Array'],
      [new Int16Array(2), 'Int16Array'],
      [[1, 2], 'Array'],
    ] as const) {
      const tensor = (): unknown => engine.tensor(data as unknown as Float32Array, [2]);
      expect(tensor).toThrow(InvalidInput);
      expect(tensor).toThrow(name);
    }
  });

  it('refuses any use after dispose', async () => {
    const engine = await open();
    const tensor = engine.tensor(new Float32Array(4), [4]);
    tensor.dispose();
    tensor.dispose();
    expect(tensor.disposed).toBe(true);
    await expect(tensor.read()).rejects.toThrow(DisposedTensor);
    expect(() => tensor.reshape([2, 2])).toThrow(DisposedTensor);
    expect(() => tensor.allocation).toThrow('[4]');
  });

  it('may be disposed while it is being read', async () => {
    const engine = await open();
    const tensor = engine.tensor(new Int32Array([4, 5]), [2]);
    const pending = tensor.read();
    tensor.dispose();
    using next = engine.tensor(new Int32Array([6, 7]), [2]);
    expect([...(await pending)]).toEqual([4, 5]);
    expect([...(await next.read())]).toEqual([6, 7]);
  });

  it('shares memory with its reshaped views until the last is disposed', async () => {
    const engine = await open();
    const before = engine.memory.live;
    const tensor = engine.tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [6]);
    const matrix = tensor.reshape([2, 3]);
    tensor.dispose();
    expect(matrix.shape).toEqual([2, 3]);
    expect([...(await matrix.read())]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(engine.memory.live).toBeGreaterThan(before);
    matrix.dispose();
    expect(engine.memory.live).toBe(before);
  });

  it('refuses a reshape that changes the number of elements or cuts padded rows', async () => {
    const engine = await open();
    using floats = engine.tensor(new Float32Array(6), [2, 3]);
    expect(() => floats.reshape([4])).toThrow(ShapeMismatch);
    using bytes = engine.tensor(new Int8Array(6), [2, 3]);
    expect(() => bytes.reshape([6])).toThrow('last axis');
    using same = bytes.reshape([1, 2, 3]);
    expect(await same.read()).toEqual(new Int8Array(6));
  });

  it('beyond the largest buffer is a LimitExceeded', async () => {
    const engine = await open();
    const columns = 2 ** 20;
    const rows = Math.ceil(engine.device.limits.maxBufferSize / (columns * 4)) + 1;
    expect(() => engine.empty([rows, columns], 'float32')).toThrow(LimitExceeded);
    expect(() => engine.empty([rows, columns], 'float32')).toThrow('maxBufferSize');
  });

  it('reads many at once, more than there are staging buffers', async () => {
    const engine = await open();
    const tensors = Array.from({ length: 20 }, (_, index) => engine.tensor(new Uint32Array([index]), [1]));
    const values = await Promise.all(tensors.map((tensor) => tensor.read()));
    expect(values.map(([value]) => value)).toEqual(tensors.map((_, index) => index));
    for (const tensor of tensors) tensor.dispose();
  });

  it('of any bytes and shape comes back (property)', async () => {
    const engine = await open();
    await fc.assert(
      fc.asyncProperty(fc.nat(6), fc.nat(40), fc.integer(), async (rows, columns, seed) => {
        const data = Int8Array.from({ length: rows * columns }, (_, index) => Math.imul(index + 1, seed) >> 8);
        using tensor = engine.tensor(data, [rows, columns]);
        expect(await tensor.read()).toEqual(data);
      }),
      { numRuns: 25 },
    );
  });
});
