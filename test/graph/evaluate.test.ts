import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import { evaluate, evaluateRunners, type LabelledBatch, type Runner, rankClasses } from '../../src/graph/evaluate.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { loadOnnx } from '../../src/onnx/load.ts';
import { useEngine } from '../support/engine.ts';
import { modelBytes, node, value } from '../support/onnxBytes.ts';

const open = useEngine();

/** A model whose scores are given: sample by sample the row of its number, which is its only input element. */
function rows(...scores: readonly (readonly number[])[]): Runner {
  return {
    run: ({ x }) => {
      const chosen = [...(x?.data ?? [])].map((index) => scores[index] ?? []);
      return Promise.resolve(
        new Map([['y', hostTensor('float32', [chosen.length, chosen[0]?.length ?? 0], chosen.flat())]]),
      );
    },
  };
}

const numbered = (labels: readonly number[], start = 0): LabelledBatch => ({
  inputs: {
    x: hostTensor(
      'float32',
      [labels.length, 1],
      labels.map((_, index) => start + index),
    ),
  },
  labels,
});

test('counts answers of both models, the share they agree on, and the first ones that differ', async () => {
  const float = rows([9, 1, 0], [0, 9, 1], [1, 0, 9], [9, 8, 0]);
  // Loses sample 1, wins sample 3.
  const quantized = rows([9, 1, 0], [0, 8, 9], [1, 0, 9], [8, 9, 0]);
  const told: number[] = [];
  const found = await evaluateRunners(
    { float, quantized },
    { batches: [numbered([0, 1]), numbered([0, 1], 2)] },
    { topK: 2, onProgress: (samples) => told.push(samples) },
  );
  expect(told).toEqual([2, 4]);
  expect(found).toMatchObject({
    samples: 4,
    answers: 2,
    float: { correct: { count: 2, share: 0.5 }, topK: { count: 4 } },
    quantized: { correct: { count: 2, share: 0.5 }, topK: { count: 4 } },
    agreement: { count: 2, share: 0.5 },
    difference: { share: 0 },
    disagreements: [
      { sample: 1, label: 1, float: 1, quantized: 2 },
      { sample: 3, label: 1, float: 0, quantized: 1 },
    ],
  });
  const [least, greatest] = found.difference.interval;
  expect(least).toBeCloseTo(-greatest, 12);
});

test('texts have one answer each, and none where nothing was read', async () => {
  const says = (text: string): Runner => ({
    run: () => Promise.resolve(new Map([['y', hostTensor('int32', [1], [text.length])]])),
  });
  const found = await evaluateRunners(
    { float: says('abc'), quantized: says('') },
    {
      batches: [{ inputs: {}, labels: ['abc'] }],
      predict: (outputs) => [outputs.get('y')?.data[0] === 3 ? ['abc'] : []],
    },
  );
  expect(found.float).toEqual({ correct: expect.objectContaining({ count: 1 }) });
  expect(found).toMatchObject({
    quantized: { correct: { count: 0 } },
    difference: { share: -1 },
    disagreements: [{ sample: 0, label: 'abc', float: 'abc', quantized: null }],
  });
});

test('lists at most ten disagreements', async () => {
  const labels = new Array(15).fill(0);
  const found = await evaluateRunners(
    { float: rows(...labels.map(() => [1, 0])), quantized: rows(...labels.map(() => [0, 1])) },
    { batches: [numbered(labels)] },
  );
  expect(found.agreement.count).toBe(0);
  expect(found.disagreements).toHaveLength(10);
});

test('ranks classes by value, equal ones by number', () => {
  const ranked = (shape: readonly number[], data: readonly number[], count: number) =>
    rankClasses(hostTensor('float32', shape, [...data]), count);
  expect(ranked([2, 3], [1, 3, 2, 5, 5, 4], 2)).toEqual([
    [1, 2],
    [0, 1],
  ]);
  expect(ranked([1, 3, 1, 1], [1, 3, 2], 9)).toEqual([[1, 2, 0]]);
  expect(ranked([0, 3], [], 2)).toEqual([]);
  expect(() => ranked([1, 2, 2], [1, 2, 3, 4], 2)).toThrow(/\[1,2,2\], not \[samples, classes\]/);
  expect(() => ranked([3], [1, 2, 3], 2)).toThrow(InvalidInput);
});

test('refuses what cannot be counted, and stops on request', async () => {
  const runners = { float: rows([1, 0]), quantized: rows([1, 0]) };
  await expect(evaluateRunners(runners, { batches: [] })).rejects.toThrow(/no samples/);
  await expect(evaluateRunners(runners, { batches: [numbered([0])] }, { topK: 0 })).rejects.toThrow(InvalidInput);
  await expect(evaluateRunners(runners, { batches: [{ ...numbered([0]), labels: [0, 1] }] })).rejects.toThrow(
    /2 labels, but the model gives answers for 1/,
  );
  await expect(evaluateRunners(runners, { batches: [numbered([0])] }, { signal: AbortSignal.abort() })).rejects.toThrow(
    Aborted,
  );
});

test('runs models', async () => {
  const engine = await open();
  const model = (weights: readonly number[]) =>
    loadOnnx(
      engine,
      modelBytes({
        input: [value('x', ['batch', 2])],
        output: [value('y', ['batch', 2])],
        initializer: [{ name: 'w', dims: [2n, 2n], dataType: 1, floatData: [...weights] }],
        node: [node('MatMul', ['x', 'w'], ['y'])],
      }),
    );
  using float = await model([1, 0, 0, 1]);
  using quantized = await model([1, 0, 0.5, 0.4]);
  const x: HostTensor = hostTensor('float32', [3, 2], [2, 1, 1, 2, 0, 3]);
  const before = engine.memory.live;
  const found = await evaluate(float, quantized, { batches: [{ inputs: { x }, labels: [0, 1, 1] }] }, { topK: 1 });
  expect(found).toMatchObject({ float: { correct: { count: 3 } }, quantized: { correct: { count: 1 } } });
  expect(before).toBeLessThanOrEqual(engine.memory.live);
});
