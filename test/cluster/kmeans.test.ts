import { describe, expect, it } from 'vitest';
import { KMeans } from '../../src/cluster/kmeans.ts';
import digitsText from '../oracles/digits.csv?raw';
import digitsOracle from '../oracles/digits.json';
import irisText from '../oracles/iris.csv?raw';
import irisOracle from '../oracles/iris.json';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

/** Points of an oracle's CSV, whose last column is the class. */
function pointsOf(text: string) {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').slice(0, -1).map(Number));
  const columnCount = rows[0]?.length ?? 0;
  return { data: Float64Array.from(rows.flat()), rowCount: rows.length, columnCount };
}

describe('against scikit-learn, from the first rows with tolerance 0', () => {
  it.each([
    { name: 'iris', points: pointsOf(irisText), oracle: irisOracle, iterations: 12 },
    { name: 'digits', points: pointsOf(digitsText), oracle: digitsOracle, iterations: 14 },
  ])('$name: inertia within 1e-6, $iterations iterations', async ({ points, oracle, iterations }) => {
    const engine = await open();
    const live = engine.memory.live;
    const fit = await new KMeans({ clusters: oracle.clusters, init: 'first', tolerance: 0 }).fit(engine, points);
    expect(fit.iterations).toBe(iterations);
    expect(fit.converged).toBe(true);
    expect(Math.abs(fit.inertia / oracle.kmeans.inertia - 1)).toBeLessThan(1e-6);
    expect(fit.sizes.reduce((sum, size) => sum + size)).toBe(points.rowCount);
    expect(engine.memory.live).toBe(live);
  });
});
