import { describe, expect, test } from 'vitest';
import { InvalidInput, LimitExceeded } from '../../src/base/errors.ts';
import { type ElementType, hostTensor } from '../../src/graph/hostTensor.ts';
import { type NpyData, type NpyDtype, readNpy, writeNpy } from '../../src/io/npy.ts';
import { tensorFromNpy, tensorToNpy } from '../../src/onnx/npy.ts';

describe('a tensor as a file and back', () => {
  test.each<[ElementType, NpyDtype, number[]]>([
    ['float32', 'float32', [1.5, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['float64', 'float64', [0.1, 1e300, 0, 0]],
    ['float16', 'float16', [1.5, 65504, -(2 ** -24), 0]],
    ['int64', 'int64', [-(2 ** 53) + 1, 2 ** 53 - 1, 0, 5]],
    ['int32', 'int32', [-(2 ** 31), 2 ** 31 - 1, 0, 5]],
    ['int16', 'int16', [-32768, 32767, 0, 5]],
    ['int8', 'int8', [-128, 127, 0, 5]],
    ['int4', 'int8', [-8, 7, 0, 5]],
    ['int2', 'int8', [-2, 1, 0, -1]],
    ['uint64', 'uint64', [2 ** 53 - 1, 0, 5, 6]],
    ['uint32', 'uint32', [2 ** 32 - 1, 0, 5, 6]],
    ['uint16', 'uint16', [65535, 0, 5, 6]],
    ['uint8', 'uint8', [255, 0, 5, 6]],
    ['uint4', 'uint8', [15, 0, 5, 6]],
    ['uint2', 'uint8', [3, 0, 1, 2]],
    ['bool', 'bool', [1, 0, 0, 1]],
  ])('%s', (elementType, dtype, values) => {
    const tensor = hostTensor(elementType, [2, 2], values);
    const file = tensorToNpy(tensor);
    expect(readNpy(file).dtype).toBe(dtype);
    expect(tensorFromNpy(file, elementType, 'x')).toEqual(tensor);
  });

  test('without a type it is that of the file', () => {
    const file = writeNpy({ shape: [], data: Int16Array.of(3) });
    expect(tensorFromNpy(file, undefined, 'x')).toEqual(hostTensor('int16', [], [3]));
  });
});

test.each<[string, ElementType, NpyData, new (message: string) => Error, RegExp]>([
  ['another type', 'float32', Float64Array.of(1), InvalidInput, /x is float64, but the model takes float32.*astype/],
  ['NaN', 'float32', Float32Array.of(0, Number.NaN), InvalidInput, /x: element 1 is NaN/],
  ['beyond four bits', 'int4', Int8Array.of(0, 8), InvalidInput, /element 1 is 8, but int4 goes from -8 to 7/],
  ['beyond the safe integers', 'int64', BigInt64Array.of(2n ** 60n), LimitExceeded, /1152921504606846976/],
])('%s', (_what, elementType, data, error, message) => {
  const file = writeNpy({ shape: [data.length], data });
  expect(() => tensorFromNpy(file, elementType, 'x')).toThrow(error);
  expect(() => tensorFromNpy(file, elementType, 'x')).toThrow(message);
});
