import { expect, it } from 'vitest';
import { Aborted, InvalidInput } from '../../../src/base/errors.ts';
import { ProductCodebooks } from '../../../src/cluster/product/productCodebooks.ts';
import { ProductQuantizer } from '../../../src/cluster/product/productQuantization.ts';
import { decodeCodewords, nearestCodewords, nearestRows, packCodewords } from '../../reference/productQuantization.ts';
import { leavesNoMemoryBehind, useEngine } from '../../support/engine.ts';
import { blobs } from '../support.ts';

const open = useEngine();

function squaredError(points: Float64Array, decoded: Float64Array): number {
  return points.reduce((sum, value, index) => sum + (value - (decoded[index] ?? 0)) ** 2, 0);
}

it.each([
  [3, 600, 12],
  [1, 200, 4],
])('%i subspaces of 4 bits: codes, error and recall of the definition', async (subspaces, rowCount, columnCount) => {
  const engine = await open();
  const data = blobs(7, rowCount, columnCount, 24);
  const points = { data, rowCount, columnCount };
  const quantizer = new ProductQuantizer({ subspaces, bits: 4, seed: 3 });
  const fit = await quantizer.fit(engine, points);
  const layout = { subspaces, bits: 4, columnCount };
  const numbers = nearestCodewords(data, fit.codebooks, layout);
  const codes = await fit.encode(points);
  expect(codes).toEqual({ data: packCodewords(numbers, layout), rowCount });
  const decoded = fit.decode(codes);
  expect(decoded).toEqual(decodeCodewords(numbers, fit.codebooks, layout));
  // The codebooks are rounded to float32, in a frame of their own.
  expect(Math.abs(squaredError(data, decoded) / rowCount / fit.error - 1)).toBeLessThan(1e-6);
  expect(fit.trainingPoints).toBe(rowCount);

  const queries = { data: data.slice(0, 40 * columnCount), rowCount: 40, columnCount };
  const found = await fit.search(queries, codes, { count: 100 });
  const expected = nearestRows(queries.data, decoded, columnCount, 100);
  expect([...found.rows]).toEqual(expected.rows);
  // A query's nearest point is itself: it is among the first hundred, which its 16 codewords a subspace lead to.
  const hits = Array.from({ length: 40 }, (_, query) =>
    found.rows.slice(query * 100, (query + 1) * 100).includes(query),
  );
  expect(hits.filter(Boolean).length / 40).toBeGreaterThanOrEqual(0.95);

  const again = new ProductCodebooks(engine, fit);
  expect(await again.encode(points)).toEqual(codes);
  expect((await quantizer.fit(engine, points)).codebooks).toEqual(fit.codebooks);
});

it('8 bits train on a sample; equal points share a codeword', async () => {
  const engine = await open();
  const data = Float32Array.from({ length: 1600 }, (_, index) => (index >> 1) % 40);
  const points = { data, rowCount: 800, columnCount: 2 };
  const fit = await new ProductQuantizer({ subspaces: 2, bits: 8, trainingPoints: 300 }).fit(engine, points);
  expect(fit.trainingPoints).toBe(300);
  expect(fit.error).toBe(0);
  const codes = await fit.encode(points);
  expect([...fit.decode(codes)]).toEqual([...data]);
  const found = await fit.search({ data: Float64Array.of(7, 7), rowCount: 1, columnCount: 2 }, codes, { count: 20 });
  expect([...found.rows]).toEqual(Array.from({ length: 20 }, (_, place) => 7 + 40 * place));
  expect([...found.distances]).toEqual(new Array(20).fill(0));
});

it('what cannot be trained is refused', async () => {
  const engine = await open();
  const points = { data: new Float64Array(1200), rowCount: 100, columnCount: 12 };
  const train = (subspaces: number, bits: 4 | 8, changed: Partial<typeof points> = {}, signal?: AbortSignal) =>
    new ProductQuantizer({ subspaces, bits }).fit(engine, { ...points, ...changed }, signal ? { signal } : {});
  await expect(train(5, 4)).rejects.toThrow(/12 columns cannot be cut into 5 .*1, 2, 3, 4, 6, 12/);
  await expect(train(3, 8)).rejects.toThrow(/100 points.*256 codewords.*or use 4 bits/);
  await expect(train(3, 4, { data: points.data.with(1199, Number.NaN) })).rejects.toThrow(/row 99, column 11 is NaN/);
  await expect(train(3, 4, {}, AbortSignal.abort())).rejects.toThrow(Aborted);
  const options = [{ subspaces: 0 }, { subspaces: 1, trainingPoints: 255 }, { subspaces: 1, seed: -1 }];
  for (const option of options) expect(() => new ProductQuantizer(option)).toThrow(InvalidInput);
  expect(() => new ProductQuantizer({ subspaces: 1, bits: 5 as 4 })).toThrow(/bits is 5; use 8/);
});

leavesNoMemoryBehind(open);
