import { describe, expect, it, vi } from 'vitest';
import { MatrixClusters } from '../../../src/cluster/hierarchy/linkageMatrix.ts';
import { allRows } from '../../../src/cluster/pairs.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';

const open = useEngine();

/** Different points with weights. */
function leavesOf(seed: number, count: number, columnCount: number) {
  const random = createRandom(seed);
  return {
    coordinates: Float64Array.from({ length: count * columnCount }, () => 2 * random.uniform() - 1),
    columnCount,
    weights: Float64Array.from({ length: count }, () => random.integer(1, 5)),
  };
}

/** Merges clusters 0 and 1, 2 and 3 … of the first half. */
function someMerges(count: number): number[][] {
  const parts: number[][] = [];
  for (let cluster = 0; cluster < count; cluster++) {
    if (cluster < count / 2 && cluster + 1 < count) parts.push([cluster, ++cluster]);
    else parts.push([cluster]);
  }
  return parts;
}

describe.each(['complete', 'average'] as const)('%s', (linkage) => {
  it.each([2, 17, 130])('nearest clusters of %i leaves, after each of several rounds of merges', async (count) => {
    const engine = await open();
    const clusters = new MatrixClusters(engine, leavesOf(count, count, 3), linkage);
    while (clusters.count > 1) {
      const rows = allRows(clusters.count);
      const candidates = await clusters.nearest(rows);
      rows.forEach((row, place) => {
        const others = [...rows].filter((other) => other !== row);
        const least = Math.min(...others.map((other) => clusters.distance(row, other)));
        const found = candidates[place];
        const listed = typeof found === 'number' ? [found] : [...(found ?? [])];
        expect(listed.map((other) => clusters.distance(row, other))).toContain(least);
      });
      clusters.merge(someMerges(clusters.count));
    }
    clusters.release();
  });

  it('lists all clusters that are equally near', async () => {
    const engine = await open();
    const coordinates = Float64Array.of(0, 0, 0.5, 0, 0, 0.5, -0.5, 0, 0.75, 0.75);
    const clusters = new MatrixClusters(
      engine,
      { coordinates, columnCount: 2, weights: Float64Array.of(1, 1, 1, 1, 1) },
      linkage,
    );
    const [around, right] = await clusters.nearest(Uint32Array.of(0, 4));
    expect([...(around as Iterable<number>)]).toEqual([1, 2, 3]);
    expect([...(right as Iterable<number>)]).toEqual([1, 2]);
    clusters.release();
  });
});

it('distances of clusters are the same both ways round, to the last bit', async () => {
  const clusters = new MatrixClusters(await open(), leavesOf(6, 33, 3), 'average');
  clusters.merge(someMerges(clusters.count));
  clusters.merge(someMerges(clusters.count));
  const rows = [...Array(clusters.count).keys()];
  const distances = (turned: boolean) =>
    rows.flatMap((a) => rows.map((b) => (turned ? clusters.distance(b, a) : clusters.distance(a, b))));
  expect(distances(true)).toEqual(distances(false));
  clusters.release();
});

it('whatever one dispatch may do', async () => {
  const engine = await open();
  const run = async () => {
    const clusters = new MatrixClusters(engine, leavesOf(5, 90, 2), 'average');
    clusters.merge(someMerges(90));
    const found = await clusters.nearest(allRows(clusters.count));
    clusters.release();
    return found;
  };
  const whole = await run();
  const budget = vi.spyOn(engine, 'workBudget', 'get').mockReturnValue(2000);
  expect(await run()).toEqual(whole);
  budget.mockRestore();
});
