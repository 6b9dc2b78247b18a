import { describe, expect, it } from 'vitest';
import { Aborted, InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import { Agglomerative, type AgglomerativeOptions } from '../../../src/cluster/hierarchy/agglomerative.ts';
import type { HostPoints } from '../../../src/cluster/points/points.ts';
import irisText from '../../oracles/iris.csv?raw';
import irisOracle from '../../oracles/iris.json';
import { linkByDefinition } from '../../reference/linkage.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { oraclePoints } from '../oraclePoints.ts';
import { blobs } from '../support.ts';

const open = useEngine();
const linkages = ['ward', 'complete', 'average', 'single'] as const;

async function link(points: HostPoints, options: AgglomerativeOptions = {}) {
  return new Agglomerative(options).fit(await open(), points);
}

function pointsOf(data: Float64Array, columnCount: number): HostPoints {
  return { data, rowCount: data.length / columnCount, columnCount };
}

/** The points under each merge, as a text, with its height. */
function mergesOf(fit: Awaited<ReturnType<typeof link>>) {
  const points: number[][] = Array.from(fit.leafOf, (_, point) => [point]);
  return Array.from(fit.distances, (height, merge) => {
    const [a = 0, b = 0] = fit.children.subarray(merge * 2);
    const merged = [...(points[a] ?? []), ...(points[b] ?? [])].sort((left, right) => left - right);
    points.push(merged);
    return { height, points: merged.join() };
  });
}

describe.each(linkages)('%s', (linkage) => {
  it('iris: the top merges and cluster sizes of scikit-learn', async () => {
    const { topMerges, clusterSizes } = irisOracle.agglomerative[linkage];
    const fit = await link(oraclePoints(irisText), { linkage, clusters: 3 });
    expect([...fit.sizes].sort((a, b) => a - b)).toEqual(clusterSizes);
    topMerges.forEach((height, place) => {
      expect(Math.abs((fit.distances.at(place - 5) ?? 0) - height)).toBeLessThan(1e-9);
    });
  });

  it.each([
    [2, 1],
    [3, 2],
    [60, 3],
  ])('%i random points with %i columns merge as the definition says', async (rowCount, columnCount) => {
    const data = Float64Array.from(createRandom(rowCount).normalArray(rowCount * columnCount, 3, 40));
    const merges = mergesOf(await link(pointsOf(data, columnCount), { linkage }));
    const expected = linkByDefinition(data, columnCount, linkage);
    expect(merges.map(({ points }) => points)).toEqual(expected.map(({ points }) => points.join()));
    expected.forEach(({ height }, merge) => {
      expect(Math.abs((merges[merge]?.height ?? 0) / height - 1)).toBeLessThan(1e-9);
    });
  });

  it('a lattice, whose distances all tie: heights that the definition allows, the same twice', async () => {
    const data = Float64Array.from({ length: 72 }, (_, index) =>
      index % 2 ? (index >> 1) % 6 : Math.floor(index / 12),
    );
    const first = await link(pointsOf(data, 2), { linkage, clusters: 4 });
    const second = await link(pointsOf(data, 2), { linkage, clusters: 4 });
    expect(second).toEqual(first);
    expect(first.distances[0]).toBe(1);
    expect(first.distances.every((height, merge) => height >= (first.distances[merge - 1] ?? 0))).toBe(true);
    expect(new Set(mergesOf(first).map(({ points }) => points)).size).toBe(35);
    if (linkage === 'single') expect(new Set(first.distances)).toEqual(new Set([1]));
  });

  it('an offset of 1e4 leaves the labels, near copies of points are told apart', async () => {
    const random = createRandom(3);
    const data = Float64Array.from({ length: 90 }, () => random.integer(-2000, 2000) / 256);
    // As far from their originals as float32 cannot see.
    const near = Float64Array.from([...data, ...data.subarray(0, 6).map((value) => value * (1 + 2 ** -40))]);
    const plain = await link(pointsOf(near, 3), { linkage, clusters: 4 });
    const shifted = await link(
      pointsOf(
        near.map((value) => value + 1e4),
        3,
      ),
      { linkage, clusters: 4 },
    );
    expect([...shifted.labels]).toEqual([...plain.labels]);
    expect([...plain.distances.subarray(0, 2)].every((height) => height > 0 && height < 1e-9)).toBe(true);
  });
});

describe('special data', () => {
  it.each(linkages)('repeated points merge first, at height 0 (%s)', async (linkage) => {
    const data = Float64Array.from({ length: 120 }, (_, index) => [0, 7, 1, 30][Math.floor(index / 2) % 4] ?? 0);
    const fit = await link(pointsOf(data, 2), { linkage, clusters: 4 });
    expect([...fit.sizes]).toEqual([15, 15, 15, 15]);
    expect(fit.distances.filter((height) => height === 0).length).toBe(56);
    expect(fit.distances[56]).toBeCloseTo(Math.sqrt(2 * (linkage === 'ward' ? 15 : 1)), 12);
    const alike = await link(pointsOf(data.fill(0.1), 2), { linkage, height: 0.5 });
    expect([...alike.sizes]).toEqual([60]);
    expect([...alike.distances]).toEqual(Array(59).fill(0));
  });

  it('one point, and as many clusters as points', async () => {
    const one = await link(pointsOf(Float64Array.of(3, 4), 2), { clusters: 1 });
    expect([...one.labels]).toEqual([0]);
    expect(one.children.length).toBe(0);
    expect([...one.leafOrder()]).toEqual([0]);
    const many = await link(pointsOf(blobs(1, 20, 2, 3), 2), { clusters: 20 });
    expect([...many.labels]).toEqual([...Array(20).keys()]);
  });

  it('a tensor on the GPU gives what the same numbers on the CPU give', async () => {
    const engine = await open();
    const data = Float32Array.from(blobs(2, 40, 3, 3));
    using tensor = engine.tensor(data, [40, 3]);
    const fit = await new Agglomerative().fit(engine, tensor);
    expect(fit).toEqual(await new Agglomerative().fit(engine, { data, rowCount: 40, columnCount: 3 }));
    expect(await fit.labelsSha256()).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('preclusters', () => {
  it('as many as points change nothing but roundings', async () => {
    const linkage = 'average';
    const points = pointsOf(blobs(11, 50, 2, 4), 2);
    const plain = await link(points, { linkage, clusters: 4 });
    const reduced = await link(points, { linkage, clusters: 4, preclusters: 50 });
    expect([...reduced.labels]).toEqual([...plain.labels]);
    for (const [merge, height] of reduced.distances.entries())
      expect(height).toBeCloseTo(plain.distances[merge] ?? 0, 4);
  });

  it('link the means of k-means, with their sizes', async () => {
    const points = pointsOf(blobs(12, 600, 2, 3, 0.2), 2);
    const plain = await link(points, { clusters: 3 });
    const reduced = await link(points, { clusters: 3, preclusters: 30 });
    expect(reduced.leafCount).toBe(30);
    expect([...reduced.labels]).toEqual([...plain.labels]);
    expect(reduced.linkageMatrix().at(-1)).toBe(600);
    // The last merge joins the same points; k-means ended a little before its centroids were their means.
    expect((reduced.distances.at(-1) ?? 0) / (plain.distances.at(-1) ?? 1)).toBeCloseTo(1, 3);
  });
});

describe('misuse', () => {
  it.each([
    [{ clusters: 0 }, /clusters is 0/],
    [{ clusters: 2, height: 1 }, /cut by one of them/],
    [{ height: -1 }, /height is -1/],
    [{ height: Number.NaN }, /height is NaN/],
    [{ preclusters: 1.5 }, /preclusters is 1.5/],
    [{ linkage: 'median' as 'ward' }, /linkage is "median"; use ward, complete, average, single/],
  ])('%j is refused', (options, message) => {
    expect(() => new Agglomerative(options)).toThrow(InvalidInput);
    expect(() => new Agglomerative(options)).toThrow(message);
  });

  it('points that cannot be clustered', async () => {
    await expect(link(pointsOf(new Float64Array(0), 2))).rejects.toThrow(InvalidInput);
    await expect(link({ data: new Float64Array(5), rowCount: 2, columnCount: 2 })).rejects.toThrow(ShapeMismatch);
    await expect(link(pointsOf(Float64Array.of(1, 2, 3, Number.NaN), 2))).rejects.toThrow(/row 1, column 1 is NaN/);
    await expect(link(pointsOf(Float64Array.of(1, 2), 2))).rejects.toThrow(/2 clusters of 1 points/);
    await expect(link(pointsOf(new Float64Array(4), 2), { preclusters: 3 })).rejects.toThrow(/3 preclusters of 2/);
  });

  it('a signal stops it, and its memory is released', async () => {
    const engine = await open();
    const points = pointsOf(blobs(5, 200, 2, 5), 2);
    for (const linkage of linkages) {
      const before = engine.memory.live;
      const controller = new AbortController();
      const onProgress = () => controller.abort();
      const fit = new Agglomerative({ linkage }).fit(engine, points, { signal: controller.signal, onProgress });
      await expect(fit).rejects.toThrow(Aborted);
      expect(engine.memory.live).toBe(before);
    }
  });
});
