import { describe, expect, it } from 'vitest';
import { blockRows, boxesOf, groupRows, nearOrder } from '../../../src/cluster/dbscan/nearOrder.ts';
import { createRandom } from '../../reference/random.ts';
import { blobs } from '../support.ts';

describe('the order of near points', () => {
  it.each([1, 2, 4, 5, 31, 33, 36, 65, 257, 1000])('%i rows: a permutation of them', (rowCount) => {
    const source = blobs(rowCount, rowCount, 3, 4, 1);
    const { order, data } = nearOrder({ data: source, rowCount, columnCount: 3 });
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: rowCount }, (_, row) => row));
    order.forEach((row, position) => {
      expect([...data.subarray(position * 3, position * 3 + 3)]).toEqual([...source.slice(row * 3, row * 3 + 3)]);
    });
  });

  it('separates halves at multiples of blocks, also among equal values', () => {
    const random = createRandom(1);
    for (const values of [2, 5, 1000]) {
      const source = Float64Array.from({ length: 400 }, () => random.integer(0, values));
      const { data } = nearOrder({ data: source, rowCount: 400, columnCount: 1 });
      for (let start = 0; start < 400; start += groupRows) {
        const before = Math.max(...data.subarray(0, Math.max(start, 1)));
        expect(Math.min(...data.subarray(start))).toBeGreaterThanOrEqual(start === 0 ? Math.min(...data) : before);
      }
    }
  });
});

describe('the boxes', () => {
  it.each([
    { name: 'plain', scale: 1, offset: 0, epsilon: 0.5 },
    { name: 'far from zero', scale: 1, offset: 1e8, epsilon: 0.5 },
    { name: 'huge', scale: 1e300, offset: 0, epsilon: 1e-150 },
    { name: 'tiny', scale: 1e-140, offset: 0, epsilon: 1e-140 },
  ])('are never farther apart than their points ($name)', ({ scale, offset, epsilon }) => {
    const [rowCount, columnCount] = [70, 5];
    const data = Float64Array.from(blobs(3, rowCount, columnCount, 4, 1), (value) => value * scale + offset);
    const boxes = boxesOf(data, columnCount, epsilon);
    const groups = Math.ceil(rowCount / groupRows);
    expect(boxes.length).toBe((groups + Math.ceil(rowCount / blockRows)) * 16);
    expect(boxes.every(Number.isFinite)).toBe(true);
    let worst = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < rowCount; row++) {
      for (let other = 0; other < rowCount; other++) {
        const own = Math.floor(row / groupRows);
        const block = groups + Math.floor(other / blockRows);
        for (let column = 0; column < columnCount; column++) {
          const at = (box: number, side: number) => boxes[(box * 2 + side) * 8 + column] ?? Number.NaN;
          const gap = Math.max(at(block, 0) - at(own, 1), at(own, 0) - at(block, 1), 0);
          const apart = (data[row * columnCount + column] ?? 0) - (data[other * columnCount + column] ?? 0);
          worst = Math.max(worst, gap - Math.abs(apart) / epsilon);
        }
      }
    }
    expect(worst).toBeLessThanOrEqual(0);
  });
});
