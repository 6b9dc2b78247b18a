import { expect, test } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../src/base/errors.ts';
import { elementCount } from '../../src/base/shape.ts';
import { mergeStatistics } from '../../src/calib/mergeStatistics.ts';
import { RangeObserver, type RangeObserverOptions } from '../../src/calib/rangeObserver.ts';
import { perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const minmax: RangeObserverOptions = { method: 'minmax', granularity: perTensor(), averagingConstant: 0.1 };

const shapes = { image: [1, 3, 5, 7], row: [6], single: [] } as const;
type Batch = Readonly<Record<keyof typeof shapes, Float32Array<ArrayBuffer>>>;

function randomBatches(count: number, seed: number): Batch[] {
  const random = createRandom(seed);
  const values = (shape: readonly number[], scale: number) =>
    random.uniformArray(elementCount(shape), -scale, scale * random.uniform());
  return Array.from({ length: count }, () => ({
    image: values(shapes.image, 3),
    row: values(shapes.row, 1e-3).map((x) => x + 1),
    single: values(shapes.single, 1e30),
  }));
}

/** Ranges of channels as the definition says, in float64. */
function expectedRanges(batches: readonly Float32Array[], channels: number, weight?: number) {
  let result: { minimum: number[]; maximum: number[] } | undefined;
  for (const data of batches) {
    const size = data.length / channels;
    const parts = Array.from({ length: channels }, (_, index) =>
      Array.from(data.subarray(index * size, (index + 1) * size)),
    );
    const now = { minimum: parts.map((part) => Math.min(...part)), maximum: parts.map((part) => Math.max(...part)) };
    const before = result ?? now;
    const blend = (key: 'minimum' | 'maximum', choose: (a: number, b: number) => number) =>
      before[key].map((old, index) => {
        const next = now[key][index] ?? 0;
        return weight === undefined ? choose(old, next) : old + weight * (next - old);
      });
    result = { minimum: blend('minimum', Math.min), maximum: blend('maximum', Math.max) };
  }
  return result ?? { minimum: [], maximum: [] };
}

async function observed(options: RangeObserverOptions, batches: readonly Batch[]) {
  const engine = await open();
  const observer = new RangeObserver(engine, options);
  for (const batch of batches) {
    for (const name of ['image', 'row', 'single'] as const) {
      using tensor = engine.tensor(batch[name], shapes[name]);
      observer.observe(name, tensor);
    }
    observer.endBatch();
  }
  const statistics = await observer.read();
  observer.dispose();
  return statistics;
}

const names = ['image', 'row', 'single'] as const;

test.each([perTensor(), perChannel(1)])('least and greatest over batches, $kind', async (granularity) => {
  const batches = randomBatches(4, 1);
  const { values } = await observed({ ...minmax, granularity }, batches);
  for (const name of names) {
    const channels = granularity.kind === 'channel' && name === 'image' ? 3 : 1;
    expect(values[name]).toMatchObject(
      expectedRanges(
        batches.map((batch) => batch[name]),
        channels,
      ),
    );
    expect(values[name]?.batches).toBe(4);
  }
});

test('moving averages', async () => {
  const batches = randomBatches(5, 2);
  const { values } = await observed({ ...minmax, method: 'moving-average', averagingConstant: 0.3 }, batches);
  for (const name of names) {
    const expected = expectedRanges(
      batches.map((batch) => batch[name]),
      1,
      0.3,
    );
    for (const key of ['minimum', 'maximum'] as const) {
      // Three roundings a batch, of at most 2⁻²³ of what is added each.
      const scale = Math.max(...batches.flatMap((batch) => Array.from(batch[name], Math.abs)));
      expect(Math.abs((values[name]?.[key][0] ?? 0) - (expected[key][0] ?? 1)) / scale).toBeLessThan(2e-6);
    }
  }
});

test.each(['minmax', 'moving-average'] as const)('two calibrations combine: %s', async (method) => {
  const options = { ...minmax, method };
  const batches = randomBatches(7, 3);
  const whole = await observed(options, batches);
  const [first, second] = [await observed(options, batches.slice(0, 3)), await observed(options, batches.slice(3))];
  const stored: typeof first = JSON.parse(JSON.stringify(first));
  const merged = mergeStatistics(stored, second);
  if (method === 'minmax') expect(merged).toEqual(whole);
  for (const name of names) {
    const [found, wanted] = [merged.values[name]?.maximum[0] ?? 0, whole.values[name]?.maximum[0] ?? 1];
    const scale = Math.max(...batches.flatMap((batch) => Array.from(batch[name], Math.abs)));
    expect(Math.abs(found - wanted) / scale).toBeLessThan(2e-6);
  }
});

test('statistics of different kinds do not combine', async () => {
  const [batch] = [randomBatches(1, 4)];
  const one = await observed(minmax, batch);
  const other = await observed({ ...minmax, granularity: perChannel(1) }, batch);
  expect(() => mergeStatistics(one, other)).toThrow(InvalidInput);
});

test('more values than one chunk of memory holds', async () => {
  const engine = await open();
  const observer = new RangeObserver(engine, { ...minmax, granularity: perChannel(0) });
  const sizes = [8000, 300, 9000];
  sizes.forEach((size, index) => {
    using tensor = engine.tensor(
      new Float32Array(size).map((_, place) => place - index),
      [size],
    );
    observer.observe(`value${index}`, tensor);
  });
  observer.endBatch();
  const { values } = await observer.read();
  observer.dispose();
  sizes.forEach((size, index) => {
    expect(values[`value${index}`]?.maximum).toEqual(Array.from({ length: size }, (_, place) => place - index));
  });
});

test('a value that is not finite is named', async () => {
  const engine = await open();
  const observer = new RangeObserver(engine, minmax);
  using tensor = engine.tensor(new Float32Array([1, Number.NaN]), [2]);
  observer.observe('logits', tensor);
  observer.endBatch();
  await expect(observer.read()).rejects.toThrow(/Element 1 of the value "logits" is not finite/);
  observer.dispose();
});

test('what cannot be observed is refused', async () => {
  const engine = await open();
  expect(() => new RangeObserver(engine, { ...minmax, averagingConstant: 0 })).toThrow(InvalidInput);
  expect(() => new RangeObserver(engine, { ...minmax, granularity: perGroup(0, 2) })).toThrow(InvalidInput);
  const observer = new RangeObserver(engine, { ...minmax, granularity: perChannel(0) });
  using two = engine.tensor(new Float32Array(2), [2]);
  using three = engine.tensor(new Float32Array(3), [3]);
  observer.observe('x', two);
  expect(() => observer.observe('x', three)).toThrow(ShapeMismatch);
  observer.dispose();
});
