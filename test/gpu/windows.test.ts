import { expect, it } from 'vitest';
import { LimitExceeded } from '../../src/base/errors.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { windowsOf, workRuns } from '../../src/gpu/windows.ts';
import { useEngine } from '../support/engine.ts';
import { withLimits } from '../support/limits.ts';

const open = useEngine();

it('windows fit, begin where bindings may, and leave no run of words out', async () => {
  const { device } = await open();
  const engine = await Engine.open({ device: withLimits(device, { maxStorageBufferBindingSize: 4096 }) });
  const allocation = engine.allocate(40000);
  for (const span of [1, 2, 33, 500, 961]) {
    const windows = windowsOf(engine, allocation, 9999, span);
    let covered = 0;
    for (const { view, start, length } of windows) {
      expect(view.size).toBeLessThanOrEqual(4096);
      expect(view.offset).toBe(start * 4);
      expect(view.offset % 256).toBe(0);
      // Every run of `span` words that begins before here lies in an earlier window.
      expect(start).toBeLessThanOrEqual(covered);
      covered = start + length - span + 1;
    }
    expect(covered).toBe(9999 - span + 1);
  }
  expect(() => windowsOf(engine, allocation, 9999, 1025)).toThrow(LimitExceeded);
  expect(() => windowsOf(engine, allocation, 2 ** 32)).toThrow(LimitExceeded);
  expect(windowsOf(engine, allocation, 1024, 1024)).toHaveLength(1);
  allocation.release();
  engine.close();
});

it('work is cut into runs of whole workgroups', async () => {
  const engine = await open();
  const runs = [...workRuns(engine, 1000, engine.workBudget / 200, 64)];
  expect(runs.map(({ first, end }) => [first, end])).toEqual(
    [0, 192, 384, 576, 768, 960].map((first) => [first, Math.min(first + 192, 1000)]),
  );
  expect([...workRuns(engine, 0, 1, 64)]).toEqual([]);
  expect([...workRuns(engine, 65, engine.workBudget * 2, 64)].map(({ end }) => end)).toEqual([64, 65]);
});
