import { describe, expect, test } from 'vitest';
import { connectedComponents } from '../../examples/ocr/components.ts';
import { findBoxes } from '../../examples/ocr/detection.ts';
import {
  asLine,
  contains,
  convexHull,
  cornersOf,
  expand,
  minimumAreaRectangle,
  type Point,
  type Quad,
  turned,
  withMargin,
} from '../../examples/ocr/geometry.ts';
import { pairLines } from '../../examples/ocr/pairing.ts';
import { inReadingOrder } from '../../examples/ocr/readingOrder.ts';
import { createRandom } from '../reference/random.ts';

const at = (x: number, y: number): Point => ({ x, y });
const rounded = (quad: Quad): number[][] =>
  quad.map(({ x, y }) => [Math.round(x * 1e6) / 1e6, Math.round(y * 1e6) / 1e6]);
const upright = (x: number, y: number, width: number, height: number): Quad => [
  at(x, y),
  at(x + width, y),
  at(x + width, y + height),
  at(x, y + height),
];

describe('the convex hull', () => {
  test.each([
    { name: 'no point', points: [], hull: [] },
    { name: 'a point, thrice', points: [at(2, 3), at(2, 3), at(2, 3)], hull: [at(2, 3)] },
    { name: 'two points', points: [at(4, 1), at(0, 0)], hull: [at(0, 0), at(4, 1)] },
    { name: 'points of a line', points: [at(0, 0), at(2, 2), at(1, 1)], hull: [at(0, 0), at(2, 2)] },
    {
      name: 'a square with points on its sides and in it',
      points: [at(0, 0), at(2, 0), at(2, 2), at(0, 2), at(1, 0), at(1, 1), at(0, 1)],
      hull: [at(0, 0), at(2, 0), at(2, 2), at(0, 2)],
    },
  ])('$name', ({ points, hull }) => {
    expect(convexHull(points)).toEqual(hull);
  });
});

describe('the least rectangle', () => {
  test('of a 3-4-5 triangle lies on one of its legs', () => {
    const { width, height, angle, centre } = minimumAreaRectangle([at(0, 0), at(4, 0), at(0, 3)]);
    expect([width, height]).toEqual([4, 3]);
    expect(angle).toBeCloseTo(0, 12);
    expect([centre.x, centre.y]).toEqual([2, 1.5]);
  });

  test('of a diamond is turned', () => {
    const { width, height } = minimumAreaRectangle([at(1, 0), at(2, 1), at(1, 2), at(0, 1)]);
    expect([width, height].map((side) => side ** 2)).toEqual([expect.closeTo(2, 12), expect.closeTo(2, 12)]);
  });

  test('of one point is that point', () => {
    expect(minimumAreaRectangle([at(5, 6)])).toMatchObject({ centre: at(5, 6), width: 0, height: 0 });
  });

  test('is the rectangle that points were drawn from, at any angle', () => {
    const random = createRandom(5);
    for (let round = 0; round < 50; round++) {
      const wanted = {
        centre: at(random.integer(-50, 50), random.integer(-50, 50)),
        width: random.integer(20, 90),
        height: random.integer(2, 19),
        angle: (random.uniform() - 0.5) * 1.5,
      };
      const corners = cornersOf(wanted);
      const inner = Array.from({ length: 30 }, () => {
        const [u, v] = [random.uniform(), random.uniform()];
        const [a, b, , d] = corners;
        return at(a.x + u * (b.x - a.x) + v * (d.x - a.x), a.y + u * (b.y - a.y) + v * (d.y - a.y));
      });
      const found = minimumAreaRectangle([...inner, ...corners]);
      expect(found.angle).toBeCloseTo(wanted.angle, 9);
      expect(rounded(cornersOf(found))).toEqual(rounded(corners));
      expect(inner.every((point) => contains(expand(found, 1e-9), point))).toBe(true);
      expect(contains(found, at(corners[0].x * 2 - wanted.centre.x, corners[0].y * 2 - wanted.centre.y))).toBe(false);
    }
  });
});

describe('lines of text', () => {
  test('grow by the same at each side', () => {
    const rectangle = { centre: at(10, 5), width: 8, height: 4, angle: 0 };
    expect(rounded(cornersOf(expand(rectangle, 2)))).toEqual([
      [4, 1],
      [16, 1],
      [16, 9],
      [4, 9],
    ]);
  });

  test('that are higher than wide run downwards', () => {
    expect(asLine(upright(0, 0, 10, 14))).toEqual(upright(0, 0, 10, 14));
    expect(asLine(upright(0, 0, 10, 15))).toEqual([at(10, 0), at(10, 15), at(0, 15), at(0, 0)]);
  });

  test('turned twice are as before', () => {
    const quad = upright(1, 2, 30, 4);
    expect(turned(quad)[0]).toEqual(at(31, 6));
    expect(turned(turned(quad))).toEqual(quad);
  });
});

describe('reading order', () => {
  const page = {
    title: upright(50, 5, 100, 20),
    left: upright(10, 40, 60, 10),
    right: upright(90, 37, 40, 12),
    last: upright(10, 55, 100, 10),
  };
  const order = (quads: Readonly<Record<string, Quad>>): string[] =>
    inReadingOrder(Object.keys(quads).toReversed(), (name) => quads[name] ?? page.title);

  test('goes down, and from left to right within a row', () => {
    expect(order(page)).toEqual(['title', 'left', 'right', 'last']);
  });

  test('follows a page that is askew, though a line lies higher than its left neighbour by more than its height', () => {
    const [cos, sin] = [Math.cos(-0.5), Math.sin(-0.5)];
    const turn = ({ x, y }: Point): Point => at(x * cos - y * sin, x * sin + y * cos);
    const askew = Object.fromEntries(
      Object.entries(page).map(([name, [a, b, c, d]]) => [name, [turn(a), turn(b), turn(c), turn(d)] as const]),
    );
    expect(order(askew)).toEqual(['title', 'left', 'right', 'last']);
  });

  test('of nothing is nothing', () => {
    expect(inReadingOrder([], () => page.title)).toEqual([]);
  });
});

describe('lines of two readings', () => {
  const line = (name: string, x: number, y: number) => ({ name, quad: upright(x, y, 100, 20) });
  const names = (pairs: ReturnType<typeof pairLines<ReturnType<typeof line>>>) =>
    pairs.map(({ left, right }) => `${left?.name ?? ''}-${right?.name ?? ''}`);

  test('are paired with the nearest, within the height of a line', () => {
    const left = [line('a', 0, 0), line('b', 0, 30), line('c', 0, 60)];
    expect(names(pairLines(left, [line('z', 3, 62), line('y', 5, 27), line('x', 0, 110)]))).toEqual([
      'a-',
      'b-y',
      'c-z',
      '-x',
    ]);
  });

  test('are used once', () => {
    expect(names(pairLines([line('a', 0, 0), line('b', 0, 8)], [line('z', 0, 6)]))).toEqual(['a-z', 'b-']);
    expect(pairLines([], [])).toEqual([]);
  });
});

describe('lines with a margin', () => {
  test('grow by a share of their height at each side', () => {
    expect(rounded(withMargin(upright(10, 10, 100, 20), 0.2))).toEqual([
      [6, 6],
      [114, 6],
      [114, 34],
      [6, 34],
    ]);
    const [a, b, c, d] = upright(10, 10, 100, 20);
    expect(rounded(withMargin([c, d, a, b], 0.2))[0]).toEqual([114, 34]);
  });
});

/** A map from rows of digits: tenths of probability. */
function mapOf(rows: readonly string[]): { width: number; height: number; values: Float32Array } {
  const digits = rows.join('');
  return {
    width: rows[0]?.length ?? 0,
    height: rows.length,
    values: Float32Array.from({ length: digits.length }, (_, index) => Number(digits[index]) / 10),
  };
}

describe('connected components', () => {
  const sizes = (rows: readonly string[]): number[] => {
    const { values, width, height } = mapOf(rows);
    return connectedComponents(values, width, height, 0.3)
      .map((runs) => runs.reduce((count, { first, last }) => count + last - first + 1, 0))
      .sort((left, right) => left - right);
  };

  test.each([
    { name: 'none', rows: ['000', '222'], expected: [] },
    { name: 'all', rows: ['99', '99'], expected: [4] },
    { name: 'apart', rows: ['90009', '00000', '99099'], expected: [1, 1, 2, 2] },
    { name: 'by a corner', rows: ['9000', '0900', '0099'], expected: [4] },
    { name: 'an arch', rows: ['99999', '90009', '90009'], expected: [9] },
    { name: 'a cup', rows: ['90009', '90009', '99999'], expected: [9] },
    { name: 'a ring around a dot', rows: ['99999', '90009', '90909', '90009', '99999'], expected: [1, 16] },
    { name: 'a comb and a comb', rows: ['90909', '90909', '99999', '09090'], expected: [13] },
    { name: 'runs that only nearly touch', rows: ['9900', '0009'], expected: [1, 2] },
  ])('$name', ({ rows, expected }) => {
    expect(sizes(rows)).toEqual(expected);
  });

  test('are those of a flood, on random maps', () => {
    const random = createRandom(11);
    for (let round = 0; round < 40; round++) {
      const [width, height] = [random.integer(1, 24), random.integer(1, 24)];
      const values = random.uniformArray(width * height);
      const seen = new Set<number>();
      const expected: number[] = [];
      for (let start = 0; start < values.length; start++) {
        if ((values[start] ?? 0) <= 0.55 || seen.has(start)) continue;
        const open = [start];
        seen.add(start);
        let size = 0;
        for (let index = open.pop(); index !== undefined; index = open.pop()) {
          size++;
          const [x, y] = [index % width, Math.floor(index / width)];
          for (let dy = -1; dy <= 1; dy++) {
            for (let dx = -1; dx <= 1; dx++) {
              const next = (y + dy) * width + x + dx;
              const isOnMap = x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height;
              if (!isOnMap || seen.has(next) || (values[next] ?? 0) <= 0.55) continue;
              seen.add(next);
              open.push(next);
            }
          }
        }
        expected.push(size);
      }
      const found = connectedComponents(values, width, height, 0.55).map((runs) =>
        runs.reduce((count, { first, last }) => count + last - first + 1, 0),
      );
      expect(found.sort((left, right) => left - right)).toEqual(expected.sort((left, right) => left - right));
    }
  });
});

describe('boxes of a map', () => {
  const bar = (value: string, width: number, height: number): string[] => [
    '0'.repeat(width + 4),
    ...Array.from({ length: height }, () => `00${value.repeat(width)}00`),
    '0'.repeat(width + 4),
  ];
  const boxes = (rows: readonly string[], scale = 1) => {
    const { values, width, height } = mapOf(rows);
    return findBoxes(values, { width, height }, { width: scale * width, height: scale * height });
  };

  test('grow by area · 1.5 / circumference, and are scaled to the picture', () => {
    // 12 × 4: 48 · 1.5 / 32 = 2.25 at each side, twice as much in a picture twice as large.
    const [box, ...others] = boxes(bar('8', 12, 4), 2);
    expect(others).toEqual([]);
    expect(box?.score).toBeCloseTo(0.8, 6);
    expect(rounded(box?.quad ?? upright(0, 0, 0, 0))).toEqual([
      [-0.5, -2.5],
      [32.5, -2.5],
      [32.5, 14.5],
      [-0.5, 14.5],
    ]);
  });

  test.each([
    { name: 'too faint', rows: bar('5', 12, 4), expected: 0 },
    { name: 'too thin', rows: bar('9', 12, 2), expected: 0 },
    {
      name: 'faint at half of its pixels',
      rows: [...bar('9', 12, 3).slice(0, -1), ...bar('4', 12, 3).slice(1)],
      expected: 1,
    },
    { name: 'nothing', rows: bar('0', 12, 4), expected: 0 },
    { name: 'two', rows: [...bar('9', 12, 4), ...bar('9', 12, 4)], expected: 2 },
  ])('$name', ({ rows, expected }) => {
    expect(boxes(rows)).toHaveLength(expected);
  });
});
