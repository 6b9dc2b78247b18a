import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import { mergeStatistics } from '../../src/calib/mergeStatistics.ts';
import { calibrate } from '../../src/graph/calibrate.ts';
import { Model } from '../../src/graph/model.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { useEngine } from '../support/engine.ts';
import { inputs, network, ratio, runOrt } from './quantizedNetwork.ts';

const open = useEngine();

test.each([{ signed: false }, { signed: true }])('a network in 8 bits, signed $signed', async (activations) => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const batches = inputs(4).map((x) => ({ x }));
  const counts: number[] = [];
  const statistics = await calibrate(model, batches, { onProgress: (count) => counts.push(count) });
  expect(counts).toEqual([1, 2, 3, 4]);
  const made = quantizeModel(model, statistics, { activations });
  made.model.dispose();
  expect(made.skipped).toEqual([]);
  const [x] = inputs(1);
  if (!x) throw new Error('There is an input.');
  const float = await runOrt(toOnnx(network), x);
  const integer = await runOrt(made.toOnnx(), x);
  expect(ratio(float, integer)).toBeGreaterThan(30);
});

test('every value that the GPU computes is calibrated, in the range that it has', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const batches = inputs(3).map((x) => ({ x }));
  const statistics = await calibrate(model, batches);
  expect(Object.keys(statistics.values).sort()).toEqual(['x', ...network.nodes.map(({ name }) => name)].sort());
  const all = batches.flatMap(({ x }) => Array.from(x.data));
  expect(statistics.values.x).toMatchObject({ minimum: [Math.min(...all)], maximum: [Math.max(...all)], batches: 3 });
  expect(statistics.values.r2?.minimum).toEqual([0]);
  const parts = [await calibrate(model, batches.slice(0, 1)), await calibrate(model, batches.slice(1))] as const;
  expect(mergeStatistics(...parts)).toEqual(statistics);
});

test('calibration ends when it is told to, and needs inputs', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  await expect(calibrate(model, [])).rejects.toThrow(InvalidInput);
  const [x] = inputs(1);
  const batches = x ? [{ x }] : [];
  await expect(calibrate(model, batches, { signal: AbortSignal.abort() })).rejects.toThrow(Aborted);
});
