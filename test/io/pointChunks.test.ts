import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import type { PointChunks } from '../../src/base/pointChunks.ts';
import { writeNpy } from '../../src/io/npy.ts';
import { pointChunks } from '../../src/io/pointChunks.ts';
import { readPoints } from '../../src/io/points.ts';

/** All rows and the sizes of the chunks they come in. */
async function gather({ chunks }: PointChunks) {
  const values: number[] = [];
  const sizes: number[] = [];
  for await (const { data, rowCount } of chunks()) {
    values.push(...data);
    sizes.push(rowCount);
  }
  return { values, sizes };
}

/** A row-major table as NumPy stores it in Fortran order. */
function fortranNpy([rows = 0, columns = 0]: readonly number[], data: Float64Array): Uint8Array<ArrayBuffer> {
  const transposed = Float64Array.from(
    data,
    (_, index) => data[(index % rows) * columns + Math.floor(index / rows)] ?? 0,
  );
  const bytes = writeNpy({ shape: [rows, columns], data: transposed });
  const place = new TextDecoder('latin1').decode(bytes.subarray(0, 128)).indexOf('False');
  bytes.set(new TextEncoder().encode('True '), place);
  return bytes;
}

const values = Array.from({ length: 30 }, (_, index) => index / 4);
const parquet = new Uint8Array(
  parquetWriteBuffer({
    columnData: [0, 1, 2].map((column) => ({
      name: `c${column}`,
      data: values.filter((_, index) => index % 3 === column),
      type: 'DOUBLE',
    })),
    rowGroupSize: 4,
  }),
);

const files = [
  { name: 'float64 .npy', bytes: writeNpy({ shape: [10, 3], data: Float64Array.from(values) }), sizes: [4, 4, 2] },
  {
    name: 'float16 .npy',
    bytes: writeNpy({ shape: [10, 3], data: Float32Array.from(values), dtype: 'float16' }),
    sizes: [4, 4, 2],
  },
  {
    name: 'int64 .npy',
    bytes: writeNpy({ shape: [10, 3], data: BigInt64Array.from(values, (value) => BigInt(value * 4)) }),
    sizes: [4, 4, 2],
  },
  { name: 'Fortran .npy', bytes: fortranNpy([10, 3], Float64Array.from(values)), sizes: [4, 4, 2] },
  { name: 'Parquet', bytes: parquet, sizes: [4, 4, 2] },
];

describe.each(files)('$name', ({ bytes, sizes }) => {
  test.each([undefined, '2,0'])('columns %s: what readPoints reads, as often as asked', async (columns) => {
    const options = { ...(columns !== undefined && { columns }) };
    const whole = await readPoints(bytes, options);
    for (const from of [new Blob([bytes]), bytes, bytes.slice().buffer]) {
      const points = await pointChunks(from, { ...options, chunkRows: 4 });
      expect(points).toMatchObject({ rowCount: 10, columnCount: whole.columnCount });
      const expected = { values: [...whole.data], sizes };
      expect(await gather(points)).toEqual(expected);
      expect(await gather(points)).toEqual(expected);
      expect([...((await points.readRows?.(5, 3)) ?? [])]).toEqual(
        expected.values.slice(5 * whole.columnCount, 8 * whole.columnCount),
      );
    }
  });
});

describe('errors', () => {
  const npy = writeNpy({ shape: [10, 3], data: Float64Array.from(values) });

  test.each([
    { name: 'text', bytes: new TextEncoder().encode('1,2\n3,4\n'), says: 'neither .npy nor Parquet' },
    { name: 'nothing', bytes: new Uint8Array(), says: 'neither .npy nor Parquet' },
    { name: 'a truncated .npy file', bytes: npy.subarray(0, npy.length - 1), says: 'truncated or damaged' },
    {
      name: 'three dimensions',
      bytes: writeNpy({ shape: [5, 2, 3], data: Float64Array.from(values) }),
      says: 'the shape (5, 2, 3)',
    },
    { name: 'a truncated Parquet file', bytes: parquet.subarray(0, parquet.length - 9), says: 'could not be read' },
  ])('$name', async ({ bytes, says }) => {
    const reading = pointChunks(new Blob([bytes.slice()]));
    await expect(reading).rejects.toThrow(InvalidInput);
    await expect(reading).rejects.toThrow(says);
  });

  test('a column that is not there, and a file that shrinks while it is read', async () => {
    await expect(pointChunks(npy, { columns: '3' })).rejects.toThrow('which has 3');
    let end = npy.length;
    const shrinking = {
      byteLength: npy.length,
      slice: (first: number, last = end) => npy.slice(first, Math.min(last, end)).buffer,
    };
    const points = await pointChunks(shrinking);
    end = 150;
    await expect(gather(points)).rejects.toThrow('cut short while it was read');
  });

  test('integers beyond float64, with their place among all', async () => {
    const bytes = writeNpy({ shape: [3], data: BigInt64Array.of(1n, 2n, 2n ** 60n) });
    await expect(gather(await pointChunks(bytes, { chunkRows: 1 }))).rejects.toThrow('Element 2 of the .npy array');
  });
});
