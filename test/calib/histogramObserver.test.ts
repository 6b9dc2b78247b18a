import { expect, test } from 'vitest';
import { InvalidInput, ShapeMismatch } from '../../src/base/errors.ts';
import { type Histogram, mergeHistograms } from '../../src/calib/histogram.ts';
import {
  growHistograms,
  HistogramObserver,
  type HistogramObserverOptions,
  histogramOf,
} from '../../src/calib/histogramObserver.ts';
import { perChannel, perGroup, perTensor } from '../../src/quant/granularity.ts';
import { referenceHistogram } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(21);
const whole: HistogramObserverOptions = { granularity: perTensor(), cooperative: false };

type Batches = readonly Float32Array<ArrayBuffer>[];

async function observed(
  values: Readonly<Record<string, Batches>>,
  options = whole,
  shapeOf: (size: number) => number[] = (size) => [size],
): Promise<Map<string, Histogram[]>> {
  const engine = await open();
  const observer = new HistogramObserver(engine, options);
  try {
    for (const [name, batches] of Object.entries(values)) {
      for (const batch of batches) {
        using tensor = engine.tensor(batch, shapeOf(batch.length));
        observer.observe(name, tensor);
      }
    }
    return await observer.read();
  } finally {
    observer.dispose();
  }
}

const all = (batches: Batches): number[] => batches.flatMap((batch) => Array.from(batch));
const growing = (count: number, size: number): Batches =>
  Array.from({ length: count }, (_, index) => random.normalArray(size + index, index - 1, 4 ** index));

/** Batches of every kind; what they are called says which. */
const cases: Readonly<Record<string, Batches>> = {
  'one element': [new Float32Array([-3.7])],
  'zeros alone': [new Float32Array(70), new Float32Array([-0, 0])],
  'one number, many times': [new Float32Array(300).fill(5.1)],
  'zeros first, then numbers': [new Float32Array(5), random.normalArray(65, 0, 1e-3)],
  'normal, growing': growing(5, 63),
  rectified: [random.normalArray(1000).map((value) => Math.max(value, 0))],
  'negative only': [random.uniformArray(257, -9, -8), random.uniformArray(129, -20, -0.1)],
  'far outliers': [random.normalArray(500), new Float32Array([1e30]), new Float32Array([-3e38, 3.4e38])],
  'powers of two': [Float32Array.from({ length: 40 }, (_, index) => (index % 2 ? -1 : 1) * 2 ** (index - 20))],
  denormal: [Float32Array.from({ length: 90 }, () => random.integer(-2000, 2000) * 2 ** -149)],
  'denormal, many widths': [Float32Array.from({ length: 90 }, () => random.integer(-(2 ** 22), 2 ** 20) * 2 ** -149)],
  'all 2,048 cells': [Float32Array.from({ length: 2048 }, (_, index) => index - 1024), new Float32Array([-1024.5])],
  'every kind of float': [random.floatBitsArray(400, true), random.floatBitsArray(333, true)],
};

test('counts are those of the definition, over batches', async () => {
  const found = await observed(cases);
  for (const [name, batches] of Object.entries(cases)) {
    expect([name, found.get(name)]).toEqual([name, [referenceHistogram(all(batches))]]);
  }
});

test.each([
  [[2, 3, 75], 1],
  [[5, 40], 1],
  [[7, 6], 0],
])('a histogram for each channel: shape %j, axis %i', async (shape, axis) => {
  const [size, inner] = [shape.reduce((a, b) => a * b), shape.slice(axis + 1).reduce((a, b) => a * b, 1)];
  const channels = shape[axis] ?? 1;
  const batches = [random.normalArray(size), random.normalArray(size, 0, 5)];
  const found = await observed({ x: batches }, { ...whole, granularity: perChannel(axis) }, () => shape);
  const expected = Array.from({ length: channels }, (_, channel) =>
    referenceHistogram(
      batches.flatMap((batch) => Array.from(batch).filter((_, at) => Math.floor(at / inner) % channels === channel)),
    ),
  );
  expect(found.get('x')).toEqual(expected);
});

test('two calibrations combine to one over both, in either order, through JSON', async () => {
  for (const [name, batches] of Object.entries({ ...cases, more: growing(6, 40) })) {
    const parts = [batches.slice(0, 1), batches.slice(1)].filter(({ length }) => length > 0);
    const [first, second] = parts.map((part) => referenceHistogram(all(part)));
    if (!first || !second) continue;
    const stored: Histogram = JSON.parse(JSON.stringify(second));
    const expected = referenceHistogram(all(batches));
    expect([name, mergeHistograms(first, stored)]).toEqual([name, expected]);
    expect([name, mergeHistograms(stored, first)]).toEqual([name, expected]);
  }
});

test('a recording that is repeated counts again', async () => {
  const engine = await open();
  const observer = new HistogramObserver(engine, whole);
  const data = random.normalArray(100);
  using tensor = engine.tensor(data, [100]);
  const { recording } = engine.capture(() => observer.observe('x', tensor));
  for (let batch = 0; batch < 3; batch++) recording.replay();
  recording.dispose();
  expect((await observer.read()).get('x')).toEqual([referenceHistogram(all([data, data, data]))]);
  observer.dispose();
});

test.each([
  ['where the range stays', 3],
  ['where it grows', 5],
])('counts beyond 32 bits %s', async (_, maximum) => {
  const engine = await open();
  const ordered = (value: number) => {
    const bits = new Int32Array(new Float32Array([value]).buffer)[0] ?? 0;
    return bits < 0 ? ~bits : bits ^ (1 << 31);
  };
  // Cells of 2⁻⁹, and of 2⁻⁸ for a range up to 5.
  const words = new Uint32Array(2 + 2 * 2049);
  words.set([150 - 9, 0]);
  const counts: Readonly<Record<number, number>> = { 0: 0x80000001, 1: 0xffffffff, 1535: 0x7fffffff, 1536: 7 };
  for (const [cell, count] of Object.entries(counts)) words[2 + Number(cell)] = count;
  words[2 + 2048] = 0xfffffff0;
  words.fill(3, 2 + 2049, 2 + 2049 + 2);
  const limits = [~ordered(0), ordered(maximum)] as const;
  using ranges = engine.tensor(new Int32Array(limits), [2]);
  using state = engine.tensor(new Int32Array(words.buffer), [words.length]);
  growHistograms(engine, ranges, state, 1);
  const found = await state.read();
  const each = [2 ** 31 * 3 + 0x80000001, 2 ** 31 * 3 + 0xffffffff];
  const [zero = 0, one = 0] = each;
  const { counts: cells, zeros } = histogramOf(~limits[0], limits[1], found);
  expect(zeros).toBe(0xfffffff0);
  expect([cells[0], cells[1]]).toEqual(maximum === 3 ? [zero, one] : [zero + one, 0]);
  expect([cells[767], cells[768]]).toEqual(maximum === 3 ? [0, 0] : [0x7fffffff, 7]);
  // Room for the next batch.
  expect(found.subarray(2, 2 + 2049).every((count) => count >= 0)).toBe(true);
});

test('a value that is not finite is named', async () => {
  await expect(observed({ logits: [new Float32Array([1, Number.NaN])] })).rejects.toThrow(
    /Element 1 of the value "logits" is not finite/,
  );
  await expect(observed({ x: [new Float32Array([Number.NEGATIVE_INFINITY, 2])] })).rejects.toThrow(InvalidInput);
});

test('what cannot be observed is refused', async () => {
  const engine = await open();
  expect(() => new HistogramObserver(engine, { ...whole, granularity: perGroup(0, 2) })).toThrow(InvalidInput);
  const observer = new HistogramObserver(engine, { ...whole, granularity: perChannel(0) });
  using two = engine.tensor(new Float32Array(2), [2]);
  using three = engine.tensor(new Float32Array(3), [3]);
  observer.observe('x', two);
  expect(() => observer.observe('x', three)).toThrow(ShapeMismatch);
  observer.dispose();
});
