import { expect, test } from 'vitest';
import { mergeSamples, type RowSample, RowSampler } from '../../src/calib/rowSample.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { referenceSample } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { withLimits } from '../support/limits.ts';

const open = useEngine();
const random = createRandom(5);

type Batch = { readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] };

const batchOf = (...shape: number[]): Batch => ({
  data: random.normalArray(shape.reduce((a, b) => a * b)),
  shape,
});
const rowsOf = ({ data, shape }: Batch) => {
  const length = shape.at(-1) ?? 1;
  return Array.from({ length: data.length / length }, (_, row) => data.slice(row * length, (row + 1) * length));
};

async function sampled(batches: readonly Batch[], given?: Engine): Promise<RowSample[]> {
  const engine = given ?? (await open());
  const sampler = new RowSampler(engine);
  try {
    for (const { data, shape } of batches) {
      using tensor = engine.tensor(data, [...shape]);
      sampler.observe('logits', tensor);
    }
    return (await sampler.read()).get('logits') ?? [];
  } finally {
    sampler.dispose();
  }
}

test.each([
  ['one row', [[1, 7]], 256],
  ['one number', [[1]], 256],
  [
    'many rows of odd length, over batches',
    [
      [3, 65],
      [700, 65],
      [2, 9, 65],
    ],
    256,
  ],
  ['rows longer than a workgroup', [[40, 513]], 256],
  [
    'long rows, few of them',
    [
      [5, 131_073],
      [1, 131_073],
    ],
    2,
  ],
] as const)('%s', async (_, shapes, slots) => {
  const batches = shapes.map((shape) => batchOf(...shape));
  const length = shapes[0].at(-1) ?? 1;
  expect(await sampled(batches)).toEqual([{ length, rows: referenceSample(batches.flatMap(rowsOf), slots) }]);
});

test('rows of several lengths, and some that occur again', async () => {
  const [a, b] = [batchOf(30, 12), batchOf(20, 5)];
  const expected = [b, a].map((batch) => ({ length: batch.shape[1], rows: referenceSample(rowsOf(batch), 256) }));
  expect(await sampled([a, b, a])).toEqual(expected);
});

test('rows beyond one binding', async () => {
  const { device } = await open();
  // Bindings of 128 KiB hold the sample, and less than half of the rows.
  using narrow = await Engine.open({
    device: withLimits(device, { maxStorageBufferBindingSize: 2 ** 17 }),
    poison: true,
  });
  const batch = batchOf(700, 100);
  expect(await sampled([batch], narrow)).toEqual([{ length: 100, rows: referenceSample(rowsOf(batch), 256) }]);
});

test('samples of two calibrations combine to one of both, in either order', async () => {
  const batches = [batchOf(300, 8), batchOf(500, 8), batchOf(4, 6)];
  const whole = await sampled(batches);
  const [first, second] = [await sampled(batches.slice(0, 1)), await sampled(batches.slice(1))];
  const stored: RowSample[] = JSON.parse(JSON.stringify(first));
  expect(mergeSamples(stored, second)).toEqual(whole);
  expect(mergeSamples(second, stored)).toEqual(whole);
});
