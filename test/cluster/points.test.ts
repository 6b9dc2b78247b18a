import { describe, expect, it } from 'vitest';
import { exponentAbove } from '../../src/cluster/frame.ts';
import { type PointSource, preparePoints } from '../../src/cluster/points.ts';
import { meanVariance } from '../reference/cluster.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { readPoints } from './support.ts';

const open = useEngine();

const shapes = [
  [1, 1],
  [7, 3],
  [65, 4],
  [300, 5],
  [2500, 2],
] as const;

/** Values with an offset and a spread that differ by column. */
function randomData(rowCount: number, columnCount: number): Float32Array<ArrayBuffer> {
  const random = createRandom(rowCount);
  return Float32Array.from({ length: rowCount * columnCount }, (_, index) => {
    const column = index % columnCount;
    return 1000 * column + random.normal() * 10 ** (column - 2);
  });
}

async function prepare(source: PointSource, partBytes?: number) {
  const points = await preparePoints(await open(), source, 'test', partBytes === undefined ? {} : { partBytes });
  const { frame, exponents, parts } = points;
  const coordinates = await readPoints(points);
  points.release();
  return { frame, exponents, meanVariance: points.meanVariance, coordinates, partCount: parts.length };
}

describe('points on the CPU', () => {
  it.each(shapes)('%i × %i: centred near the mean, below 1', async (rowCount, columnCount) => {
    const data = randomData(rowCount, columnCount);
    const { frame, exponents, coordinates, meanVariance: variance } = await prepare({ data, rowCount, columnCount });
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

  it('on a lattice stay on one, so that equal distances stay equal', async () => {
    const random = createRandom(4);
    const data = Float64Array.from({ length: 300 }, () => 1e6 + random.integer(-50, 50));
    const { frame, coordinates } = await prepare({ data, rowCount: 300, columnCount: 1 });
    const exact = [...data].map((value) => (value - (frame.centre[0] ?? 0)) * 2 ** frame.exponent);
    expect([...coordinates]).toEqual(exact);
  });

  it('do not depend on the parts', async () => {
    const source = { data: randomData(2500, 5), rowCount: 2500, columnCount: 5 };
    const [whole, parts] = [await prepare(source), await prepare(source, 1024 * 32)];
    expect([whole.partCount, parts.partCount]).toEqual([1, 3]);
    expect(parts.coordinates).toEqual(whole.coordinates);
  });

  it('of extreme magnitudes', async () => {
    for (const magnitude of [1e-300, 1e-40, 1e30, 1e250]) {
      const { coordinates } = await prepare({
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
      await expect(prepare({ data, rowCount: 4, columnCount: 3 })).rejects.toThrow(`row 2, column 1 is ${value}`);
    },
  );
});

describe('points on the GPU', () => {
  it.each(shapes)('%i × %i: centred near the middle of the range, exactly', async (rowCount, columnCount) => {
    const engine = await open();
    const data = randomData(rowCount, columnCount);
    const tensor = engine.tensor(data, [rowCount, columnCount]);
    const { frame, coordinates, meanVariance: variance } = await prepare(tensor);
    for (const [column, middle] of frame.centre.entries()) {
      const values = data.filter((_, index) => index % columnCount === column);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      expect(Math.abs(middle - (low + high) / 2)).toBeLessThanOrEqual((high - low) / 1000);
    }
    const scale = 2 ** frame.exponent;
    expect([...coordinates]).toEqual(
      [...data].map((value, index) => Math.fround((value - (frame.centre[index % columnCount] ?? 0)) * scale)),
    );
    const expected = meanVariance(coordinates, columnCount);
    expect(Math.abs(variance - expected)).toBeLessThanOrEqual(1e-9 * expected);
    expect([...(await tensor.read())]).toEqual([...data]);
    tensor.dispose();
  });

  it('do not depend on the parts', async () => {
    const engine = await open();
    const tensor = engine.tensor(randomData(2500, 5), [2500, 5]);
    const [whole, parts] = [await prepare(tensor), await prepare(tensor, 1024 * 32)];
    expect(parts.partCount).toBe(3);
    expect(parts).toEqual({ ...whole, partCount: 3 });
    tensor.dispose();
  });

  it.each([
    [0, 0, Number.NaN],
    [3, 1, Number.POSITIVE_INFINITY],
    [2100, 2, Number.NEGATIVE_INFINITY],
  ])('row %i, column %i being %d is an error with its place', async (row, column, value) => {
    const engine = await Promise.resolve(open());
    const data = randomData(2500, 3);
    data[row * 3 + column] = value;
    data[2400 * 3] = Number.NaN;
    const tensor = engine.tensor(data, [2500, 3]);
    const live = engine.memory.live;
    await expect(prepare(tensor, 1024 * 16)).rejects.toThrow(`row ${row}, column ${column}`);
    tensor.dispose();
    await engine.check().catch(() => undefined);
    expect(engine.memory.live).toBeLessThan(live);
  });
});

it('the exponent above a number', () => {
  expect([0, 1, 0.75, 0.5, 1.5, 2 ** -1060, 3e38].map(exponentAbove)).toEqual([0, 1, 0, 0, 1, -1059, 128]);
  // Rounds up to a power of two in f32.
  expect(exponentAbove(1 - 2 ** -30)).toBe(1);
});
