import { describe, expect, it } from 'vitest';
import { InvalidQuantization, ShapeMismatch } from '../../src/base/errors.ts';
import { broadcastShapes, forEachBroadcast } from '../../src/nn/broadcast.ts';
import {
  type BinaryQuantization,
  combinationOf,
  prepareCombination,
  quantizedBinary,
} from '../../src/nn/quantizedBinary.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const arrays = { int8: Int8Array, uint8: Uint8Array } as const;

const quantizations: readonly BinaryQuantization[] = [
  {
    operation: 'add',
    a: { dtype: 'int8', scale: 0.0371, zeroPoint: -7 },
    b: { dtype: 'uint8', scale: 0.0113, zeroPoint: 131 },
    output: { dtype: 'uint8', scale: 0.0417, zeroPoint: 117 },
  },
  {
    operation: 'mul',
    a: { dtype: 'uint8', scale: 0.0213, zeroPoint: 3 },
    b: { dtype: 'int8', scale: 0.0078, zeroPoint: 5 },
    output: { dtype: 'int8', scale: 0.0229, zeroPoint: -21, lowestCode: -21, highestCode: 90 },
  },
];

/** Codes of both operands in every combination, if the shapes have as many elements. */
function operands({ a, b }: BinaryQuantization, aShape: readonly number[], bShape: readonly number[]) {
  const random = createRandom(83);
  const data = (dtype: 'int8' | 'uint8', shape: readonly number[]) => {
    const low = dtype === 'int8' ? -128 : 0;
    const count = shape.reduce((product, length) => product * length, 1);
    return arrays[dtype].from(random.integerArray(count, low, low + 255));
  };
  return { aData: data(a.dtype, aShape), bData: data(b.dtype, bShape) };
}

const shapes: readonly (readonly [number[], number[]])[] = [
  [
    [3, 17],
    [3, 17],
  ],
  [
    [2, 16],
    [2, 16],
  ],
  [[1, 3, 5, 33], [33]],
  [
    [2, 3, 4, 15],
    [2, 1, 1, 15],
  ],
  [
    [2, 5, 3, 7],
    [5, 1, 1],
  ],
  [[1], [4, 19]],
  [[], []],
  [
    [2, 1, 3, 1, 2, 1, 3],
    [1, 2, 1, 3, 1, 2, 3],
  ],
  [[2, 0, 3], [3]],
];

describe('on the GPU as by definition', () => {
  it.each(quantizations)('$operation', async (quantization) => {
    const engine = await open();
    const combine = combinationOf(quantization);
    const combination = prepareCombination(engine, quantization);
    for (const [aShape, bShape] of shapes) {
      const { aData, bData } = operands(quantization, aShape, bShape);
      using a = engine.tensor(aData, aShape);
      using b = engine.tensor(bData, bShape);
      using y = quantizedBinary(engine, a, b, combination);
      const expected: number[] = [];
      const shape = broadcastShapes(aShape, bShape);
      forEachBroadcast(shape, [aShape, bShape], ([p = 0, q = 0]) =>
        expected.push(combine(aData[p] ?? 0, bData[q] ?? 0)),
      );
      expect(y.shape).toEqual(shape);
      expect(Array.from(await y.read())).toEqual(expected);
      const bytes = new Uint8Array(await engine.readBytes(y.allocation, y.layout.size));
      const { rowBytes, columnCount } = y.layout;
      expect(bytes.every((byte, index) => index % rowBytes < columnCount || byte === 0)).toBe(true);
    }
    combination.dispose();
  });

  it('agrees for extreme scales and for ties', async () => {
    const engine = await open();
    const random = createRandom(84);
    for (const [operation, sA, sB, s] of [
      ['add', 1, 1, 2],
      ['add', 0.3, 5, 0.01],
      ['add', 4, 4, 1],
      ['add', 1000, 0.001, 0.01],
      ['add', 1e-30, 1e-38, 1e-3],
      ['mul', 0.5, 1, 1],
      ['mul', 1e10, 1e10, 1],
      ['mul', 1e-10, 1e-10, 1],
      ['mul', 15, 16, 1],
    ] as const) {
      const zeroPoint = random.integer(-128, 127);
      const quantization: BinaryQuantization = {
        operation,
        a: { dtype: 'int8', scale: sA, zeroPoint },
        b: { dtype: 'int8', scale: sB, zeroPoint: random.integer(-128, 127) },
        output: { dtype: 'int8', scale: s, zeroPoint: random.integer(-128, 127) },
      };
      const combination = prepareCombination(engine, quantization);
      const combine = combinationOf(quantization);
      const { aData, bData } = operands(quantization, [2000], [2000]);
      using a = engine.tensor(aData as Int8Array<ArrayBuffer>, [2000]);
      using b = engine.tensor(bData as Int8Array<ArrayBuffer>, [2000]);
      using y = quantizedBinary(engine, a, b, combination);
      expect(Array.from(await y.read())).toEqual(Array.from(aData, (code, index) => combine(code, bData[index] ?? 0)));
      combination.dispose();
    }
  });
});

describe('the definition', () => {
  it.each(quantizations)('$operation is the nearest code', ({ operation, a, b, output }) => {
    const combine = combinationOf({ operation, a, b, output });
    const [low, high] = [output.lowestCode ?? 0, output.highestCode ?? 255];
    const [aLow, bLow] = [a.dtype === 'int8' ? -128 : 0, b.dtype === 'int8' ? -128 : 0];
    const [aScale, bScale, scale] = [a.scale, b.scale, output.scale].map(Math.fround) as [number, number, number];
    let greatest = 0;
    for (let pair = 0; pair < 2 ** 16; pair++) {
      const [x, y] = [(pair & 255) + aLow, (pair >> 8) + bLow];
      const [left, right] = [(x - a.zeroPoint) * aScale, (y - b.zeroPoint) * bScale];
      const exact = (operation === 'add' ? left + right : left * right) / scale + output.zeroPoint;
      greatest = Math.max(greatest, Math.abs(combine(x, y) - Math.min(Math.max(exact, low), high)));
    }
    // Four roundings of numbers below 2⁸, to 24 bits.
    expect(greatest).toBeLessThan(0.5 + 2 ** -14);
  });

  it('rounds with the zero point added, in float32', () => {
    const codes = { dtype: 'uint8', scale: 0.5, zeroPoint: 0 } as const;
    const half = combinationOf({ operation: 'add', a: codes, b: codes, output: { ...codes, scale: 1, zeroPoint: 1 } });
    // 0.5 + 1 and 1.5 + 1 go to 2, the even code.
    expect([half(1, 0), half(2, 1)]).toEqual([2, 2]);
    // The sum of the rounded products is 0.30000001192…, a half of the scale.
    const tenth = { ...codes, scale: 0.1 };
    const sum = combinationOf({
      operation: 'add',
      a: tenth,
      b: { ...codes, scale: 0.2 },
      output: { ...codes, scale: 0.6 },
    });
    expect([sum(1, 1), sum(3, 3)]).toEqual([0, 2]);
  });

  it('refuses what cannot be', async () => {
    const engine = await open();
    const [sum] = quantizations;
    if (!sum) throw new Error('There is no case.');
    expect(() => combinationOf({ ...sum, a: { ...sum.a, scale: 0 } })).toThrow(InvalidQuantization);
    expect(() => combinationOf({ ...sum, a: { ...sum.a, scale: 1e37 } })).toThrow(InvalidQuantization);
    const combination = prepareCombination(engine, sum);
    using a = engine.tensor(new Int8Array(6), [2, 3]);
    using b = engine.tensor(new Uint8Array(4), [4]);
    expect(() => quantizedBinary(engine, a, b, combination)).toThrow(ShapeMismatch);
    expect(() => quantizedBinary(engine, b, b, combination)).toThrow(InvalidQuantization);
    combination.dispose();
  });
});
