import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { writeNpy } from '../../src/io/npy.ts';
import { readPoints } from '../../src/io/points.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('CSV', () => {
  test('with selected columns and names', async () => {
    const points = await readPoints(bytesOf('x,name,y\n1,a,2\n3,b,4\n'), { columns: '0,2' });
    expect(points).toEqual({ rowCount: 2, columnCount: 2, data: Float64Array.of(1, 2, 3, 4), header: ['x', 'y'] });
  });

  test('with a header that has to be told', async () => {
    expect((await readPoints(bytesOf('1,2\n3,4'), { header: true })).data).toEqual(Float64Array.of(3, 4));
  });
});

describe('.npy', () => {
  test('float32 stays float32, columns in the order asked for', async () => {
    const bytes = writeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect((await readPoints(bytes)).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(await readPoints(bytes, { columns: [2, 0] })).toEqual({
      rowCount: 2,
      columnCount: 2,
      data: Float32Array.of(3, 1, 6, 4),
    });
  });

  test('one dimension is one column', async () => {
    const points = await readPoints(writeNpy({ shape: [3], data: Float64Array.of(0.1, 2, 3) }));
    expect(points).toEqual({ rowCount: 3, columnCount: 1, data: Float64Array.of(0.1, 2, 3) });
  });

  test.each([Int8Array.of(-1, 2), Uint32Array.of(2 ** 32 - 1, 2), BigInt64Array.of(-(2n ** 53n) + 1n, 2n)])(
    'integers become float64: %o',
    async (data) => {
      const points = await readPoints(writeNpy({ shape: [2, 1], data }));
      expect(points.data).toEqual(Float64Array.of(Number(data[0]), 2));
    },
  );

  test('integers that float64 cannot hold are refused', async () => {
    const bytes = writeNpy({ shape: [2], data: BigInt64Array.of(0n, 2n ** 53n) });
    await expect(readPoints(bytes)).rejects.toThrow(/Element 1 .*9007199254740992/);
  });

  test.each([[], [2, 1, 1], [0, 2], [2, 0]])('the shape %o is refused', async (...shape) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    await expect(readPoints(writeNpy({ shape, data: new Float32Array(count) }))).rejects.toThrow(InvalidInput);
  });

  test('a CSV file read as .npy is refused', async () => {
    await expect(readPoints(bytesOf('1,2\n'), { format: 'npy' })).rejects.toThrow(/Not a .npy file/);
  });
});

describe('Parquet', () => {
  const written = (columnData: Parameters<typeof parquetWriteBuffer>[0]['columnData']): Uint8Array =>
    new Uint8Array(parquetWriteBuffer({ columnData }));
  const x = [0.1, -2, 3e300];

  test('floats, integers and truths by column', async () => {
    const bytes = written([
      { name: 'x', data: x, type: 'DOUBLE' },
      { name: 'name', data: ['a', 'b', 'c'], type: 'STRING' },
      { name: 'n', data: [1n, -(2n ** 53n) + 1n, 0n], type: 'INT64' },
      { name: 'yes', data: [true, false, true], type: 'BOOLEAN' },
    ]);
    expect(await readPoints(bytes, { columns: '3,2,0' })).toEqual({
      rowCount: 3,
      columnCount: 3,
      data: Float64Array.of(1, 1, 0.1, 0, -(2 ** 53) + 1, -2, 1, 0, 3e300),
      header: ['yes', 'n', 'x'],
    });
  });

  test('what is no number is refused with its place', async () => {
    const text = written([{ name: 'name', data: ['a', 'b'], type: 'STRING' }]);
    await expect(readPoints(text)).rejects.toThrow(/Row 0 .*"name" is a/);
    const large = written([{ name: 'n', data: [0n, 2n ** 53n], type: 'INT64' }]);
    await expect(readPoints(large)).rejects.toThrow(/Row 1 .*9007199254740992/);
    const gaps = written([{ name: 'x', data: [1, null], type: 'DOUBLE', nullable: true }]);
    await expect(readPoints(gaps)).rejects.toThrow(/Row 1 .*null/);
  });

  test('columns that are not there, and files cut short', async () => {
    const bytes = written([{ name: 'x', data: x, type: 'DOUBLE' }]);
    await expect(readPoints(bytes, { columns: '1' })).rejects.toThrow(/which has 1/);
    for (const length of [12, 20, bytes.length - 1]) {
      await expect(readPoints(bytes.subarray(0, length))).rejects.toThrow(InvalidInput);
    }
  });
});
