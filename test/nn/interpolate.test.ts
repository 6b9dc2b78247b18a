import { describe, expect, it } from 'vitest';
import { interpolate } from '../../src/nn/interpolate.ts';
import { type AxisTaps, axisTaps, keepsAxis, type ResamplingOptions } from '../../src/nn/resampling.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const linear: ResamplingOptions = {
  mode: 'linear',
  coordinates: 'half_pixel',
  rounding: 'round_prefer_floor',
  cubicCoefficient: -0.75,
  excludeOutside: false,
  antialias: false,
};
const lengths = (inputLength: number, outputLength: number) => ({
  inputLength,
  outputLength,
  scaledLength: outputLength,
  scale: outputLength / inputLength,
  start: 0,
  end: 1,
});

describe('axisTaps', () => {
  const rowsOf = ({ count, indices, weights }: AxisTaps): string[] =>
    Array.from({ length: indices.length / count }, (_, row) =>
      Array.from({ length: count }, (_, n) => `${weights[row * count + n]}·${indices[row * count + n]}`).join(' '),
    );

  it('gives the neighbours and their weights', () => {
    expect(rowsOf(axisTaps(linear, lengths(2, 4)))).toEqual(['1·0 0·0', '0.75·0 0.25·1', '0.25·0 0.75·1', '1·1 0·1']);
    expect(rowsOf(axisTaps({ ...linear, antialias: true }, lengths(4, 2)))).toEqual([
      '0.5·0 0.375·1 0.125·2',
      '0.125·1 0.375·2 0.5·3',
    ]);
    expect(keepsAxis(axisTaps({ ...linear, mode: 'nearest' }, lengths(5, 5)), 5)).toBe(true);
    expect(keepsAxis(axisTaps({ ...linear, mode: 'nearest' }, lengths(5, 4)), 5)).toBe(false);
  });

  it.each([
    ['round_prefer_floor', [0, 0, 1, 1, 2, 2, 3, 3]],
    ['round_prefer_ceil', [0, 1, 1, 2, 2, 3, 3, 3]],
    ['floor', [0, 0, 1, 1, 2, 2, 3, 3]],
    ['ceil', [0, 1, 1, 2, 2, 3, 3, 3]],
    ['truncate', [0, 0, 1, 1, 2, 2, 3, 3]],
  ] as const)('rounds to the nearest element by %s', (rounding, expected) => {
    const taps = axisTaps({ ...linear, mode: 'nearest', coordinates: 'asymmetric', rounding }, lengths(4, 8));
    expect([...taps.indices]).toEqual(expected);
  });
});

describe('interpolate', () => {
  it.each([
    { shape: [2, 5, 7], axis: 1, goal: 11 },
    { shape: [3, 70], axis: 1, goal: 33 },
    { shape: [9, 4], axis: 0, goal: 1 },
    { shape: [1], axis: 0, goal: 3 },
  ])('sums along axis $axis of [$shape]', async ({ shape, axis, goal }) => {
    const engine = await open();
    const size = shape.reduce((product, length) => product * length, 1);
    const data = createRandom(20261202 + size).normalArray(size);
    const length = shape[axis] ?? 0;
    const taps = axisTaps(
      { ...linear, mode: 'cubic', coordinates: 'tf_crop_and_resize' },
      {
        ...lengths(length, goal),
        start: -0.1,
        end: 0.8,
      },
    );
    using source = engine.tensor(data, shape);
    using result = interpolate(engine, source, axis, taps, 9);
    const values = await result.read();
    const inner = shape.slice(axis + 1).reduce((product, other) => product * other, 1);
    expect(result.shape).toEqual(shape.with(axis, goal));
    values.forEach((value, element) => {
      const slice = Math.floor(element / inner);
      const first = (slice % goal) * taps.count;
      let expected = 0;
      for (let n = first; n < first + taps.count; n++) {
        const place = (Math.floor(slice / goal) * length + (taps.indices[n] ?? 0)) * inner + (element % inner);
        expected += (taps.weights[n] ?? 0) * (data[place] ?? 0);
      }
      expect(Math.abs(value - ((taps.indices[first] ?? 0) < 0 ? 9 : expected))).toBeLessThan(1e-6);
    });
  });
});
