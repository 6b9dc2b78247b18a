import { expect, it } from 'vitest';
import { errorBounds } from '../../../src/cluster/kmeans/assign.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { assignBoth, assignSuite } from './assignSuite.ts';

const open = useEngine();

// Each width of rows compiles for up to a second: assign.long.test.ts has the others.
const narrow = [
  { rowCount: 1, columnCount: 1, clusterCount: 1 },
  { rowCount: 5, columnCount: 1, clusterCount: 5 },
  { rowCount: 71, columnCount: 3, clusterCount: 70 },
  { rowCount: 511, columnCount: 4, clusterCount: 3 },
];
const twoVectors = { rowCount: 513, columnCount: 5, clusterCount: 8 };
const fourVectors = { rowCount: 130, columnCount: 16, clusterCount: 33 };
/** The widest whose points fit into registers; for a GPU, with fewer points a thread. */
const eightVectors = { rowCount: 90, columnCount: 32, clusterCount: 9 };
const wide = { rowCount: 90, columnCount: 33, clusterCount: 9 };
const widest = { rowCount: 20, columnCount: 130, clusterCount: 12 };

assignSuite({ form: 'expanded', software: true }, [...narrow, twoVectors, fourVectors, wide, widest]);
assignSuite({ form: 'expanded', software: false }, [...narrow, twoVectors, eightVectors]);
assignSuite({ form: 'direct', software: true }, [...narrow, eightVectors, wide]);
assignSuite({ form: 'direct', software: false }, [...narrow, fourVectors]);

it('coordinates of very different magnitudes', async () => {
  const shape = { rowCount: 300, columnCount: 6, clusterCount: 20 };
  const random = createRandom(6);
  const data = Float64Array.from({ length: 1800 }, () => random.normal() * 10 ** random.integer(-12, 6));
  const { labels, expected } = await assignBoth(await open(), shape, data);
  expect([...labels]).toEqual([...expected]);
});

it('clusters far out leave the others undecided in the expanded form, and the labels right', async () => {
  const shape = { rowCount: 300, columnCount: 3, clusterCount: 40 };
  const random = createRandom(8);
  const data = Float64Array.from({ length: 900 }, (_, index) => random.normal() + (index < 60 ? 1e5 : 0));
  const expanded = await assignBoth(await open(), shape, data, { form: 'expanded' });
  const direct = await assignBoth(await open(), shape, data, { form: 'direct' });
  expect(expanded.undecided).toBeGreaterThan(direct.undecided);
  expect([...expanded.labels]).toEqual([...expanded.expected]);
  expect([...direct.labels]).toEqual([...expanded.expected]);
});

it('in parts', async () => {
  const shape = { rowCount: 2500, columnCount: 2, clusterCount: 11 };
  const random = createRandom(9);
  const data = Float64Array.from({ length: 5000 }, () => random.integer(-20, 20));
  const { labels, expected, changed } = await assignBoth(await open(), shape, data, { partBytes: 1024 * 16 });
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
