import { expect, it } from 'vitest';
import { globalMeanBytes } from '../../src/conv/globalPoolBytes.ts';
import { codeMeanOf } from '../../src/conv/poolBytes.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withWorkBudget } from '../support/workBudget.ts';

const open = useEngine();
const arrays = { int8: Int8Array, uint8: Uint8Array } as const;

/** [batch, …spatial, channels]; the second has fewer pixels than lanes, the last more than f32 adds up at once. */
const shapes = [
  [2, 7, 19, 33],
  [3, 5, 16],
  [1, 1, 1, 1, 3],
  [0, 4, 4, 3],
  [1, 257, 256, 1],
];

it.each([
  ['int8', 1],
  ['uint8', 64],
] as const)('the exact mean of %s codes, with %i invocations a channel', async (dtype, lanes) => {
  const engine = await open();
  const low = dtype === 'int8' ? -128 : 0;
  const input = { dtype, scale: 0.02, zeroPoint: low + 100 };
  const output = { dtype: 'uint8', scale: 0.0137, zeroPoint: 77 } as const;
  const random = createRandom(92);
  for (const shape of shapes) {
    const channels = shape.at(-1) ?? 0;
    const pixels = shape.slice(1, -1).reduce((product, length) => product * length, 1);
    const batches = shape[0] ?? 0;
    // Extreme codes where sums are long.
    const count = batches * pixels * channels;
    const codes = pixels > 1000 ? new Array<number>(count).fill(low + 255) : random.integerArray(count, low, low + 255);
    const data = arrays[dtype].from(codes);
    using x = engine.tensor(data, shape);
    const factor = Math.fround(Math.fround(input.scale) / Math.fround(output.scale) / pixels);
    const few = shape === shapes[0] ? withWorkBudget(engine, 1) : engine;
    using y = globalMeanBytes(few, x, { input, output, factor }, lanes);
    expect(y.shape).toEqual([batches, ...shape.slice(1, -1).map(() => 1), channels]);
    const meanOf = codeMeanOf({ input, output });
    const expected = Array.from({ length: batches * channels }, (_, index) => {
      const first = Math.floor(index / channels) * pixels * channels + (index % channels);
      let sum = 0;
      for (let pixel = 0; pixel < pixels; pixel++) sum += (data[first + pixel * channels] ?? 0) - input.zeroPoint;
      return meanOf(sum, pixels);
    });
    expect(Array.from(await y.read()), `${shape}`).toEqual(expected);
    const bytes = new Uint8Array(await engine.readBytes(y.allocation, y.layout.size));
    expect(bytes.every((byte, index) => index % y.layout.rowBytes < channels || byte === 0)).toBe(true);
  }
});
