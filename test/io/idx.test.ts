import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { gunzip } from '../../src/io/gzip.ts';
import { readIdx } from '../../src/io/idx.ts';

/** A file as the format says, written here by hand. */
function idx(code: number, shape: readonly number[], data: readonly number[]): Uint8Array {
  const lengths = shape.flatMap((length) => [length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]);
  return Uint8Array.from([0, 0, code, shape.length, ...lengths, ...data]);
}

/** `count` numbers of a DataView, big-endian. */
function bigEndian(
  itemBytes: number,
  values: readonly number[],
  set: 'setInt16' | 'setInt32' | 'setFloat32' | 'setFloat64',
) {
  const view = new DataView(new ArrayBuffer(values.length * itemBytes));
  for (const [index, value] of values.entries()) view[set](index * itemBytes, value);
  return [...new Uint8Array(view.buffer)];
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

describe('IDX files', () => {
  test('hold bytes of images', () => {
    expect(readIdx(idx(0x08, [2, 1, 3], [0, 1, 127, 128, 254, 255]))).toEqual({
      shape: [2, 1, 3],
      dtype: 'uint8',
      data: Uint8Array.of(0, 1, 127, 128, 254, 255),
    });
    expect(readIdx(idx(0x08, [0, 28], []))).toEqual({ shape: [0, 28], dtype: 'uint8', data: new Uint8Array() });
  });

  test('hold the other types, big-endian', () => {
    expect(readIdx(idx(0x09, [2], [255, 127])).data).toEqual(Int8Array.of(-1, 127));
    const cases = [
      [0x0b, 'setInt16', 2, Int16Array],
      [0x0c, 'setInt32', 4, Int32Array],
      [0x0d, 'setFloat32', 4, Float32Array],
      [0x0e, 'setFloat64', 8, Float64Array],
    ] as const;
    for (const [code, set, itemBytes, view] of cases) {
      const values = [-2, 3, 0, 1000];
      expect(readIdx(idx(code, [2, 2], bigEndian(itemBytes, values, set)))).toMatchObject({
        shape: [2, 2],
        data: view.from(values),
      });
    }
  });

  test('are refused where they begin otherwise, end early or go on', () => {
    const whole = idx(0x08, [2, 2], [1, 2, 3, 4]);
    const refused = (bytes: Uint8Array) => expect(() => readIdx(bytes));
    refused(new Uint8Array()).toThrow(InvalidInput);
    refused(Uint8Array.of(0, 0, 0x0a, 1, 0, 0, 0, 0)).toThrow(/begins with the bytes "00 00 0a 01"/);
    refused(Uint8Array.of(0, 1, ...whole.subarray(2))).toThrow(/Not an IDX file/);
    refused(whole.subarray(0, 9)).toThrow(/2 axes take 12 bytes, but it has 9/);
    refused(whole.subarray(0, 15)).toThrow(/3 bytes of data; its shape \(2, 2\) of uint8 takes 4/);
    refused(Uint8Array.of(...whole, 0)).toThrow(/5 bytes of data/);
    refused(idx(0x0e, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [])).toThrow(InvalidInput);
  });

  test('may be a view into other bytes', () => {
    const bytes = Uint8Array.of(9, 9, ...idx(0x0c, [1], [0, 0, 1, 0]));
    expect(readIdx(bytes.subarray(2)).data).toEqual(Int32Array.of(256));
  });
});

describe('gzip', () => {
  test('is undone where it is, and left where it is not', async () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, index) => (index * index) % 251);
    const packed = await gzip(bytes);
    expect(packed.length).not.toBe(bytes.length);
    expect(await gunzip(packed)).toEqual(bytes);
    expect(await gunzip(bytes)).toBe(bytes);
    expect(await gunzip(new Uint8Array())).toHaveLength(0);
  });

  test('that is damaged is refused by name', async () => {
    const packed = await gzip(Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) % 13));
    await expect(gunzip(packed.subarray(0, packed.length - 12), 'labels.gz')).rejects.toThrow(
      /^labels\.gz begins as a gzip file.*truncated or damaged/,
    );
    const flipped = packed.map((byte, index) => (index === packed.length - 6 ? byte ^ 255 : byte));
    await expect(gunzip(flipped)).rejects.toThrow(InvalidInput);
  });
});
