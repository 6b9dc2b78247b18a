import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { GRU, LSTM } from '../../src/onnx/operators/recurrent.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { expectOnGpu, expectOutputs, randomTensor } from './nodeCases.ts';
import { furtherRecurrentCases, recurrentCases } from './recurrentCases.ts';

const open = useEngine();
const floats = (...shape: number[]) => randomTensor('float32', shape);

describe('on the GPU as by definition', () => {
  it.each([...recurrentCases, ...furtherRecurrentCases])('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('with weights that are not constant, and nothing left behind', async () => {
    const engine = await open();
    const before = engine.memory.live;
    const inputs = [floats(3, 2, 4), floats(1, 20, 4), floats(1, 20, 5)];
    const { outputs, expected } = await runNode(engine, { operator: LSTM, inputs, outputCount: 1 });
    expectOutputs(outputs, expected, 1e-5);
    expect(engine.memory.live).toBe(before);
  });
});

describe('by definition', () => {
  it('computes what the ONNX backend tests do', () => {
    const ones = (value: number, ...shape: number[]) =>
      hostTensor('float32', shape, Array<number>(shape.reduce((product, length) => product * length, 1)).fill(value));
    const x = hostTensor('float32', [1, 3, 2], [1, 2, 3, 4, 5, 6]);
    const [, lstmState] = evaluateNode({
      operator: LSTM,
      inputs: [x, ones(0.1, 1, 12, 2), ones(0.1, 1, 12, 3)],
      outputCount: 2,
    });
    const gates = [0.3, 0.7, 1.1].map((sum) => 1 / (1 + Math.exp(-sum)));
    [0.3, 0.7, 1.1].forEach((sum, sample) => {
      const gate = gates[sample] ?? 0;
      const state = gate * Math.tanh(gate * Math.tanh(sum));
      expect(lstmState?.data[sample * 3]).toBeCloseTo(state, 6);
    });
    const [, gruState] = evaluateNode({
      operator: GRU,
      inputs: [x, ones(0.1, 1, 9, 2), ones(0.1, 1, 9, 3)],
      outputCount: 2,
    });
    expect(gruState?.data[3]).toBeCloseTo((1 - (gates[1] ?? 0)) * Math.tanh(0.7), 6);
  });

  const weights = [floats(1, 12, 2), floats(1, 12, 3)];
  const bad: [string, NodeCase][] = [
    ['weights of other gates', { operator: GRU, inputs: [floats(2, 1, 2), ...weights] }],
    [
      'states of another shape',
      { operator: LSTM, inputs: [floats(2, 1, 2), ...weights, undefined, undefined, floats(3)] },
    ],
    ['another direction', { operator: LSTM, inputs: [floats(2, 1, 2), ...weights], attributes: { direction: 'up' } }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => evaluateNode(nodeCase)).toThrow(MalformedModel);
  });

  it('refuses other functions when a model is made', async () => {
    const attributes = { activations: ['Sigmoid', 'Relu', 'Tanh'] };
    const nodeCase = { operator: LSTM, inputs: [floats(2, 1, 2), ...weights], attributes };
    await expect(runNode(await open(), nodeCase)).rejects.toThrow(UnsupportedOperator);
    const usual = { ...nodeCase, attributes: { activations: ['Sigmoid', 'Tanh', 'tanh'] } };
    expect((await runNode(await open(), usual)).place).toBe('gpu');
  });
});
