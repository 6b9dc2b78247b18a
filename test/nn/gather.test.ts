import { describe, expect, it } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../src/base/errors.ts';
import { gather, gatherElements } from '../../src/nn/gather.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const kinds = ['float32', 'int8', 'uint8'] as const;

function randomData(kind: (typeof kinds)[number], count: number): Float32Array | Int8Array | Uint8Array {
  const random = createRandom(20261130 + count);
  if (kind === 'float32') return random.normalArray(count);
  return kind === 'int8'
    ? Int8Array.from(random.integerArray(count, -128, 127))
    : Uint8Array.from(random.integerArray(count, 0, 255));
}

describe('gather', () => {
  const [a, b, c] = [4, 5, 18];
  it.each(kinds.flatMap((kind) => [0, 1, 2].map((axis) => ({ kind, axis }))))(
    '$kind along axis $axis',
    async ({ kind, axis }) => {
      const engine = await open();
      const data = randomData(kind, a * b * c);
      const length = [a, b, c][axis] ?? 0;
      const chosen = createRandom(7).integerArray(6, -length, length - 1);
      using source = engine.tensor(data, [a, b, c]);
      using indices = engine.tensor(chosen, [2, 3]);
      using goal = gather(engine, source, indices, axis);
      expect(goal.shape).toEqual([a, b, c].toSpliced(axis, 1, 2, 3));
      const front = [...chosen].map((index) => (index + length) % length);
      const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
      const [rows, columns, cells] = [a, b, c].map((count, other) => (other === axis ? front : range(count)));
      const expected = rows?.flatMap((i) => columns?.flatMap((j) => cells?.map((k) => data[(i * b + j) * c + k])));
      expect([...(await goal.read())]).toEqual(expected);
    },
  );

  it('takes the elements that the indices lie over', async () => {
    const engine = await open();
    for (const kind of kinds) {
      const data = randomData(kind, 4 * 20);
      const places = createRandom(8).integerArray(3 * 30, -20, 19);
      using source = engine.tensor(data, [4, 20]);
      using indices = engine.tensor(places, [3, 30]);
      using goal = gatherElements(engine, source, indices, 1);
      const expected = [...places].map((place, n) => data[Math.floor(n / 30) * 20 + ((place + 20) % 20)]);
      expect([...(await goal.read())]).toEqual(expected);
    }
  });

  it('has nothing to do for no indices, and refuses those outside', async () => {
    const engine = await open();
    using source = engine.tensor(new Float32Array(12), [3, 4]);
    using none = engine.tensor(new Int32Array(0), [0]);
    using empty = gather(engine, source, none, 0);
    expect([empty.shape, [...(await empty.read())]]).toEqual([[0, 4], []]);
    for (const outside of [3, -4]) {
      using indices = engine.tensor(Int32Array.of(0, outside), [2]);
      using goal = gather(engine, source, indices, 0);
      await expect(goal.read()).rejects.toThrow(InvalidInput);
      await expect(engine.check()).rejects.toThrow('Index 1');
    }
    using longer = engine.tensor(new Int32Array(5), [5, 1]);
    expect(() => gatherElements(engine, source, longer, 1)).toThrow(ShapeMismatch);
  });
});
