import { describe, expect, it } from 'vitest';
import { Dbscan } from '../../../src/cluster/dbscan/dbscan.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import { dbscan } from '../../reference/dbscan.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { oraclePoints } from '../oraclePoints.ts';
import { blobs } from '../support.ts';

const open = useEngine();

it("scikit-learn's labels of digits", async () => {
  const { epsilon, minPoints: minimumPoints, labels, ...oracle } = digitsOracle.dbscan;
  const fit = await new Dbscan({ epsilon, minimumPoints }).fit(await open(), oraclePoints(digitsText));
  expect([...fit.labels]).toEqual(labels);
  expect(fit).toMatchObject({ clusters: oracle.clusters, noise: oracle.noise });
  expect(fit.coreIndices.length).toBe(oracle.core);
});

describe('random points, hyperparameters and grids of values against the float64 reference', () => {
  it.each([1, 2, 3, 4, 6])('%i columns', async (columnCount) => {
    const random = createRandom(columnCount);
    const engine = await open();
    for (let round = 0; round < 30; round++) {
      const rowCount = random.integer(1, 900);
      const coarse = random.integer(0, 1) === 0;
      const steps = random.integer(2, 30);
      const data = blobs(round, rowCount, columnCount, random.integer(1, 9), random.uniform() * 2).map((value) =>
        coarse ? Math.round(value * steps) / steps : value,
      );
      const epsilon = coarse ? random.integer(1, steps) / steps : 0.05 + random.uniform();
      const minimumPoints = random.integer(1, 12);
      const expected = dbscan(data, columnCount, epsilon, minimumPoints);
      const fit = await new Dbscan({ epsilon, minimumPoints }).fit(engine, { data, rowCount, columnCount });
      const what = `round ${round}: ${rowCount} points, epsilon ${epsilon}, minimumPoints ${minimumPoints}`;
      expect([...fit.labels], what).toEqual([...expected.labels]);
      expect([...fit.coreIndices], what).toEqual([...expected.coreIndices]);
    }
  });
});
