import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import { type CalibrationTask, calibrateModel, savedInput } from '../../src/cli/jobs/calibrateModel.ts';
import { decodeCalibration } from '../../src/cli/jobs/savedCalibration.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(12);
const node = { domain: '', attributes: new Map() };

/** Logits and their softmax. */
const graph: Graph = {
  name: 'graph',
  inputs: [{ name: 'x', elementType: 'float32', dimensions: ['n', 6] }],
  outputs: [{ name: 'y', elementType: 'float32', dimensions: undefined }],
  nodes: [
    { ...node, name: 'product', operator: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
    { ...node, name: 'softmax', operator: 'Softmax', inputs: ['h'], outputs: ['y'] },
  ],
  initializers: new Map([['w', hostTensor('float32', [6, 5], random.normalArray(30))]]),
  opsets: new Map([['', 13]]),
};

const batches = Array.from({ length: 7 }, (_, index) => {
  return {
    x: hostTensor(
      'float32',
      [3, 6],
      random.normalArray(18).map((value) => value * (1 + index)),
    ),
  };
});

const settingsOf = (method: 'minmax' | 'mse' | 'cross-entropy') => ({
  method,
  averagingConstant: null,
  percentile: null,
});

test.each(['minmax', 'mse', 'cross-entropy'] as const)(
  '%s: stopped in the middle and gone on with, it finds what it finds at once',
  async (method) => {
    using model = new Model(await open(), graph, operators);
    const task: CalibrationTask = {
      model,
      batches,
      settings: settingsOf(method),
      needs: { ranges: true, layers: true },
      saveEvery: 2,
      hash: 'model',
      equalized: false,
    };
    const whole = await calibrateModel(task, { inputs: {} });
    const stop = new AbortController();
    const kept: Uint8Array[] = [];
    const stopped = calibrateModel(task, {
      inputs: {},
      signal: stop.signal,
      onFile: (name, bytes) => {
        expect(name).toBe(savedInput);
        kept.push(bytes);
      },
      onProgress: (message) => message.includes('with 5 of 7') && stop.abort(),
    });
    await expect(stopped).rejects.toThrow(Aborted);
    expect(kept.map((bytes) => decodeCalibration(bytes).batches)).toEqual([2, 4]);
    const told: string[] = [];
    const rest = await calibrateModel(task, {
      inputs: { [savedInput]: kept[1] ?? new Uint8Array() },
      onProgress: (message) => told.push(message),
    });
    expect(told).toContain('calibrating with 7 batches, 4 of them done before');
    expect(rest.saved).toBe(4);
    expect(rest.statistics).toEqual(whole.statistics);
    expect(rest.layerInputs).toEqual(whole.layerInputs);
    // What was saved at the end serves without samples, layers included.
    const again = await calibrateModel(
      { ...task, batches: [], saveEvery: null },
      { inputs: { [savedInput]: rest.file ?? new Uint8Array() } },
    );
    expect(again).toMatchObject({ statistics: rest.statistics, batches: 7, saved: 7, file: undefined });
    expect(again.layerInputs).toEqual(whole.layerInputs);
    const others: readonly Partial<CalibrationTask>[] = [
      { hash: 'another model' },
      { equalized: true },
      { settings: settingsOf(method === 'mse' ? 'minmax' : 'mse') },
      { batches: batches.slice(0, 3) },
      { batches: batches.toReversed() },
    ];
    for (const other of others) {
      const inputs = { [savedInput]: rest.file ?? new Uint8Array() };
      await expect(calibrateModel({ ...task, ...other }, { inputs })).rejects.toThrow(InvalidInput);
    }
  },
);

test('what is not there has to be calibrated', async () => {
  using model = new Model(await open(), graph, operators);
  const task = { model, batches: [], settings: settingsOf('minmax'), saveEvery: null, hash: '', equalized: false };
  for (const needs of [
    { ranges: true, layers: false },
    { ranges: false, layers: true },
  ]) {
    await expect(calibrateModel({ ...task, needs }, { inputs: {} })).rejects.toThrow(/needs samples/);
  }
  const none = await calibrateModel({ ...task, needs: { ranges: false, layers: false } }, { inputs: {} });
  expect(none).toMatchObject({ statistics: undefined, layerInputs: undefined, batches: 0 });
  for (const text of ['', '{}', '{"kind":"cuanta calibration","version":2}']) {
    const inputs = { [savedInput]: new TextEncoder().encode(text) };
    await expect(calibrateModel({ ...task, needs: { ranges: true, layers: false } }, { inputs })).rejects.toThrow(
      InvalidInput,
    );
  }
});
