import { describe, expect, it } from 'vitest';
import { KMeans } from '../../../src/cluster/kmeans/kmeans.ts';
import { runLloyd } from '../../../src/cluster/kmeans/lloyd.ts';
import { lloyd } from '../../reference/cluster.ts';
import { useEngine } from '../../support/engine.ts';
import { blobs, withState } from '../support.ts';

const open = useEngine();

describe('empty clusters move to the farthest points, as in the float64 reference', () => {
  it.each([
    {
      name: 'two far starts',
      data: [0, 0, 1, 0, 0, 1, 10, 0, 11, 1, 10, 2, 0, 20, 3, 21],
      start: [0, 0, 100, 100, 10, 1, -200, 0],
      columnCount: 2,
      tolerance: 0,
    },
    { name: 'one column', data: [1, 2, 4, 7, 11, 16, 22, 29], start: [500, 0, 600], columnCount: 1, tolerance: 0 },
    {
      name: 'one column, stopped by the tolerance',
      data: [1, 2, 4, 7, 11, 16, 22, 29],
      start: [500, 0, 600],
      columnCount: 1,
      tolerance: 2,
    },
    {
      name: 'all but one',
      data: [...blobs(1, 60, 3, 4)],
      start: [0, 0, 0, 90, 0, 0, 0, 90, 0, 0, 0, 90, 90, 90, 90],
      columnCount: 3,
      tolerance: 0,
    },
  ])('$name', async ({ data, start, columnCount, tolerance }) => {
    const engine = await open();
    const expected = lloyd(data, columnCount, start, { tolerance });
    const points = { data: Float64Array.from(data), rowCount: data.length / columnCount, columnCount };
    const fit = await new KMeans({
      clusters: start.length / columnCount,
      init: Float64Array.from(start),
      tolerance,
    }).fit(engine, points);
    expect([...fit.labels]).toEqual([...expected.labels]);
    expect(fit.iterations).toBe(expected.iterations);
    expect(fit.converged).toBe(expected.converged);
    expect(fit.inertia).toBeCloseTo(expected.inertia, 4);
    for (const [index, value] of fit.centroids.entries()) expect(value).toBeCloseTo(expected.centroids[index] ?? 0, 4);
  });
});

it('points at the same place are taken once', async () => {
  const engine = await open();
  const data = Float64Array.of(0, 0, 0, 1, 50, 50, 40);
  const fit = await new KMeans({ clusters: 3, init: Float64Array.of(0, 900, 1000), tolerance: 0 }).fit(engine, {
    data,
    rowCount: 7,
    columnCount: 1,
  });
  expect([...fit.labels]).toEqual([0, 0, 0, 0, 1, 1, 2]);
  expect([...fit.centroids]).toEqual([0.25, 50, 40]);
});

it('the result does not depend on how many rounds are recorded at a time', async () => {
  const engine = await open();
  const data = blobs(3, 700, 2, 9);
  const start = Float32Array.from({ length: 24 }, (_, index) => (index < 18 ? 0.9 : index / 100));
  const outcomes = [];
  for (const batch of [1, 2, 5, 40]) {
    outcomes.push(
      await withState(engine, data, 2, 12, async (state) => {
        const padded = new Float32Array(48);
        for (let cluster = 0; cluster < 12; cluster++)
          padded.set(start.subarray(cluster * 2, cluster * 2 + 2), cluster * 4);
        state.setCentroids(padded);
        const status = await runLloyd(state, { tolerance: 0, maximumIterations: 30, batch });
        return { status, labels: await state.readLabels(), centroids: await state.readCentroids() };
      }),
    );
  }
  for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  expect(outcomes[0]?.status.iteration).toBeGreaterThan(5);
});
