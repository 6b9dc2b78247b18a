import { expect, it } from 'vitest';
import { recordChanges } from '../../../src/cluster/kmeans/changes.ts';
import { createRandom } from '../../reference/random.ts';
import { useEngine } from '../../support/engine.ts';
import { withState } from '../support.ts';

const open = useEngine();

function bytesOf(labels: Int32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(labels.slice().buffer);
}

it.each([1, 64, 65, 2500])('the rows of %i whose label is another one, and which it was', async (rowCount) => {
  const engine = await open();
  const random = createRandom(rowCount);
  const former = random.integerArray(rowCount, 0, 5);
  const labels = former.map((label) => (random.integer(0, 3) === 0 ? random.integer(0, 5) : label));
  const data = random.uniformArray(rowCount);
  // Parts of 1,024 rows.
  await withState(
    engine,
    data,
    1,
    6,
    async (state) => {
      engine.upload(state.labels, bytesOf(labels));
      engine.upload(state.former, bytesOf(former));
      const listed: string[] = [];
      const lists = recordChanges(state);
      for (const [index, part] of state.points.parts.entries()) {
        const words = new Uint32Array(await engine.readBytes(lists[index] as (typeof lists)[0], 8 + part.rowCount * 8));
        const [count = 0] = words;
        for (let entry = 1; entry <= count; entry++) {
          listed.push(`${part.firstRow + (words[2 * entry] ?? -1)} ${words[2 * entry + 1]}`);
        }
      }
      const expected = [...labels.keys()].filter((row) => labels[row] !== former[row]);
      expect(listed.sort()).toEqual(expected.map((row) => `${row} ${former[row]}`).sort());
      expect([...new Int32Array(await engine.readBytes(state.former, rowCount * 4))]).toEqual([...labels]);
    },
    1024 * 16,
  );
});

it('none once the iteration has halted', async () => {
  const engine = await open();
  await withState(engine, Float32Array.of(1, 2, 3), 1, 2, async (state) => {
    engine.upload(state.labels, bytesOf(Int32Array.of(1, 1, 0)));
    engine.upload(state.former, bytesOf(Int32Array.of(0, 1, 1)));
    engine.upload(state.control, new Uint8Array(Uint32Array.of(1).buffer));
    const [list] = recordChanges(state);
    if (!list) throw new Error('There is no list.');
    expect(new Uint32Array(await engine.readBytes(list, 4))[0]).toBe(0);
    expect([...new Int32Array(await engine.readBytes(state.former, 12))]).toEqual([0, 1, 1]);
  });
});
