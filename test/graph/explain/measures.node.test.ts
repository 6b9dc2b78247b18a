import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../../src/base/errors.ts';
import { bitCurve, type LayerCosts, pointWithin } from '../../../src/graph/explain/bitCurve.ts';
import { DifferenceMeter, decibels } from '../../../src/graph/explain/difference.ts';
import { multiplyAdds } from '../../../src/graph/explain/operations.ts';
import { ValueMeter } from '../../../src/graph/explain/valueMeter.ts';
import { hostTensor } from '../../../src/graph/hostTensor.ts';
import { createRandom } from '../../reference/random.ts';

const random = createRandom(31);

describe('differences', () => {
  const differenceOf = (wanted: readonly number[], found: readonly number[]) => {
    const meter = new DifferenceMeter();
    meter.add(Float64Array.from(wanted), Float64Array.from(found));
    return meter;
  };

  test('of known values, over several additions', () => {
    const meter = new DifferenceMeter();
    meter.add(Float64Array.of(3, 0), Float64Array.of(3, 0));
    meter.add(Float64Array.of(4), Float64Array.of(4.5));
    const { sqnr, cosine, maxError } = meter.result;
    expect(sqnr).toBeCloseTo(20, 12);
    expect(cosine).toBeCloseTo((9 + 18) / (5 * Math.hypot(3, 4.5)), 12);
    expect(maxError).toBe(0.5);
    expect(meter.noiseToSignal).toBeCloseTo(0.01, 14);
  });

  test.each([
    ['nothing differs', [1, -2], [1, -2], { sqnr: 200, cosine: 1, maxError: 0 }],
    ['both are zero', [0, 0], [0, 0], { sqnr: 200, cosine: 1, maxError: 0 }],
    ['only one is zero', [0, 0], [1, 0], { sqnr: -200, cosine: 0, maxError: 1 }],
    ['there is nothing', [], [], { sqnr: 200, cosine: 1, maxError: 0 }],
    ['both are infinite', [Number.POSITIVE_INFINITY, 1], [Number.POSITIVE_INFINITY, 1], { sqnr: 200, maxError: 0 }],
    ['one is not a number', [1, 2], [Number.NaN, 2], { sqnr: -200, maxError: Number.MAX_VALUE }],
    ['one is infinite', [1, 2], [1, Number.NEGATIVE_INFINITY], { sqnr: -200, cosine: 0, maxError: Number.MAX_VALUE }],
  ] as const)('where %s', (_, wanted, found, expected) => {
    expect(differenceOf(wanted, found).result).toMatchObject(expected);
  });

  test('of different lengths are refused', () => {
    expect(() => differenceOf([1], [1, 2])).toThrow(RangeError);
  });

  test('decibels', () => {
    expect([0.1, 1, 0, Number.POSITIVE_INFINITY, Number.NaN].map(decibels)).toEqual([10, 0, 200, -200, -200]);
  });
});

describe('values rounded to codes', () => {
  const meterOf = (type: 'uint8' | 'int8', zeroPoint: number, bounds?: readonly [number, number]) =>
    new ValueMeter({
      index: 0,
      name: 'x',
      scale: hostTensor('float32', [], [0.5]),
      zeroPoint: hostTensor(type, [], [zeroPoint]),
      bounds,
    });

  test('shares at the ends and beyond, and where elements lie', () => {
    const meter = meterOf('uint8', 10);
    // Codes reach from −5 to 122.5.
    meter.add(Float32Array.of(-5, -5.1, -9, 0, 122.5));
    meter.add(Float32Array.of(60, 60, 60, 130, 122));
    const { clip, observed, saturation, clipped, histogram } = meter.result;
    expect(clip).toEqual({ least: -5, greatest: 122.5 });
    expect(observed).toEqual({ least: -9, greatest: 130 });
    expect(saturation).toBe(0.5);
    expect(clipped).toBe(0.2);
    const width = 127.5 / 48;
    expect(histogram.from).toBeCloseTo(-5 - 12 * width, 10);
    expect(histogram.to).toBeCloseTo(122.5 + 12 * width, 10);
    expect(histogram.counts).toHaveLength(72);
    expect(histogram.counts.reduce((sum, count) => sum + count)).toBe(10);
    expect(histogram.counts[12 + Math.floor(65 / width)]).toBe(3);
  });

  test('what lies far beyond is in the last bins', () => {
    const meter = meterOf('int8', 0);
    meter.add(Float32Array.of(-1e9, 1e9, Number.NEGATIVE_INFINITY));
    const { counts } = meter.result.histogram;
    expect([counts[0], counts.at(-1)]).toEqual([2, 1]);
    expect(meter.result.clip).toEqual({ least: -64, greatest: 63.5 });
  });

  test('narrow codes end at their bounds', () => {
    const meter = meterOf('uint8', 0, [0, 7.5]);
    meter.add(Float32Array.of(7.6, 7, 9));
    expect(meter.result).toMatchObject({ clip: { least: 0, greatest: 7.5 }, clipped: 1 / 3, saturation: 2 / 3 });
  });
});

describe('multiplications', () => {
  const count = (operator: string, shapes: readonly (readonly number[])[], attributes: Record<string, number> = {}) => {
    const [x = [], w = [], y = []] = shapes;
    const node = { name: 'n', domain: '', operator, inputs: ['x', 'w'], outputs: ['y'] };
    const types = new Map(
      Object.entries({ x, w, y }).map(([name, shape]) => [name, { elementType: 'float32', shape }] as const),
    );
    return multiplyAdds({ ...node, attributes: new Map(Object.entries(attributes)) }, types);
  };

  test.each([
    [
      'Conv',
      [
        [1, 4, 8, 8],
        [6, 4, 3, 3],
        [1, 6, 8, 8],
      ],
      {},
      6 * 64 * 36,
    ],
    [
      'Conv',
      [
        [1, 4, 8, 8],
        [4, 1, 3, 3],
        [1, 4, 8, 8],
      ],
      { group: 4 },
      4 * 64 * 9,
    ],
    [
      'ConvTranspose',
      [
        [1, 4, 5, 5],
        [4, 3, 2, 2],
        [1, 3, 10, 10],
      ],
      {},
      100 * 12,
    ],
    [
      'MatMul',
      [
        [2, 3, 5],
        [5, 7],
        [2, 3, 7],
      ],
      {},
      42 * 5,
    ],
    [
      'Gemm',
      [
        [3, 5],
        [7, 5],
        [3, 7],
      ],
      { transB: 1 },
      21 * 5,
    ],
    [
      'Gemm',
      [
        [5, 3],
        [5, 7],
        [3, 7],
      ],
      { transA: 1 },
      21 * 5,
    ],
    [
      'Add',
      [
        [3, 5],
        [3, 5],
        [3, 5],
      ],
      {},
      0,
    ],
  ] as const)('%s of %j', (operator, shapes, attributes, expected) => {
    expect(count(operator, shapes, attributes)).toBe(expected);
  });
});

describe('the curve of bits', () => {
  /** Bytes and noise of every combination of widths. */
  const combinations = (layers: readonly LayerCosts[]) => {
    let all = [{ bytes: 0, noise: 0 }];
    for (const { widths } of layers) {
      all = all.flatMap((so) =>
        widths.map(({ bytes, noise }) => ({ bytes: so.bytes + bytes, noise: so.noise + noise })),
      );
    }
    return all;
  };
  const noiseOf = (sqnr: number) => 10 ** (-sqnr / 10);
  const randomLayers = () =>
    Array.from({ length: 4 }, (_, index) => {
      const [elements, factor] = [random.integer(1, 50), random.uniform()];
      const widths = [2, 3, 4, 6, 8].map((bits) => {
        // Noise falls with bits, but for some chance.
        return { bits, bytes: elements * bits, noise: factor * 4 ** -bits * (0.1 + 3 * random.uniform()) };
      });
      return { node: `layer ${index}`, widths };
    });

  test('no combination is below the lines between its points, and it ends where noise is least', () => {
    for (let round = 0; round < 20; round++) {
      const layers = randomLayers();
      const curve = bitCurve(layers);
      const all = combinations(layers);
      const fewest = Math.min(...all.map(({ bytes }) => bytes));
      expect(curve[0]?.bytes).toBe(fewest);
      const least = Math.min(...all.map(({ noise }) => noise));
      expect(noiseOf(curve.at(-1)?.sqnr ?? 0)).toBeCloseTo(least, 10);
      curve.slice(1).forEach((point, index) => {
        const before = curve[index] ?? point;
        expect(point.bytes).toBeGreaterThan(before.bytes);
        const price = (noiseOf(before.sqnr) - noiseOf(point.sqnr)) / (point.bytes - before.bytes);
        const cost = noiseOf(point.sqnr) + price * point.bytes;
        expect(Math.min(...all.map(({ bytes, noise }) => noise + price * bytes))).toBeGreaterThanOrEqual(
          cost * (1 - 1e-9),
        );
      });
      for (const { bytes, sqnr, bits } of curve) {
        const widths = layers.map(({ node, widths }) => widths.find((width) => width.bits === bits[node]));
        expect(widths.reduce((sum, width) => sum + (width?.bytes ?? 0), 0)).toBe(bytes);
        expect(widths.reduce((sum, width) => sum + (width?.noise ?? 0), 0)).toBeCloseTo(noiseOf(sqnr), 10);
      }
    }
  });

  test('bits go where they help most', () => {
    const layer = (node: string, noise: number) => {
      return { node, widths: [8, 4].map((bits) => ({ bits, bytes: 100 * bits, noise: noise / bits })) };
    };
    const curve = bitCurve([layer('robust', 1e-6), layer('fragile', 1e-2)]);
    expect(curve.map(({ bytes, bits }) => [bytes, bits.robust, bits.fragile])).toEqual([
      [800, 4, 4],
      [1200, 4, 8],
      [1600, 8, 8],
    ]);
    expect(pointWithin(curve, 1599).bits).toEqual({ robust: 4, fragile: 8 });
    expect(pointWithin(curve, 1e9).bytes).toBe(1600);
    expect(() => pointWithin(curve, 799)).toThrow(/799 bytes.*at least 800/);
  });

  test('time goes to floats where they help most', () => {
    const layer = (node: string, noise: number, codes: number): LayerCosts => {
      return {
        node,
        widths: [
          { bits: 8, bytes: 10, noise, milliseconds: codes },
          { bits: 'float', bytes: 40, noise: 0, milliseconds: 3 },
        ],
      };
    };
    // The last one is slower with codes, which then have nothing to give.
    const curve = bitCurve(
      [layer('robust', 1e-6, 1), layer('fragile', 1e-2, 1), layer('slow', 1e-4, 4)],
      'milliseconds',
    );
    expect(curve.map(({ milliseconds, bits }) => [milliseconds, bits.robust, bits.fragile, bits.slow])).toEqual([
      [5, 8, 8, 'float'],
      [7, 8, 'float', 'float'],
      [9, 'float', 'float', 'float'],
    ]);
    expect(pointWithin(curve, 8.9, 'milliseconds').bits).toMatchObject({ robust: 8, fragile: 'float' });
    expect(() => pointWithin(curve, 4.5, 'milliseconds')).toThrow(/4.5 milliseconds.*at least 5; raise it/);
  });

  test('a layer of no widths is refused; widths that cost more and give nothing are left out', () => {
    expect(() => bitCurve([{ node: 'a', widths: [] }])).toThrow(InvalidInput);
    const widths = [
      { bits: 4, bytes: 10, noise: 0.5 },
      { bits: 6, bytes: 20, noise: 0.5 },
      { bits: 8, bytes: 20, noise: 0.7 },
    ];
    expect(bitCurve([{ node: 'a', widths }])).toHaveLength(1);
  });
});
