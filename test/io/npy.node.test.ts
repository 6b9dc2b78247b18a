import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { readNpy, writeNpy } from '../../src/io/npy.ts';

test('a Node Buffer, whose slice is no copy, is read at any offset and left as it was', () => {
  const file = writeNpy({ shape: [2], data: Float64Array.of(1.25, -3) });
  const buffer = Buffer.concat([Buffer.from('ab'), file]).subarray(2);
  const { data } = readNpy(buffer);
  expect(data).toEqual(Float64Array.of(1.25, -3));
  data[0] = 7;
  expect(readNpy(buffer).data[0]).toBe(1.25);
});
