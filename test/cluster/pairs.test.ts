import { describe, expect, it, vi } from 'vitest';
import { LimitExceeded } from '../../src/base/errors.ts';
import { allRows, nobody, PairPoints, segmentsOf } from '../../src/cluster/pairs.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

function distanceOf(points: Float64Array, a: number, b: number, columnCount: number): number {
  let sum = 0;
  for (let column = 0; column < columnCount; column++) {
    sum += ((points[a * columnCount + column] ?? 0) - (points[b * columnCount + column] ?? 0)) ** 2;
  }
  return Math.sqrt(sum);
}

/** Coordinates below 1 that float32 holds. */
function cloud(seed: number, count: number, columnCount: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(createRandom(seed).uniformArray(count * columnCount, -1, 1));
}

const shapes = [
  [1, 3],
  [5, 1],
  [255, 2],
  [257, 4],
  [300, 5],
  [90, 67],
] as const;

describe.each(shapes)('%i points with %i columns', (count, columnCount) => {
  const points = cloud(count, count, columnCount);
  const random = createRandom(count + 1);
  const rows = allRows(count).filter((row) => row % 3 !== 1);

  it('nearest points of another tag by Ward’s distance', async () => {
    const engine = await open();
    const tags = Uint32Array.from({ length: count }, () => random.integer(0, 6));
    const sizes = Float32Array.from({ length: count }, () => random.integer(1, 9));
    const set = new PairPoints(engine, points, columnCount, 'test');
    const found = await set.nearest(rows, tags, sizes);
    set.release();
    rows.forEach((row, place) => {
      const values = [...allRows(count)]
        .filter((other) => tags[other] !== tags[row])
        .map((other) => {
          const [s = 1, t = 1] = [sizes[row], sizes[other]];
          return { other, value: ((2 * s * t) / (s + t)) * distanceOf(points, row, other, columnCount) ** 2 };
        })
        .sort((a, b) => a.value - b.value);
      expect(found.index[place]).toBe(values[0]?.other ?? nobody);
      if (values[0]) expect(Math.abs((found.best[place] ?? 0) / values[0].value - 1)).toBeLessThan(1e-5);
      else expect(found.best[place]).toBeGreaterThan(1e38);
      if (values[1]) expect(Math.abs((found.second[place] ?? 0) / values[1].value - 1)).toBeLessThan(1e-5);
      else expect(found.second[place]).toBeGreaterThan(1e38);
    });
  });

  it('the matrix of distances', async () => {
    const engine = await open();
    const set = new PairPoints(engine, points, columnCount, 'test');
    const matrix = set.distances('test');
    const read = new Float32Array(await engine.readBytes(matrix, count * count * 4));
    matrix.release();
    set.release();
    let worst = 0;
    read.forEach((value, at) => {
      const expected = distanceOf(points, Math.floor(at / count), at % count, columnCount);
      worst = Math.max(worst, Math.abs(value - expected) / (expected + 1e-6));
    });
    expect(worst).toBeLessThan(1e-5);
  });

  it('sums of distances', async () => {
    const engine = await open();
    const set = new PairPoints(engine, points, columnCount, 'test');
    const segments = segmentsOf(
      [
        [0, Math.min(3, count)],
        [Math.min(3, count), count],
      ],
      100,
    );
    const segmentCount = segments.length / 2;
    let worst = 0;
    let seen = 0;
    await set.distanceSums(rows, segments, (first, sums) => {
      sums.forEach((sum, at) => {
        const row = rows[first + Math.floor(at / segmentCount)] ?? 0;
        const [begin = 0, end = 0] = segments.subarray((at % segmentCount) * 2);
        let expected = 0;
        for (let other = begin; other < end; other++) expected += distanceOf(points, row, other, columnCount);
        worst = Math.max(worst, Math.abs(sum - expected) / (expected + 1e-6));
        seen++;
      });
    });
    set.release();
    expect(seen).toBe(rows.length * segmentCount);
    expect(worst).toBeLessThan(1e-5);
  });
});

it('whatever one dispatch may do', async () => {
  const engine = await open();
  const points = cloud(7, 700, 3);
  const search = async () => {
    const set = new PairPoints(engine, points, 3, 'test');
    const found = await set.nearest(allRows(700), allRows(700), new Float32Array(700).fill(1));
    set.release();
    return found;
  };
  const whole = await search();
  const budget = vi.spyOn(engine, 'workBudget', 'get').mockReturnValue(50_000);
  expect(await search()).toEqual(whole);
  budget.mockRestore();
});

it('segments end where their ranges end', () => {
  expect([
    ...segmentsOf(
      [
        [0, 5],
        [5, 5],
        [5, 7],
      ],
      3,
    ),
  ]).toEqual([0, 3, 3, 5, 5, 7]);
});

it('more than a binding holds is refused, with what would fit', async () => {
  const engine = await open();
  const limits = vi.spyOn(engine.device.limits, 'maxStorageBufferBindingSize', 'get').mockReturnValue(1024);
  try {
    expect(() => new PairPoints(engine, new Float64Array(200), 2, 'test')).toThrow(LimitExceeded);
    const set = new PairPoints(engine, new Float64Array(40), 2, 'test');
    expect(() => set.distances('test')).toThrow(/20 points take 1600 bytes.*enough for 16 points.*preclusters/);
    set.release();
  } finally {
    limits.mockRestore();
  }
});
