import { describe, expect, it } from 'vitest';
import { Agglomerative } from '../../../src/cluster/hierarchy/agglomerative.ts';
import { silhouette } from '../../../src/cluster/metrics/silhouette.ts';
import digitsText from '../../oracles/digits.csv?raw';
import digitsOracle from '../../oracles/digits.json';
import moonsText from '../../oracles/moons.csv?raw';
import moonsOracle from '../../oracles/moons.json';
import { useEngine } from '../../support/engine.ts';
import { oraclePoints } from '../oraclePoints.ts';

const open = useEngine();

describe.each([
  { name: 'moons', text: moonsText, oracle: moonsOracle },
  { name: 'digits', text: digitsText, oracle: digitsOracle },
])('$name, as scikit-learn', ({ text, oracle }) => {
  const points = oraclePoints(text);

  it.each(['ward', 'complete', 'average', 'single'] as const)('%s', async (linkage) => {
    const { topMerges, clusterSizes } = oracle.agglomerative[linkage];
    const fit = await new Agglomerative({ linkage, clusters: oracle.clusters }).fit(await open(), points);
    expect([...fit.sizes].sort((a, b) => a - b)).toEqual(clusterSizes);
    topMerges.forEach((height, place) => {
      expect(Math.abs((fit.distances.at(place - 5) ?? 0) - height)).toBeLessThan(1e-8);
    });
  });

  it('silhouette', async () => {
    const value = await silhouette(await open(), points, oracle.kmeans.labels);
    expect(Math.abs(value - oracle.metrics.silhouette)).toBeLessThan(1e-6);
  });
});
