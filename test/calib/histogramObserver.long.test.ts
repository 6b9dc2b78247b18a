import { expect, test } from 'vitest';
import { HistogramObserver } from '../../src/calib/histogramObserver.ts';
import { perTensor } from '../../src/quant/granularity.ts';
import { referenceHistogram } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();

// SwiftShader takes a second or two to compile 8 KiB of workgroup memory.
test('counting in memory of the workgroup first', async () => {
  const engine = await open();
  const random = createRandom(22);
  const observer = new HistogramObserver(engine, { granularity: perTensor(), cooperative: true });
  const rectified = (size: number) => random.normalArray(size).map((value) => Math.max(value, 0));
  const batches = [
    random.normalArray(20_001, 1, 2),
    rectified(70),
    rectified(100_003),
    random.normalArray(8192, 0, 30),
  ];
  for (const batch of batches) {
    using tensor = engine.tensor(batch, [batch.length]);
    observer.observe('x', tensor);
  }
  const found = await observer.read();
  observer.dispose();
  expect(found.get('x')).toEqual([referenceHistogram(batches.flatMap((batch) => Array.from(batch)))]);
});
