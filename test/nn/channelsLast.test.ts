import { expect, test } from 'vitest';
import { ShapeMismatch } from '../../src/base/errors.ts';
import { toChannelsFirst, toChannelsLast } from '../../src/nn/channelsLast.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

test.each([
  [[1, 1, 1]],
  [[2, 3, 5]],
  [[1, 17, 4]],
  [[2, 4, 3, 16]],
  [[1, 33, 5, 17]],
  [[2, 5, 2, 3, 7]],
  [[1, 0, 4, 4]],
])('moves the channels of %j to the end and back', async (shape) => {
  const engine = await open();
  const [batch = 0, channels = 0, ...spatial] = shape;
  const pixels = spatial.reduce((product, length) => product * length, 1);
  const data = Uint8Array.from(createRandom(41).integerArray(batch * channels * pixels, 0, 255));
  using x = engine.tensor(data, shape);
  using last = toChannelsLast(engine, x);
  expect(last.shape).toEqual([batch, ...spatial, channels]);
  const wanted = data.map((_, index) => {
    const channel = index % channels;
    const pixel = Math.floor(index / channels) % pixels;
    const image = Math.floor(index / channels / pixels);
    return data[(image * channels + channel) * pixels + pixel] ?? 0;
  });
  expect(await last.read()).toEqual(wanted);
  using first = toChannelsFirst(engine, last);
  expect(first.shape).toEqual(shape);
  expect(await first.read()).toEqual(data);
  // The padding of rows is zero, as products need it.
  const bytes = new Uint8Array(await engine.readBytes(last.allocation, last.layout.size));
  const { rowBytes } = last.layout;
  expect(bytes.every((byte, index) => index % rowBytes < channels || byte === 0)).toBe(true);
});

test('a matrix has no channels', async () => {
  const engine = await open();
  using x = engine.tensor(new Int8Array(6), [2, 3]);
  expect(() => toChannelsLast(engine, x)).toThrow(ShapeMismatch);
});
