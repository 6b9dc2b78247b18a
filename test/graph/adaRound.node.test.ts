import { expect, test } from 'vitest';
import { Aborted, InvalidInput } from '../../src/base/errors.ts';
import type { GraphNode } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { adaRound } from '../../src/graph/quantization/adaRound.ts';
import { type InputMoments, observeLayers } from '../../src/graph/quantization/layerInputs.ts';
import { quadraticForm } from '../../src/graph/quantization/linearAlgebra.ts';
import type { LayerFormat } from '../../src/graph/quantization/options.ts';
import type { WeightGrid } from '../../src/graph/quantization/roundedWeights.ts';
import { momentsOf, roundedCodes } from '../../src/graph/quantization/rounding.ts';
import { chooseGrid, nearestCodes, valuesOfCodes } from '../../src/graph/quantization/weightGrid.ts';
import { type WeightMatrix, weightMatrix } from '../../src/graph/quantization/weightMatrix.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { prepareWeights } from '../../src/onnx/prepareWeights.ts';
import { quantizeModel } from '../../src/onnx/quantizeModel.ts';
import { inputs, network } from '../onnx/quantizedNetwork.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const random = createRandom(5);
const node: GraphNode = { name: 'l', domain: '', operator: 'Conv', inputs: [], outputs: [], attributes: new Map() };

/** Second moments of inputs that a few hidden numbers drive, as those of real layers. */
function correlated(groups: number, columns: number): InputMoments {
  const width = columns + 1;
  const sums = new Float32Array(groups * width * width);
  for (let group = 0; group < groups; group++) {
    for (let position = 0; position < 4 * columns; position++) {
      const hidden = random.normalArray(8);
      const x = Array.from(random.normalArray(columns), (value, index) =>
        Math.max(0.4 * value + (hidden[index % 8] ?? 0), -0.2),
      );
      x.push(1);
      x.forEach((a, i) => {
        for (const [j, b] of x.entries()) {
          const place = (group * width + i) * width + j;
          sums[place] = (sums[place] ?? 0) + a * b;
        }
      });
    }
  }
  return { groups, columns, sums };
}

function errorOf(matrix: WeightMatrix, grid: WeightGrid, moments: InputMoments, centred: boolean, codes: Int8Array) {
  const found = valuesOfCodes(grid, codes, matrix.rows, matrix.columns);
  let sum = 0;
  for (let row = 0; row < matrix.rows; row++) {
    const group = Math.floor((row * moments.groups) / matrix.rows);
    const place = row * matrix.columns;
    const errors = found.subarray(place, place + matrix.columns).map((value, index) => {
      return value - (matrix.values[place + index] ?? 0);
    });
    sum += quadraticForm(momentsOf(moments, group, centred), errors);
  }
  return sum;
}

interface Case {
  readonly shape: readonly [number, number];
  readonly groups: number;
  readonly format: Partial<LayerFormat>;
  readonly centred: boolean;
}

const cases: Case[] = [
  { shape: [12, 40], groups: 1, format: { bits: 3, granularity: { group: 16 }, scheme: 'asymmetric' }, centred: true },
  { shape: [10, 24], groups: 1, format: { bits: 1 }, centred: false },
  { shape: [24, 9], groups: 24, format: { bits: 4 }, centred: true },
];

test.each(cases)(
  'codes are neighbours of weights and change outputs less: $shape in $groups groups, $format',
  async ({ shape, groups, format, centred }) => {
    const engine = await open();
    const [rows, columns] = shape;
    const matrix = weightMatrix(node, hostTensor('float32', [...shape, 1, 1], random.normalArray(rows * columns)));
    const moments = correlated(groups, columns);
    const whole = { quantizer: 'uniform', granularity: 'channel', scheme: 'symmetric', range: 'mse' } as const;
    const grid = chooseGrid(matrix, { bits: 4, rounding: 'nearest', activationBits: 8, ...whole, ...format });
    const task = { grid, matrix, moments, centred };
    const codes = await adaRound(engine, task, { iterations: 200 });
    const nearest = nearestCodes(grid, matrix);
    const unit = grid.sign ? 2 : 1;
    codes.forEach((code, index) => {
      expect(Math.abs(code - (nearest[index] ?? Number.NaN))).toBeLessThanOrEqual(unit);
    });
    const error = (found: Int8Array): number => errorOf(matrix, grid, moments, centred, found);
    const [plain, sequential] = [error(nearest), error(roundedCodes(grid, matrix, moments, 'gptq', centred))];
    expect(error(codes)).toBeLessThan(0.9 * plain);
    // GPTQ may move codes by more than one; on these inputs both come to about the same.
    expect(error(codes)).toBeLessThan(2 * sequential);
    // Nothing is drawn at random.
    expect(await adaRound(engine, task, { iterations: 200 })).toEqual(codes);
    // Too few steps to get anywhere do no harm.
    expect(error(await adaRound(engine, task, { iterations: 1 }))).toBeLessThanOrEqual(plain);
  },
);

test('a model is rounded so once its weights are prepared, for the same options', async () => {
  const engine = await open();
  using model = new Model(engine, network, operators);
  const batches = inputs(4).map((x) => ({ x }));
  const layerInputs = await observeLayers(model, batches);
  const options = { activations: 'float', weights: { bits: 4, rounding: 'adaround' }, layerInputs } as const;
  expect(() => quantizeModel(model, undefined, options)).toThrow(InvalidInput);
  const seen: number[] = [];
  const prepared = await prepareWeights(model, undefined, options, {
    adaRound: { iterations: 40 },
    onProgress: (layers, all) => seen.push(layers / all),
  });
  expect(seen).toEqual([0.25, 0.5, 0.75, 1]);
  expect([...prepared.keys()]).toEqual(['n1', 'c2', 'c3', 'l']);
  // Nothing is drawn at random.
  expect(await prepareWeights(model, undefined, options, { adaRound: { iterations: 40 } })).toEqual(prepared);
  quantizeModel(model, undefined, { ...options, prepared }).model.dispose();
  const other = { ...options, weights: { ...options.weights, bits: 3 } };
  expect(() => quantizeModel(model, undefined, { ...other, prepared })).toThrow(InvalidInput);
  const signal = AbortSignal.abort();
  await expect(prepareWeights(model, undefined, options, { signal })).rejects.toThrow(Aborted);
  for (const adaRoundOptions of [{ iterations: 0 }, { learningRate: 0 }, { regularization: -1 }]) {
    await expect(prepareWeights(model, undefined, options, { adaRound: adaRoundOptions })).rejects.toThrow(
      InvalidInput,
    );
  }
});
