import { expect, it } from 'vitest';
import { Aborted, InvalidInput, ShapeMismatch } from '../../../src/base/errors.ts';
import { ProductCodebooks } from '../../../src/cluster/product/productCodebooks.ts';
import type { ProductBits } from '../../../src/cluster/product/productCodes.ts';
import { decodeCodewords, nearestCodewords, nearestRows, packCodewords } from '../../reference/productQuantization.ts';
import { createRandom } from '../../reference/random.ts';
import { leavesNoMemoryBehind, useEngine } from '../../support/engine.ts';
import { withLimits } from '../../support/limits.ts';
import { withWorkBudget } from '../../support/workBudget.ts';

const open = useEngine();

/** Codebooks and codes without training; `whole` numbers have many equal distances. */
async function drawn(
  [subspaces, bits, width, rowCount]: readonly [number, ProductBits, number, number],
  whole: boolean,
  offset = 0,
) {
  const random = createRandom(subspaces * 1000 + rowCount);
  const draw = (count: number) =>
    Float64Array.from(
      random.normalArray(count, whole ? 2 : 1, 0),
      (value) => offset + (whole ? Math.round(value) : value),
    );
  const layout = { subspaces, bits, columnCount: subspaces * width };
  const codebooks = draw(2 ** bits * layout.columnCount);
  const numbers = Array.from(
    random.normalArray(rowCount * subspaces, 1, 0),
    (value) => Math.floor(Math.abs(value) * 1000) % 2 ** bits,
  );
  const codes = { data: Uint8Array.from(packCodewords(numbers, layout)), rowCount };
  return {
    layout,
    draw,
    codebooks: new ProductCodebooks(await open(), { ...layout, codebooks }),
    codes,
    decoded: decodeCodewords(numbers, codebooks, layout),
  };
}

it.each([
  // subspaces, bits, columns of one, points; queries; count
  [[1, 8, 3, 300], 3, 5],
  [[5, 8, 2, 1000], 2, 10],
  [[17, 8, 1, 700], 3, 10],
  [[7, 4, 3, 900], 4, 9],
  [[34, 4, 2, 65], 33, 8],
  [[2, 4, 1, 3000], 1, 120],
  [[4, 8, 4, 150], 70, 128],
  [[1, 4, 1, 1], 2, 1],
] as const)(
  '%j, %i queries, count %i: what float64 finds among all decoded points',
  async (shape, queryCount, count) => {
    for (const whole of [true, false]) {
      const { layout, draw, codebooks, codes, decoded } = await drawn(shape, whole);
      const data = draw(queryCount * layout.columnCount);
      const queries = { data, rowCount: queryCount, columnCount: layout.columnCount };
      const found = await codebooks.search(queries, codes, { count });
      const expected = nearestRows(data, decoded, layout.columnCount, count);
      expect([...found.rows]).toEqual(expected.rows);
      expect([...found.distances]).toEqual(expected.distances.map((distance) => expect.closeTo(distance, 12)));
      expect([...codebooks.decode(codes)]).toEqual([...decoded]);
    }
  },
);

it('points far from 0 are encoded and found as those around 0; held codes and tensors give the same', async () => {
  const shape = [3, 4, 2, 400] as const;
  const near = await drawn(shape, true);
  const far = await drawn(shape, true, 2 ** 20);
  const data = near.draw(60);
  const points = { data, rowCount: 10, columnCount: 6 };
  const moved = { ...points, data: data.map((value) => value + 2 ** 20) };
  const expected = nearestCodewords(data, near.codebooks.codebooks, near.layout);
  const codes = await near.codebooks.encode(points);
  expect(codes).toEqual({ data: packCodewords(expected, near.layout), rowCount: 10 });
  expect(await far.codebooks.encode(moved)).toEqual(codes);
  const found = await near.codebooks.search(points, near.codes, { count: 20 });
  expect(await far.codebooks.search(moved, far.codes, { count: 20 })).toEqual(found);
  const held = near.codebooks.hold(near.codes);
  const tensor = (await open()).tensor(Float32Array.from(data), [10, 6]);
  expect(await near.codebooks.search(tensor, held, { count: 20 })).toEqual(found);
  expect(await near.codebooks.encode(tensor)).toEqual(codes);
  held.dispose();
  tensor.dispose();
});

it('many queries and windows, and several dispatches, find the same', async () => {
  const { layout, draw, codebooks, codes, decoded } = await drawn([1, 8, 1, 300], true);
  const data = draw(4100);
  const expected = nearestRows(data, decoded, 1, 3);
  const queries = { data, rowCount: 4100, columnCount: 1 };
  expect([...(await codebooks.search(queries, codes, { count: 3 })).rows]).toEqual(expected.rows);
  const engine = await open();
  // Windows of 64 points, and dispatches of 16.
  const device = withLimits(engine.device, { maxStorageBufferBindingSize: 1024 });
  const slow = new Proxy(withWorkBudget(engine, 1), {
    get: (target, name) => (name === 'device' ? device : Reflect.get(target, name)),
  });
  const few = { data: data.slice(0, 2), rowCount: 2, columnCount: 1 };
  const split = new ProductCodebooks(slow, { ...layout, codebooks: codebooks.codebooks });
  expect([...(await split.search(few, codes, { count: 3 })).rows]).toEqual(expected.rows.slice(0, 6));
});

it('what cannot be searched is refused', async () => {
  const { codebooks, codes } = await drawn([2, 4, 1, 20], true);
  const queries = { data: Float64Array.of(1, 2), rowCount: 1, columnCount: 2 };
  const search = (changed: Partial<typeof queries>, count = 3, coded = codes) =>
    codebooks.search({ ...queries, ...changed }, coded, { count });
  await expect(search({ data: Float64Array.of(1, Number.NaN) })).rejects.toThrow(/row 0, column 1 is NaN/);
  await expect(search({ data: Float64Array.of(1, 1e30) })).rejects.toThrow(InvalidInput);
  await expect(search({ data: new Float64Array(), rowCount: 0 })).rejects.toThrow(/at least one point/);
  await expect(search({ columnCount: 1, rowCount: 2 })).rejects.toThrow(ShapeMismatch);
  await expect(search({}, 0)).rejects.toThrow(/count is 0.*from 1 to 20/);
  await expect(search({}, 21)).rejects.toThrow(/count is 21/);
  await expect(search({}, 1, { data: new Uint8Array(0), rowCount: 0 })).rejects.toThrow(/no codes/);
  await expect(search({}, 1, { ...codes, rowCount: 19 })).rejects.toThrow(/20 bytes are not the codes of 19 points/);
  await expect(codebooks.search(queries, codes, { signal: AbortSignal.abort() })).rejects.toThrow(Aborted);
  const engine = await open();
  const given = { subspaces: 2, bits: 4, columnCount: 2, codebooks: new Float64Array(31) } as const;
  expect(() => new ProductCodebooks(engine, given)).toThrow(/31 numbers, but 16 codewords of 2 columns take 32/);
  const broken = { ...given, codebooks: new Float64Array(32).fill(Number.NaN) };
  expect(() => new ProductCodebooks(engine, broken)).toThrow(/number 0 of the codebooks is NaN/);
});

leavesNoMemoryBehind(open);
