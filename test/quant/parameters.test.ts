import { describe, expect, it } from 'vitest';
import { InvalidQuantization } from '../../src/base/errors.ts';
import { type CodeFormat, parametersFromRanges } from '../../src/quant/parameters.ts';
import { chooseAsymmetric, chooseSymmetric } from '../reference/quant.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

const largest = (2 - 2 ** -23) * 2 ** 127;
const least = 2 ** -149;
/** Ranges that other implementations stumble over. */
const awkward: readonly (readonly [number, number])[] = [
  [0, 0],
  [-0, 0],
  [1, 2],
  [-2, -1],
  [-least, least],
  [0, least],
  [-least, 0],
  [-300 * least, 255 * least],
  [-1e-40, 1e-39],
  [-1e-31, 1e-31],
  [0, 2 ** -126],
  [-largest, largest],
  [0, largest],
  [-largest, 0],
  [-largest, 1e30],
  [-largest, least],
  [-1, 254],
  [-0.5, 254.5],
  [-127, 127],
  [-1, 2 ** 24],
  [-(2 ** 24), 1],
  [-1, 2 ** 24 + 2],
  [-1, largest / 2],
];

async function check(minimum: Float32Array, maximum: Float32Array, format: CodeFormat): Promise<void> {
  const engine = await open();
  const count = minimum.length;
  // Two elements per parameter: its least and its greatest.
  const values = Float32Array.from(
    { length: 2 * count },
    (_, index) => (index < count ? minimum[index] : maximum[index - count]) as number,
  );
  const indices = Int32Array.from({ length: 2 * count }, (_, index) => index % count);
  const choose = format.scheme === 'symmetric' ? chooseSymmetric : chooseAsymmetric;
  const expected = choose(values, format, indices, count);
  using low = engine.tensor(minimum, [count]);
  using high = engine.tensor(maximum, [count]);
  const { scales, zeroPoints } = parametersFromRanges(engine, { minimum: low, maximum: high }, format);
  const actualScales = await scales.read();
  expect(actualScales).toEqual(expected.scales);
  expect(await zeroPoints.read()).toEqual(expected.zeroPoints);
  expect(actualScales.every((scale) => Number.isFinite(scale) && scale > 0)).toBe(true);
  scales.dispose();
  zeroPoints.dispose();
}

const formats = [8, 7, 6, 5, 4, 3, 2, 1].flatMap((bits) =>
  [true, false].flatMap((signed) =>
    (['symmetric', 'asymmetric'] as const).map((scheme): CodeFormat => ({ bits, signed, scheme })),
  ),
);
const ranged = formats.filter(({ bits, scheme }) => bits > 1 || scheme === 'asymmetric');

describe('parametersFromRanges', () => {
  it.each(ranged)('$scheme, $bits bits, signed $signed: awkward and random ranges', async (format) => {
    await check(
      Float32Array.from(awkward, ([low]) => low),
      Float32Array.from(awkward, ([, high]) => high),
      format,
    );
    const random = createRandom(format.bits);
    const ends = random.floatBitsArray(1200, true);
    const minimum = Float32Array.from({ length: 600 }, (_, index) =>
      Math.min(ends[index] ?? 0, ends[600 + index] ?? 0),
    );
    const maximum = Float32Array.from({ length: 600 }, (_, index) =>
      Math.max(ends[index] ?? 0, ends[600 + index] ?? 0),
    );
    await check(minimum, maximum, format);
    await check(random.uniformArray(600, -3, 0), random.uniformArray(600, 0, 3), format);
  });

  it('one symmetric bit has no range, and bits have bounds', async () => {
    const engine = await open();
    using range = engine.tensor(Float32Array.of(1), []);
    const ranges = { minimum: range, maximum: range };
    expect(() => parametersFromRanges(engine, ranges, { bits: 1, signed: true, scheme: 'symmetric' })).toThrow(
      InvalidQuantization,
    );
    for (const bits of [0, 9, 2.5]) {
      expect(() => parametersFromRanges(engine, ranges, { bits, signed: true, scheme: 'symmetric' })).toThrow(
        /from 1 to 8/,
      );
    }
  });
});
