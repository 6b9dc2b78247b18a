import { describe, expect, it } from 'vitest';
import { InvalidQuantization, LimitExceeded } from '../../src/base/errors.ts';
import { codeMeanOf, maximumPoolBytes, meanPoolBytes } from '../../src/conv/poolBytes.ts';
import { toChannelsFirst, toChannelsLast } from '../../src/nn/channelsLast.ts';
import { forEachWindow } from '../../src/onnx/operators/poolOnHost.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

interface PoolCase {
  readonly shape: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBefore: readonly number[];
  readonly padsAfter: readonly number[];
}

const cases: readonly PoolCase[] = [
  { shape: [2, 33, 7, 9], kernel: [3, 3], strides: [2, 1], dilations: [1, 2], padsBefore: [1, 0], padsAfter: [1, 3] },
  { shape: [1, 15, 11], kernel: [2], strides: [1], dilations: [3], padsBefore: [4], padsAfter: [4] },
  {
    shape: [1, 16, 3, 4, 5],
    kernel: [2, 2, 3],
    strides: [1, 2, 1],
    dilations: [1, 1, 1],
    padsBefore: [0, 1, 1],
    padsAfter: [1, 0, 1],
  },
  { shape: [3, 1, 4, 4], kernel: [4, 4], strides: [1, 1], dilations: [1, 1], padsBefore: [0, 0], padsAfter: [0, 0] },
  { shape: [0, 3, 4, 4], kernel: [2, 2], strides: [1, 1], dilations: [1, 1], padsBefore: [0, 0], padsAfter: [0, 0] },
];

function placesOf({ shape, padsAfter, ...window }: PoolCase) {
  const outputLengths = window.kernel.map((length, axis) => {
    const covered = (length - 1) * (window.dilations[axis] ?? 1) + 1;
    const room = (shape[axis + 2] ?? 0) + (window.padsBefore[axis] ?? 0) + (padsAfter[axis] ?? 0) - covered;
    return Math.floor(room / (window.strides[axis] ?? 1)) + 1;
  });
  return { window, outputLengths, padsAfter };
}

const arrays = { int8: Int8Array, uint8: Uint8Array } as const;

describe.each(['int8', 'uint8'] as const)('of %s', (dtype) => {
  const low = dtype === 'int8' ? -128 : 0;
  const input = { dtype, scale: 0.02, zeroPoint: low + 100 };
  const output = { dtype: 'int8', scale: 0.0137, zeroPoint: 3 } as const;

  it.each(cases)('$shape', async (poolCase) => {
    const engine = await open();
    const places = placesOf(poolCase);
    const count = poolCase.shape.reduce((product, length) => product * length, 1);
    const data = arrays[dtype].from(createRandom(91).integerArray(count, low, low + 255));
    using first = engine.tensor(data, poolCase.shape);
    using x = toChannelsLast(engine, first);
    for (const countPadding of [undefined, false, true]) {
      using last =
        countPadding === undefined
          ? maximumPoolBytes(engine, x, places)
          : meanPoolBytes(engine, x, { ...places, input, output, countPadding });
      using y = toChannelsFirst(engine, last);
      const meanOf = codeMeanOf({ input, output });
      const expected: number[] = [];
      forEachWindow({ ...places, xShape: poolCase.shape }, ({ plane, positions, places: all }) => {
        const values = positions.map((position) => data[plane + position] ?? 0);
        const sum = values.reduce((total, value) => total + value - input.zeroPoint, 0);
        const mean = meanOf(sum, countPadding ? all : values.length);
        expected.push(countPadding === undefined ? Math.max(low, ...values) : mean);
      });
      expect(Array.from(await y.read())).toEqual(expected);
      const bytes = new Uint8Array(await engine.readBytes(last.allocation, last.layout.size));
      const { rowBytes, columnCount } = last.layout;
      expect(bytes.every((byte, index) => index % rowBytes < columnCount || byte === 0)).toBe(true);
    }
  });
});

describe('the mean of codes', () => {
  it('is the exact mean, rounded half to even', () => {
    const meanOf = codeMeanOf({
      input: { dtype: 'int8', scale: 0.5, zeroPoint: 0 },
      output: { dtype: 'int8', scale: 0.5, zeroPoint: 1 },
    });
    expect([meanOf(5, 2), meanOf(7, 2), meanOf(-5, 2), meanOf(0, 0), meanOf(2000, 4), meanOf(10, 4)]).toEqual([
      3, 5, -1, 1, 127, 3,
    ]);
  });

  it('refuses what cannot be', async () => {
    const engine = await open();
    const good = { dtype: 'int8', scale: 1, zeroPoint: 0 } as const;
    expect(() => codeMeanOf({ input: good, output: { ...good, scale: Number.NaN } })).toThrow(InvalidQuantization);
    using x = engine.tensor(new Int8Array(4), [1, 4, 1]);
    const window = { kernel: [2 ** 24], strides: [1], dilations: [1], padsBefore: [0] };
    expect(() => meanPoolBytes(engine, x, { window, outputLengths: [1], input: good, output: good })).toThrow(
      LimitExceeded,
    );
  });
});
