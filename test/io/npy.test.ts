import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { isNpy, type NpyArray, readNpy, writeNpy } from '../../src/io/npy.ts';
import { numpyFiles } from './npyFixtures.ts';

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** A file with any header text: version 1, no padding. */
function fileOf(header: string, dataBytes = 0): Uint8Array {
  const text = `\u0093NUMPY\u0001\u0000${String.fromCharCode(header.length & 255, header.length >> 8)}${header}`;
  const bytes = new Uint8Array(text.length + dataBytes);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

describe('files that NumPy wrote', () => {
  test('float32, little-endian', () => {
    const array = readNpy(fromBase64(numpyFiles.float32));
    expect(array).toEqual({ shape: [2, 2], dtype: 'float32', data: Float32Array.of(1.5, -2, 3, 4e-40) });
  });

  test('float64, big-endian, Fortran order, comes back in C order', () => {
    const data = Float64Array.from({ length: 24 }, (_, index) => index);
    expect(readNpy(fromBase64(numpyFiles.float64Fortran))).toEqual({ shape: [2, 3, 4], dtype: 'float64', data });
  });

  test('float16, format 2, is widened', () => {
    const { data, dtype } = readNpy(fromBase64(numpyFiles.float16));
    expect(dtype).toBe('float16');
    const { POSITIVE_INFINITY, NaN: nan } = Number;
    expect(data).toEqual(Float32Array.of(1, -0, 65504, 2 ** -24, POSITIVE_INFINITY, nan, -0.3330078125));
  });

  test('int64, big-endian, format 3', () => {
    expect(readNpy(fromBase64(numpyFiles.int64)).data).toEqual(BigInt64Array.of(-(2n ** 63n), 5n));
  });

  test('bool without dimensions', () => {
    expect(readNpy(fromBase64(numpyFiles.boolean))).toEqual({ shape: [], dtype: 'bool', data: Uint8Array.of(1) });
  });

  test('no element', () => {
    expect(readNpy(fromBase64(numpyFiles.empty))).toEqual({ shape: [0, 7], dtype: 'uint16', data: new Uint16Array(0) });
  });

  test.each([
    { name: 'float32', array: { shape: [2, 2], data: Float32Array.of(1.5, -2, 3, 4e-40) } },
    { name: 'boolean', array: { shape: [], dtype: 'bool', data: Uint8Array.of(1) } },
    { name: 'empty', array: { shape: [0, 7], data: new Uint16Array(0) } },
  ] as const)('$name is written as NumPy does, byte for byte', ({ name, array }) => {
    expect(writeNpy(array)).toEqual(fromBase64(numpyFiles[name]));
  });
});

describe('write, then read', () => {
  const arrays = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }).chain((shape) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const size = { minLength: count, maxLength: count };
    return fc.record({
      shape: fc.constant(shape),
      data: fc.oneof(
        fc.float32Array(size),
        fc.float64Array(size),
        fc.int8Array(size),
        fc.int16Array(size),
        fc.int32Array(size),
        fc.bigInt64Array(size),
        fc.uint8Array(size),
        fc.uint16Array(size),
        fc.uint32Array(size),
        fc.bigUint64Array(size),
      ),
    });
  });

  test('gives the same array, its data at a multiple of 64 bytes', () => {
    fc.assert(
      fc.property(arrays, (array) => {
        const bytes = writeNpy(array);
        expect((bytes.length - array.data.byteLength) % 64).toBe(0);
        const { shape, data } = readNpy(bytes);
        expect(shape).toEqual(array.shape);
        expect(data).toEqual(array.data);
      }),
    );
  });

  test('damaged files give InvalidInput or an array of the size they state', () => {
    const damaged = fc.tuple(
      arrays.map(writeNpy),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }),
      fc.nat(300),
    );
    fc.assert(
      fc.property(damaged, ([bytes, changes, removed]) => {
        for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
        const file = bytes.subarray(0, bytes.length - (removed % 4 === 0 ? removed % bytes.length : 0));
        let array: NpyArray;
        try {
          array = readNpy(file);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput);
          return;
        }
        expect(array.data.length).toBe(array.shape.reduce((product, extent) => product * extent, 1));
      }),
      { numRuns: 2000 },
    );
  });

  test('every truncation is an error', () => {
    const bytes = writeNpy({ shape: [3], data: Float32Array.of(1, 2, 3) });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readNpy(bytes.subarray(0, length))).toThrow(InvalidInput);
    }
  });

  test('a view into a larger buffer is written and read by its own extent', () => {
    const data = Int16Array.of(9, 1, 2, 3, 9).subarray(1, 4);
    const file = writeNpy({ shape: [3, 1], data });
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(readNpy(shifted.subarray(3)).data).toEqual(Int16Array.of(1, 2, 3));
  });
});

describe('headers', () => {
  test.each([
    "{'shape': (2,), 'fortran_order': False, 'descr': '<i2'}",
    "{'descr':'=i2','fortran_order':True,'shape':(2L,),}\n",
    "{ 'descr' : '<i2' , 'fortran_order' : False , 'shape' : (1, 2) , } ",
  ])('%s is read', (header) => {
    expect(readNpy(fileOf(header, 4)).data).toEqual(new Int16Array(2));
  });

  test.each([
    {
      what: 'structured type',
      header: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
      says: /structured/,
    },
    { what: 'object type', header: "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", says: /type '\|O'/ },
    { what: 'complex type', header: "{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", says: /f2, f4/ },
    { what: 'no shape', header: "{'descr': '<f4', 'fortran_order': False}", says: /shape/ },
    { what: 'negative extent', header: "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", says: /header/ },
    {
      what: 'order of another kind',
      header: "{'descr': '<f4', 'fortran_order': '<f4', 'shape': (2,)}",
      says: /header/,
    },
    { what: 'text behind', header: "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} or", says: /header/ },
    { what: 'no dictionary', header: '', says: /header/ },
    {
      what: 'huge shape',
      header: "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999)}",
      says: /takes/,
    },
    {
      what: 'too many dimensions',
      header: `{'descr': '|u1', 'fortran_order': False, 'shape': (${'1,'.repeat(65)})}`,
      says: /header/,
    },
  ])('$what is refused', ({ header, says }) => {
    expect(() => readNpy(fileOf(header, 16))).toThrow(says);
    expect(() => readNpy(fileOf(header, 16))).toThrow(InvalidInput);
  });

  test('a header made to be slow to match is refused at once', () => {
    const started = performance.now();
    expect(() => readNpy(fileOf(`{${"'shape': (".padEnd(60_000)}`))).toThrow(InvalidInput);
    expect(() => readNpy(fileOf(`{'shape': (${'1 , '.repeat(15_000)}`))).toThrow(InvalidInput);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('other bytes and other versions are refused', () => {
    expect(isNpy(new TextEncoder().encode('1,2,3'))).toBe(false);
    expect(() => readNpy(new TextEncoder().encode('1,2,3'))).toThrow(/Not a .npy file/);
    const bytes = writeNpy({ shape: [], data: Uint8Array.of(1) });
    bytes[6] = 9;
    expect(() => readNpy(bytes)).toThrow(/version 9/);
  });
});

test('float16 is written, rounded to the nearest', () => {
  const bytes = writeNpy({ shape: [3], dtype: 'float16', data: Float32Array.of(1, -0.1, 1e6) });
  const { dtype, data } = readNpy(bytes);
  expect(dtype).toBe('float16');
  expect([...data]).toEqual([1, -0.0999755859375, Number.POSITIVE_INFINITY]);
});

describe('writing refuses', () => {
  test.each([
    { what: 'a shape of another size', array: { shape: [2, 2], data: new Int8Array(3) } },
    { what: 'a negative extent', array: { shape: [-1, -3], data: new Int8Array(3) } },
    { what: 'another type', array: { shape: [3], dtype: 'int16', data: new Int8Array(3) } },
    { what: 'float16', array: { shape: [3], dtype: 'float16', data: new Uint16Array(3) } },
  ] as const)('$what', ({ array }) => {
    expect(() => writeNpy(array)).toThrow(InvalidInput);
  });
});
