import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import {
  type CalibrationTask,
  calibrateModel,
  findSmoothing,
  savedCalibration,
  savedInput,
} from '../../src/cli/jobs/calibrateModel.ts';
import { decodeCalibration, type WantedCalibration } from '../../src/cli/jobs/savedCalibration.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { smoothLayers } from '../../src/graph/quantization/smoothQuant.ts';
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
      smoothing: null,
      known: undefined,
    };
    const wanted: WantedCalibration = { model: 'model', equalized: false, smooth: null, settings: task.settings };
    const whole = await calibrateModel(task, {});
    const stop = new AbortController();
    const kept: Uint8Array[] = [];
    const stopped = calibrateModel(task, {
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
    const known = savedCalibration({ inputs: { [savedInput]: kept[1] ?? new Uint8Array() } }, wanted);
    const rest = await calibrateModel({ ...task, known }, { onProgress: (message) => told.push(message) });
    expect(told).toContain('calibrating with 7 batches, 4 of them done before');
    expect(rest.saved).toBe(4);
    expect(rest.statistics).toEqual(whole.statistics);
    expect(rest.layerInputs).toEqual(whole.layerInputs);
    // What was saved at the end serves without samples, layers included.
    const inputs = { [savedInput]: rest.file ?? new Uint8Array() };
    const finished = savedCalibration({ inputs }, wanted);
    const again = await calibrateModel({ ...task, batches: [], saveEvery: null, known: finished }, {});
    expect(again).toMatchObject({ statistics: rest.statistics, batches: 7, saved: 7, file: undefined });
    expect(again.layerInputs).toEqual(whole.layerInputs);
    const others: readonly Partial<WantedCalibration>[] = [
      { model: 'another model' },
      { equalized: true },
      { smooth: 0.5 },
      { settings: settingsOf(method === 'mse' ? 'minmax' : 'mse') },
    ];
    for (const other of others) {
      expect(() => savedCalibration({ inputs }, { ...wanted, ...other })).toThrow(InvalidInput);
    }
    for (const other of [batches.slice(0, 3), batches.toReversed()]) {
      await expect(calibrateModel({ ...task, batches: other, known: finished }, {})).rejects.toThrow(InvalidInput);
    }
  },
);

test('smoothing is found once, and saved with what is calibrated', async () => {
  using model = new Model(await open(), graph, operators);
  const smoothing = await findSmoothing(model, 0.75, { batches, known: undefined }, {});
  expect(smoothing.strength).toBe(0.75);
  expect(Object.keys(smoothing.channels.values)).toEqual(['x']);
  using smoothed = smoothLayers(model, smoothing.channels, { alpha: smoothing.strength });
  const settings = settingsOf('minmax');
  const { file = new Uint8Array() } = await calibrateModel(
    {
      model: smoothed,
      batches: batches.slice(0, 2),
      settings,
      needs: { ranges: true, layers: false },
      saveEvery: 2,
      hash: '',
      equalized: false,
      smoothing,
      known: undefined,
    },
    {},
  );
  const wanted = { model: '', equalized: false, smooth: 0.75, settings };
  const known = savedCalibration({ inputs: { [savedInput]: file } }, wanted);
  // With other samples, and without any, it stays what it was.
  for (const each of [batches.slice(3), []]) {
    expect(await findSmoothing(model, 0.75, { batches: each, known }, {})).toEqual(smoothing);
  }
  for (const smooth of [null, 0.5]) {
    const read = () => savedCalibration({ inputs: { [savedInput]: file } }, { ...wanted, smooth });
    expect(read).toThrow(/is of smoothed inputs \(--smooth 0\.75\)/);
  }
  await expect(findSmoothing(model, 0.75, { batches: [], known: undefined }, {})).rejects.toThrow(/needs samples/);
  const [, softmax] = graph.nodes;
  if (!softmax) throw new Error('The graph has lost its softmax.');
  const [x] = graph.inputs;
  using plain = new Model(
    await open(),
    { ...graph, nodes: [{ ...softmax, inputs: [x?.name ?? ''] }], initializers: new Map() },
    operators,
  );
  await expect(findSmoothing(plain, 0.75, { batches, known: undefined }, {})).rejects.toThrow(/no matrix products/);
});

test('what is not there has to be calibrated', async () => {
  using model = new Model(await open(), graph, operators);
  const settings = settingsOf('minmax');
  const none = { batches: [], saveEvery: null, hash: '', equalized: false, smoothing: null, known: undefined };
  const task = { ...none, model, settings };
  for (const needs of [
    { ranges: true, layers: false },
    { ranges: false, layers: true },
  ]) {
    await expect(calibrateModel({ ...task, needs }, {})).rejects.toThrow(/needs samples/);
  }
  const found = await calibrateModel({ ...task, needs: { ranges: false, layers: false } }, {});
  expect(found).toMatchObject({ statistics: undefined, layerInputs: undefined, batches: 0 });
  const wanted = { model: '', equalized: false, smooth: null, settings };
  expect(savedCalibration({ inputs: {} }, wanted)).toBeUndefined();
  for (const text of ['', '{}', '{"kind":"cuanta calibration","version":2}']) {
    const inputs = { [savedInput]: new TextEncoder().encode(text) };
    expect(() => savedCalibration({ inputs }, wanted)).toThrow(InvalidInput);
  }
});
