import { describe, expect, it } from 'vitest';
import { errorBounds, recordAssign, recordNorms, type ScoreForm } from '../../src/cluster/assign.ts';
import { assignExactly } from '../reference/cluster.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { unpad, withState } from './support.ts';

const open = useEngine();

interface Case {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly clusterCount: number;
}

/** Assigns on the GPU and exactly on the CPU; also says how many points f32 left undecided. */
async function assignBoth(
  { columnCount, clusterCount }: Case,
  data: Float64Array,
  options: { readonly form?: ScoreForm; readonly software?: boolean; readonly partBytes?: number } = {},
) {
  const engine = await open();
  return withState(
    engine,
    data,
    columnCount,
    clusterCount,
    async (state, points) => {
      // Centroids near the points: rows of them, shifted a little.
      const { rowFloats } = state.points;
      const random = createRandom(clusterCount);
      const centroids = new Float32Array(clusterCount * rowFloats);
      for (let cluster = 0; cluster < clusterCount; cluster++) {
        const row = random.integer(0, points.length / columnCount - 1);
        for (let column = 0; column < columnCount; column++) {
          const value = points[row * columnCount + column] as number;
          centroids[cluster * rowFloats + column] = cluster % 2 === 0 ? value : value * 0.75;
        }
      }
      state.setCentroids(centroids);
      recordNorms(state);
      recordAssign(state, { fresh: true, ...options });
      const labels = await state.readLabels();
      const counters = new Uint32Array(await engine.readBytes(state.counters, state.counterCount * 4));
      const expected = assignExactly(points, columnCount, unpad(centroids, columnCount), state.fraction);
      const undecided = counters.subarray(1).reduce((sum, count) => sum + count, 0);
      return { labels, expected, changed: counters[0], undecided };
    },
    options.partBytes,
  );
}

const cases: Case[] = [
  { rowCount: 1, columnCount: 1, clusterCount: 1 },
  { rowCount: 5, columnCount: 1, clusterCount: 5 },
  { rowCount: 71, columnCount: 3, clusterCount: 70 },
  { rowCount: 511, columnCount: 4, clusterCount: 3 },
  { rowCount: 513, columnCount: 5, clusterCount: 8 },
  { rowCount: 130, columnCount: 9, clusterCount: 4 },
  { rowCount: 130, columnCount: 16, clusterCount: 33 },
  { rowCount: 100, columnCount: 17, clusterCount: 7 },
  { rowCount: 100, columnCount: 21, clusterCount: 2 },
  { rowCount: 100, columnCount: 27, clusterCount: 6 },
  { rowCount: 90, columnCount: 32, clusterCount: 9 },
  { rowCount: 90, columnCount: 33, clusterCount: 9 },
  { rowCount: 600, columnCount: 40, clusterCount: 5 },
  { rowCount: 20, columnCount: 130, clusterCount: 12 },
];

describe.each([
  { form: 'expanded', software: true },
  { form: 'expanded', software: false },
  { form: 'direct', software: true },
  { form: 'direct', software: false },
] as const)('labels equal exact ones: $form, software $software', (options) => {
  it.each(cases)('$rowCount × $columnCount, $clusterCount clusters', async (shape) => {
    const random = createRandom(shape.rowCount * 1000 + shape.columnCount);
    const data = Float64Array.from({ length: shape.rowCount * shape.columnCount }, () => random.normal());
    const { labels, expected, changed } = await assignBoth(shape, data, options);
    expect([...labels]).toEqual([...expected]);
    expect(changed).toBe(shape.rowCount);
  });

  it('on a lattice, where many distances are equal', async () => {
    const shape = { rowCount: 400, columnCount: 2, clusterCount: 24 };
    const random = createRandom(5);
    const data = Float64Array.from({ length: shape.rowCount * shape.columnCount }, () => random.integer(-8, 8));
    const { labels, expected, undecided } = await assignBoth(shape, data, options);
    expect(undecided).toBeGreaterThan(20);
    expect([...labels]).toEqual([...expected]);
  });
});

it('coordinates of very different magnitudes', async () => {
  const shape = { rowCount: 300, columnCount: 6, clusterCount: 20 };
  const random = createRandom(6);
  const data = Float64Array.from({ length: 1800 }, () => random.normal() * 10 ** random.integer(-12, 6));
  const { labels, expected } = await assignBoth(shape, data);
  expect([...labels]).toEqual([...expected]);
});

it('clusters far out leave the others undecided in the expanded form, and the labels right', async () => {
  const shape = { rowCount: 300, columnCount: 3, clusterCount: 40 };
  const random = createRandom(8);
  const data = Float64Array.from({ length: 900 }, (_, index) => random.normal() + (index < 60 ? 1e5 : 0));
  const expanded = await assignBoth(shape, data, { form: 'expanded' });
  const direct = await assignBoth(shape, data, { form: 'direct' });
  expect(expanded.undecided).toBeGreaterThan(direct.undecided);
  expect([...expanded.labels]).toEqual([...expanded.expected]);
  expect([...direct.labels]).toEqual([...expanded.expected]);
});

it('in parts', async () => {
  const shape = { rowCount: 2500, columnCount: 2, clusterCount: 11 };
  const random = createRandom(9);
  const data = Float64Array.from({ length: 5000 }, () => random.integer(-20, 20));
  const { labels, expected, changed } = await assignBoth(shape, data, { partBytes: 1024 * 16 });
  expect([...labels]).toEqual([...expected]);
  expect(changed).toBe(2500);
});

it('error bounds grow with the columns and cover a single rounding', () => {
  for (const columnCount of [1, 2, 16, 33, 4096, 65_536]) {
    const { expanded, direct, slack } = errorBounds(columnCount);
    expect(direct).toBeGreaterThan((columnCount + 2) * 2 ** -22);
    expect(expanded).toBeGreaterThan((columnCount + 3) * 2 ** -22);
    expect(direct).toBeLessThan(0.1);
    expect(slack).toBeGreaterThan(0);
  }
});
