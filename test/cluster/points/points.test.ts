import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../src/base/errors.ts';
import { arrayChunks } from '../../../src/cluster/chunks/arrayChunks.ts';
import { exponentAbove } from '../../../src/cluster/points/frame.ts';
import { type HostPoints, type PointSource, shapeOf } from '../../../src/cluster/points/points.ts';
import { meanVariance } from '../../reference/cluster.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { pointShapes, prepareAll, spreadPoints } from '../support.ts';

const open = useEngine();

describe('points on the CPU', () => {
  it.each(pointShapes)('%i × %i: centred near the mean, below 1', async (rowCount, columnCount) => {
    const data = spreadPoints(rowCount, columnCount);
    const {
      frame,
      exponents,
      coordinates,
      meanVariance: variance,
    } = await prepareAll(await open(), { data, rowCount, columnCount });
    const scale = 2 ** frame.exponent;
    expect([...coordinates]).toEqual(
      [...data].map((value, index) => Math.fround((value - (frame.centre[index % columnCount] ?? 0)) * scale)),
    );
    expect(coordinates.every((value) => Math.abs(value) < 1)).toBe(true);
    if (rowCount > 1) expect(coordinates.some((value) => Math.abs(value) >= 0.5)).toBe(true);
    expect(variance).toBeCloseTo(meanVariance(data, columnCount) * scale ** 2, 12);
    for (const [index, value] of coordinates.entries()) {
      expect(Math.abs(value) * 2 ** (exponents[index % columnCount] ?? 0)).toBeLessThanOrEqual(2 ** 30);
    }
  });

  it.each([
    ['nothing', undefined],
    ['rows', [[1, 2]]],
    ['numbers', { data: [1, 2], rowCount: 2, columnCount: 1 }],
    ['integers', { data: new Int32Array(2), rowCount: 2, columnCount: 1 }],
  ])('from code without types: %s', (_, source) => {
    expect(() => shapeOf(source as unknown as PointSource, 'KMeans')).toThrow(InvalidInput);
    expect(() => arrayChunks(source as unknown as HostPoints)).toThrow(InvalidInput);
  });

  it('on a lattice stay on one, so that equal distances stay equal', async () => {
    const random = createRandom(4);
    const data = Float64Array.from({ length: 300 }, () => 1e6 + random.integer(-50, 50));
    const { frame, coordinates } = await prepareAll(await open(), { data, rowCount: 300, columnCount: 1 });
    const exact = [...data].map((value) => (value - (frame.centre[0] ?? 0)) * 2 ** frame.exponent);
    expect([...coordinates]).toEqual(exact);
  });

  it('do not depend on the parts', async () => {
    const source = { data: spreadPoints(2500, 5), rowCount: 2500, columnCount: 5 };
    const [whole, parts] = [await prepareAll(await open(), source), await prepareAll(await open(), source, 1024 * 32)];
    expect([whole.partCount, parts.partCount]).toEqual([1, 3]);
    expect(parts.coordinates).toEqual(whole.coordinates);
  });

  it('of extreme magnitudes', async () => {
    for (const magnitude of [1e-300, 1e-40, 1e30, 1e250]) {
      const { coordinates } = await prepareAll(await open(), {
        data: Float64Array.of(-magnitude, 0, magnitude),
        rowCount: 3,
        columnCount: 1,
      });
      const [low = 0, middle, high = 0] = coordinates;
      expect([low, middle]).toEqual([-high, 0]);
      expect(high).toBeGreaterThanOrEqual(0.5);
      expect(high).toBeLessThan(1);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%d is an error with its place',
    async (value) => {
      const data = new Float64Array(12);
      data[7] = value;
      await expect(prepareAll(await open(), { data, rowCount: 4, columnCount: 3 })).rejects.toThrow(
        `row 2, column 1 is ${value}`,
      );
    },
  );
});

it('the exponent above a number', () => {
  expect([0, 1, 0.75, 0.5, 1.5, 2 ** -1060, 3e38].map(exponentAbove)).toEqual([0, 1, 0, 0, 1, -1059, 128]);
  // Rounds up to a power of two in f32.
  expect(exponentAbove(1 - 2 ** -30)).toBe(1);
});
