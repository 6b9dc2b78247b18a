import { expect, it } from 'vitest';
import { distanceOfKey, readDistanceKeys } from '../../../src/cluster/kmeans/distances.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { spreadPoints, withState } from '../support.ts';

const open = useEngine();

it.each([
  [1, 1],
  [65, 3],
  [130, 4],
  [70, 33],
])('keys of %i × %i points stand for their distances, in order', async (rowCount, columnCount) => {
  const engine = await open();
  const random = createRandom(columnCount);
  const clusterCount = 3;
  await withState(
    engine,
    spreadPoints(rowCount, columnCount),
    columnCount,
    clusterCount,
    async (state, coordinates) => {
      const rowFloats = Math.ceil(columnCount / 4) * 4;
      const centroids = new Float32Array(clusterCount * rowFloats);
      for (let index = 0; index < clusterCount * columnCount; index++) {
        const at = Math.floor(index / columnCount) * rowFloats + (index % columnCount);
        // The first centroid is the first point: its distance is 0.
        centroids[at] = index < columnCount ? (coordinates[index] ?? 0) : random.normal() / 2;
      }
      state.setCentroids(centroids);
      const labels = Int32Array.from({ length: rowCount }, (_, row) => row % clusterCount);
      engine.upload(state.labels, new Uint8Array(labels.buffer));
      const keys = await readDistanceKeys(state);
      const exact = [...labels].map((label, row) => {
        let sum = 0;
        for (let column = 0; column < columnCount; column++) {
          const difference =
            (coordinates[row * columnCount + column] ?? 0) - (centroids[label * rowFloats + column] ?? 0);
          sum += difference ** 2;
        }
        return sum;
      });
      expect(keys[0]).toBe(0);
      exact.forEach((distance, row) => {
        expect(Math.abs(distanceOfKey(keys[row] ?? 0, state.fraction) - distance)).toBeLessThanOrEqual(
          distance * 2 ** -24,
        );
      });
      const byKey = exact.map((_, row) => row).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
      byKey.slice(1).forEach((row, position) => {
        expect((exact[row] ?? 0) * (1 + 2 ** -24)).toBeGreaterThanOrEqual(exact[byKey[position] ?? 0] ?? 0);
      });
    },
  );
});
