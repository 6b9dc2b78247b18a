import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import { mergeStatistics } from '../../src/calib/mergeStatistics.ts';
import { type CalibrateOptions, calibrate } from '../../src/graph/calibrate.ts';
import type { Graph, GraphNode } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { perChannel } from '../../src/quant/granularity.ts';
import { referenceHistogram, referenceSample } from '../reference/calib.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(12);

const node = (operator: string, input: string, output: string): GraphNode => ({
  name: output,
  domain: '',
  operator,
  inputs: [input],
  outputs: [output],
  attributes: new Map(),
});

/** y = Relu(x); with softmax also p = Softmax(x). */
function graphOf(softmax: boolean): Graph {
  return {
    name: 'graph',
    inputs: [{ name: 'x', elementType: 'float32', dimensions: ['n', 6] }],
    outputs: (softmax ? ['y', 'p'] : ['y']).map((name) => ({ name, elementType: undefined, dimensions: undefined })),
    nodes: [node('Relu', 'x', 'y'), ...(softmax ? [node('Softmax', 'x', 'p')] : [])],
    initializers: new Map(),
    opsets: new Map([['', 13]]),
  };
}

/** Of two shapes, so that there are two plans. */
const batches = [3, 5, 3, 3, 5].map((rows, index) => ({
  x: hostTensor('float32', [rows, 6], random.normalArray(rows * 6, 0, 3 ** index)),
}));
const elements = batches.flatMap(({ x }) => Array.from(x.data));

async function calibrated(given: typeof batches, options: CalibrateOptions, softmax = false) {
  using model = new Model(await open(), graphOf(softmax), operators);
  return calibrate(model, given, options);
}

test('histograms of every value, from which ranges are chosen', async () => {
  const statistics = await calibrated(batches, { method: 'percentile', percentile: 100 });
  expect(statistics).toMatchObject({ method: 'percentile', percentile: 100 });
  expect(Object.keys(statistics.values).sort()).toEqual(['x', 'y']);
  expect(statistics.values.x).toEqual({
    minimum: [Math.min(...elements)],
    maximum: [Math.max(...elements)],
    batches: 5,
    histograms: [referenceHistogram(elements)],
  });
  expect(statistics.values.y?.histograms).toEqual([referenceHistogram(elements.map((value) => Math.max(value, 0)))]);
});

test.each(['mse', 'entropy', 'cross-entropy'] as const)(
  'two calibrations combine in either order: %s',
  async (method) => {
    const whole = await calibrated(batches, { method }, true);
    const first = await calibrated(batches.slice(0, 2), { method }, true);
    const second = await calibrated(batches.slice(2), { method }, true);
    const stored: typeof first = JSON.parse(JSON.stringify(first));
    expect(stored).toEqual(first);
    expect(mergeStatistics(stored, second)).toEqual(whole);
    expect(mergeStatistics(second, stored)).toEqual(whole);
  },
);

test('rows of logits: what Softmax reads, the outputs, or what is named', async () => {
  const rows = batches.flatMap(({ x }) =>
    Array.from({ length: x.data.length / 6 }, (_, row) =>
      Float32Array.from(x.data.slice(row * 6, row * 6 + 6), Number),
    ),
  );
  const sampled = async (options: CalibrateOptions, softmax: boolean) => {
    const { values } = await calibrated(batches, { method: 'cross-entropy', ...options }, softmax);
    return Object.keys(values).filter((name) => values[name]?.rows !== undefined);
  };
  expect(await sampled({}, true)).toEqual(['x']);
  expect(await sampled({}, false)).toEqual(['y']);
  expect(await sampled({ logits: ['p'] }, true)).toEqual(['p']);
  const { values } = await calibrated(batches, { method: 'cross-entropy' }, true);
  expect(values.x?.rows).toEqual([{ length: 6, rows: referenceSample(rows, 256) }]);
  expect(await sampled({ method: 'mse' }, true)).toEqual([]);
});

test('histograms of channels', async () => {
  const { axis, values } = await calibrated(batches, { method: 'mse', granularity: perChannel(1) });
  expect(axis).toBe(1);
  expect(values.x?.histograms?.[4]).toEqual(referenceHistogram(elements.filter((_, index) => index % 6 === 4)));
  expect(values.x?.minimum).toHaveLength(6);
});

test('what cannot be calibrated is refused', async () => {
  const bad = [{ x: hostTensor('float32', [1, 6], [0, 1, Number.POSITIVE_INFINITY, 2, 3, 4]) }];
  await expect(calibrated(bad, { method: 'mse' })).rejects.toThrow(/Element 2 of the value "x" is not finite/);
  await expect(calibrated([], { method: 'entropy' })).rejects.toThrow(InvalidInput);
  await expect(calibrated(batches, { method: 'percentile', percentile: 0 })).rejects.toThrow(InvalidInput);
  await expect(calibrated(batches, { method: 'cross-entropy', logits: ['z'] })).rejects.toThrow(/no value "z"/);
  const stopped = { method: 'mse', signal: AbortSignal.abort() } as const;
  await expect(calibrated(batches, stopped)).rejects.toThrow(Aborted);
});

test('choosing ranges is stopped too', async () => {
  const stop = new AbortController();
  // After the last batch nothing but the search is left.
  const onProgress = (count: number): void => void (count === batches.length && stop.abort());
  const search = calibrated(batches, { method: 'mse', signal: stop.signal, onProgress });
  await expect(search).rejects.toThrow(Aborted);
});
