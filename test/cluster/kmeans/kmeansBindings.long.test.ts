import { expect, it } from 'vitest';
import { LimitExceeded } from '../../../src/base/errors.ts';
import { KMeans, type KMeansOptions } from '../../../src/cluster/kmeans/kmeans.ts';
import type { PointSource } from '../../../src/cluster/points/points.ts';
import { Engine } from '../../../src/gpu/engine.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { withLimits } from '../../support/limits.ts';
import { blobPoints } from '../support.ts';

const open = useEngine({});

/** Labels of as many rows as here are beyond a binding of 64 KiB, and points are in five parts. */
const points = blobPoints(6, 20_000, 3, 5);
const weights = createRandom(6).uniformArray(points.rowCount);

/** Another engine on the same device, which refuses to bind more than 64 KiB. */
async function openLimited(): Promise<Engine> {
  const { device } = await open();
  return Engine.open({ device: withLimits(device, { maxStorageBufferBindingSize: 65_536 }), poison: true });
}

async function fitWith(engine: Engine, source: PointSource, options: KMeansOptions, weighted: boolean) {
  const estimator = new KMeans({ clusters: 5, maximumIterations: 6, ...options });
  const fit = await estimator.fit(engine, source, weighted ? { weights } : {});
  const distances = await fit.transform(source);
  const farthest = (await distances.read()).reduce((a, b) => Math.max(a, b));
  distances.dispose();
  return {
    centroids: [...fit.centroids],
    inertia: fit.inertia,
    hash: await fit.labelsSha256(),
    predicted: await fit.predict(source),
    score: await fit.score(source),
    farthest,
  };
}

it.each([
  ['first', {}, false],
  ['random', {}, true],
  ['k-means++', {}, true],
  ['k-means||', {}, false],
  ['k-means++', { precision: 'int8' }, false],
  ['first', { metric: 'cosine' }, false],
] as const)('points and labels beyond one binding: %s %o, weighted: %s', async (init, options, weighted) => {
  const limited = await openLimited();
  const expected = await fitWith(await open(), points, { init, ...options }, weighted);
  expect(await fitWith(limited, points, { init, ...options }, weighted)).toEqual(expected);
  expect(limited.memory.live).toBe(0);
});

it('a tensor beyond one binding', async () => {
  const limited = await openLimited();
  const fits = [];
  for (const engine of [await open(), limited]) {
    using tensor = engine.tensor(Float32Array.from(points.data), [points.rowCount, points.columnCount]);
    fits.push(await fitWith(engine, tensor, { init: 'k-means++' }, false));
  }
  expect(fits[1]).toEqual(fits[0]);
});

it('sums or centroids beyond one binding are an error', async () => {
  const limited = await openLimited();
  await expect(new KMeans({ clusters: 3000, init: 'first' }).fit(limited, points)).rejects.toThrow(LimitExceeded);
  expect(limited.memory.live).toBe(0);
});
