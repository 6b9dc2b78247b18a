import { describe, expect, test } from 'vitest';
import { InvalidInput, InvalidQuantization } from '../../src/base/errors.ts';
import { mergeStatistics } from '../../src/calib/mergeStatistics.ts';
import { type RangeOptions, rangesOf } from '../../src/calib/rangesOf.ts';
import type { CalibrationMethod, CalibrationStatistics } from '../../src/calib/statistics.ts';
import { meanSquare, referenceDivergences, referenceHistogram, referenceQuantized } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';

const random = createRandom(8);
const count = 3000;
const normal = Array.from(random.normalArray(count));
const laplace = Array.from({ length: count }, () =>
  Math.fround(-Math.log(1 - random.uniform()) * (random.uniform() < 0.5 ? -1 : 1)),
);

const tensors: Readonly<Record<string, readonly number[]>> = {
  normal,
  laplace,
  rectified: normal.map((value) => Math.max(value, 0)),
  negative: laplace.map((value) => -Math.abs(value)),
  uniform: Array.from(random.uniformArray(count, -1, 3)),
  'away from 0': Array.from(random.uniformArray(count, 5, 6)),
  skewed: laplace.map((value) => Math.fround(value > 0 ? 20 * value : value)),
  'an outlier': [...normal, Math.fround(900.3)],
  'whole numbers': Array.from(random.integerArray(count, -10, 200)),
  'few elements': normal.slice(0, 11),
  'one element': [2.5],
  zeros: [0, 0, 0],
  'one number': new Array<number>(50).fill(-0.3),
  sparse: normal.map((value, index) => (index % 50 === 0 ? value : 0)),
};

/** What calibration says of these tensors. */
function statisticsOf(method: CalibrationMethod, values = tensors, percentile = 99.99): CalibrationStatistics {
  const described = Object.entries(values).map(([name, data]) => {
    const histograms = [referenceHistogram(data)];
    return [name, { minimum: [0], maximum: [0], batches: 1, histograms }] as const;
  });
  return { method, percentile, values: Object.fromEntries(described) };
}

const rangeOf = (name: string, options: RangeOptions) => {
  const { minimum, maximum } = rangesOf(statisticsOf('mse', { [name]: tensors[name] ?? [] }), options)[name] ?? {};
  return { minimum: minimum?.[0] ?? Number.NaN, maximum: maximum?.[0] ?? Number.NaN };
};

const schemes = ['asymmetric', 'symmetric'] as const;
const errorOf = (name: string, range: ReturnType<typeof rangeOf>, bits: number, scheme: (typeof schemes)[number]) => {
  const data = tensors[name] ?? [];
  return meanSquare(data, referenceQuantized(data, range, bits, scheme === 'symmetric'));
};

test('minmax: least and greatest element', () => {
  for (const [name, data] of Object.entries(tensors)) {
    const range = { minimum: Math.min(...data), maximum: Math.max(...data) };
    for (const scheme of schemes) expect([name, rangeOf(name, { method: 'minmax', scheme })]).toEqual([name, range]);
  }
});

describe.each(schemes)('mse, %s', (scheme) => {
  test('never more error than minmax, and clearly less at few bits', () => {
    for (const name of Object.keys(tensors)) {
      for (let bits = 2; bits <= 8; bits++) {
        const whole = errorOf(name, rangeOf(name, { method: 'minmax', bits, scheme }), bits, scheme);
        const chosen = errorOf(name, rangeOf(name, { bits, scheme }), bits, scheme);
        expect.soft(chosen, `${name}, ${bits} bits`).toBeLessThanOrEqual(whole);
        if (bits <= 4 && (name === 'normal' || name === 'laplace')) expect(chosen).toBeLessThan(0.8 * whole);
      }
    }
  });

  test('next to the best of many ranges', () => {
    for (const name of ['rectified', 'skewed', 'an outlier']) {
      const { minimum, maximum } = rangeOf(name, { method: 'minmax' });
      for (const bits of [3, 6]) {
        let best = Number.POSITIVE_INFINITY;
        const steps = 16;
        for (let below = 1; below <= steps; below++) {
          for (let above = 1; above <= steps; above++) {
            const range = { minimum: (minimum * below) / steps, maximum: (maximum * above) / steps };
            best = Math.min(best, errorOf(name, range, bits, scheme));
          }
        }
        const chosen = errorOf(name, rangeOf(name, { bits, scheme }), bits, scheme);
        expect.soft(chosen, `${name}, ${bits} bits`).toBeLessThan(1.02 * best);
      }
    }
  });
});

describe('percentile', () => {
  test.each([50, 90, 99, 99.99, 100])('%d % of all elements, to a cell', (percentile) => {
    for (const [name, data] of Object.entries(tensors)) {
      const sorted = [...data].sort((a, b) => a - b);
      const magnitudes = data.map(Math.abs).sort((a, b) => a - b);
      const { exponent } = referenceHistogram(data);
      // Where quantiles lie between two elements, any place between them will do.
      const between = (values: readonly number[], share: number): [number, number] => {
        const place = (share / 100) * values.length;
        const [before, after] = [Math.ceil(place - 1e-9) - 1, Math.floor(place + 1e-9)];
        const at = (index: number) => values[Math.min(Math.max(index, 0), values.length - 1)] ?? 0;
        return [at(before) - 2 ** exponent, at(after) + 2 ** exponent];
      };
      const outside = (100 - percentile) / 2;
      const asymmetric = rangeOf(name, { method: 'percentile', percentile });
      const symmetric = rangeOf(name, { method: 'percentile', percentile, scheme: 'symmetric' });
      const limit = Math.max(-symmetric.minimum, symmetric.maximum);
      for (const [value, [least, greatest]] of [
        [asymmetric.minimum, between(sorted, outside)],
        [asymmetric.maximum, between(sorted, 100 - outside)],
        [limit, between(magnitudes, percentile)],
      ] as const) {
        expect.soft(value, name).toBeGreaterThanOrEqual(least);
        expect.soft(value, name).toBeLessThanOrEqual(greatest);
      }
    }
  });

  test('all elements is minmax, and 99.99 the usual share', () => {
    for (const name of Object.keys(tensors)) {
      const whole = rangeOf(name, { method: 'minmax' });
      for (const scheme of schemes) {
        expect(rangeOf(name, { method: 'percentile', percentile: 100, scheme })).toEqual(whole);
      }
    }
    const { percentile: _, ...statistics } = statisticsOf('percentile');
    expect(rangesOf(statistics)).toEqual(rangesOf(statisticsOf('minmax'), { method: 'percentile', percentile: 99.99 }));
  });
});

describe('entropy', () => {
  test.each([
    [8, 'asymmetric'],
    [4, 'symmetric'],
  ] as const)('the least divergence, %i bits, %s', (bits, scheme) => {
    for (const name of ['rectified', 'an outlier']) {
      const data = tensors[name] ?? [];
      const { exponent } = referenceHistogram(data);
      const magnitudes: number[] = [];
      for (const value of data) {
        // Cells below 0 are open at their other end.
        const cell = value < 0 ? Math.ceil(-value / 2 ** exponent) - 1 : Math.floor(value / 2 ** exponent);
        if (value !== 0) magnitudes[cell] = (magnitudes[cell] ?? 0) + 1;
      }
      const counts = Array.from(magnitudes, (each = 0) => each);
      const oneSided = scheme === 'asymmetric' && data.every((value) => value >= 0);
      const parts = 2 ** (oneSided ? bits : bits - 1);
      const divergences = referenceDivergences(counts, parts, Math.max(parts, 128));
      const least = Math.min(...[...divergences.values()].filter(Number.isFinite));
      const { minimum, maximum } = rangeOf(name, { method: 'entropy', bits, scheme });
      const cells = Math.ceil(Math.max(-minimum, maximum) / 2 ** exponent);
      expect.soft(divergences.get(cells), name).toBeCloseTo(least, 9);
    }
  });

  test('an outlier is cut off; a value of few cells keeps its range', () => {
    expect(rangeOf('an outlier', { method: 'entropy' }).maximum).toBeLessThan(200);
    expect(rangeOf('zeros', { method: 'entropy' })).toEqual({ minimum: 0, maximum: 0 });
    expect(rangeOf('one element', { method: 'entropy' })).toEqual({ minimum: 2.5, maximum: 2.5 });
  });
});

test('statistics of other batches are added', () => {
  const [first, second] = [normal.slice(0, 999), laplace];
  for (const method of ['percentile', 'mse', 'entropy', 'cross-entropy'] as const) {
    const [one, other, both] = [first, second, [...first, ...second]].map((x) => statisticsOf(method, { x }));
    if (!one || !other || !both) throw new Error('There are three.');
    const merged = mergeStatistics(one, JSON.parse(JSON.stringify(other)));
    expect(mergeStatistics(other, one)).toEqual(merged);
    expect(merged.values.x?.histograms).toEqual(both.values.x?.histograms);
    // The ranges in statistics are those of 8 bits.
    expect(merged.values.x).toMatchObject(rangesOf(both).x ?? {});
    expect(merged.values.x?.batches).toBe(2);
  }
});

test('what cannot be chosen is refused', () => {
  const plain: CalibrationStatistics = {
    method: 'minmax',
    values: { x: { minimum: [0], maximum: [1], batches: 1 } },
  };
  expect(rangesOf(plain)).toEqual({ x: { minimum: [0], maximum: [1] } });
  expect(() => rangesOf(plain, { method: 'mse' })).toThrow(InvalidInput);
  const counted = statisticsOf('mse');
  expect(() => rangesOf(counted, { method: 'moving-average' })).toThrow(InvalidInput);
  expect(() => rangesOf(counted, { percentile: 0 })).toThrow(InvalidInput);
  expect(() => rangesOf(counted, { percentile: 100.1 })).toThrow(InvalidInput);
  expect(() => rangesOf(counted, { bits: 9 })).toThrow(InvalidQuantization);
  expect(() => rangesOf(counted, { bits: 1, scheme: 'symmetric' })).toThrow(InvalidQuantization);
  expect(() => mergeStatistics(counted, statisticsOf('mse', tensors, 99))).toThrow(InvalidInput);
});
