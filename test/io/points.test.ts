import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { writeNpy } from '../../src/io/npy.ts';
import { readPoints } from '../../src/io/points.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('CSV', () => {
  test('with selected columns and names', () => {
    const points = readPoints(bytesOf('x,name,y\n1,a,2\n3,b,4\n'), { columns: '0,2' });
    expect(points).toEqual({ rowCount: 2, columnCount: 2, data: Float64Array.of(1, 2, 3, 4), header: ['x', 'y'] });
  });

  test('with a header that has to be told', () => {
    expect(readPoints(bytesOf('1,2\n3,4'), { header: true }).data).toEqual(Float64Array.of(3, 4));
  });
});

describe('.npy', () => {
  test('float32 stays float32, columns in the order asked for', () => {
    const bytes = writeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(readPoints(bytes).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(readPoints(bytes, { columns: [2, 0] })).toEqual({
      rowCount: 2,
      columnCount: 2,
      data: Float32Array.of(3, 1, 6, 4),
    });
  });

  test('one dimension is one column', () => {
    const points = readPoints(writeNpy({ shape: [3], data: Float64Array.of(0.1, 2, 3) }));
    expect(points).toEqual({ rowCount: 3, columnCount: 1, data: Float64Array.of(0.1, 2, 3) });
  });

  test.each([Int8Array.of(-1, 2), Uint32Array.of(2 ** 32 - 1, 2), BigInt64Array.of(-(2n ** 53n) + 1n, 2n)])(
    'integers become float64: %o',
    (data) => {
      const points = readPoints(writeNpy({ shape: [2, 1], data }));
      expect(points.data).toEqual(Float64Array.of(Number(data[0]), 2));
    },
  );

  test('integers that float64 cannot hold are refused', () => {
    const bytes = writeNpy({ shape: [2], data: BigInt64Array.of(0n, 2n ** 53n) });
    expect(() => readPoints(bytes)).toThrow(/Element 1 .*9007199254740992/);
  });

  test.each([[], [2, 1, 1], [0, 2], [2, 0]])('the shape %o is refused', (...shape) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    expect(() => readPoints(writeNpy({ shape, data: new Float32Array(count) }))).toThrow(InvalidInput);
  });

  test('a CSV file read as .npy is refused', () => {
    expect(() => readPoints(bytesOf('1,2\n'), { format: 'npy' })).toThrow(/Not a .npy file/);
  });
});
