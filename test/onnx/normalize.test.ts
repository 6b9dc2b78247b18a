import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { OperatorTable } from '../../src/graph/operator.ts';
import {
  GroupNormalization,
  InstanceNormalization,
  LayerNormalization,
  LpNormalization,
  Softmax,
} from '../../src/onnx/operators/normalize.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, oneNodeGraph, runNode } from '../support/oneNode.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';
import { furtherNormalizeCases, normalizeCases } from './normalizeCases.ts';

const open = useEngine();
const floats = (...shape: number[]) => randomTensor('float32', shape);

describe('on the GPU as by definition', () => {
  it.each([...normalizeCases, ...furtherNormalizeCases])('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('keeps nothing of outputs that are left out', async () => {
    const engine = await open();
    const nodeCase: NodeCase = { operator: LayerNormalization, inputs: [floats(4, 8), floats(8)], outputCount: 3 };
    const graph = oneNodeGraph(nodeCase);
    const nodes = graph.nodes.map((node) => ({ ...node, outputs: ['y', '', 'factor'] }));
    const outputs = ['y', 'factor'].map((name) => ({ name, elementType: undefined, dimensions: undefined }));
    const before = engine.memory.live;
    const model = new Model(engine, { ...graph, nodes, outputs }, new OperatorTable([LayerNormalization]));
    const results = model.run({ input0: floats(4, 8), input1: floats(8) });
    const expected = evaluateNode(nodeCase);
    const factors = (await results.get('factor')?.read())?.data ?? [];
    expected[2]?.data.forEach((value, index) => {
      expect(factors[index]).toBeCloseTo(value, 5);
    });
    for (const result of results.values()) result.dispose();
    model.dispose();
    expect(engine.memory.live).toBe(before);
  });

  it('refuses parameters that do not repeat evenly', async () => {
    const nodeCase = { operator: LayerNormalization, inputs: [floats(3, 5, 7), floats(5, 1)], attributes: { axis: 1 } };
    await expect(runNode(await open(), nodeCase)).rejects.toThrow(UnsupportedOperator);
  });
});

describe('by definition', () => {
  it('computes what the ONNX documentation shows', () => {
    const [softmax] = evaluateNode({ operator: Softmax, inputs: [hostTensor('float32', [1, 3], [-1, 0, 1])] });
    [0.09003058, 0.24472848, 0.66524094].forEach((value, index) => {
      expect(softmax?.data[index]).toBeCloseTo(value, 6);
    });
    const x = hostTensor('float32', [1, 2, 1, 3], [-1, 0, 1, 2, 3, 4]);
    const pair = (first: number, second: number) => hostTensor('float32', [2], [first, second]);
    const [instance] = evaluateNode({ operator: InstanceNormalization, inputs: [x, pair(1, 1.5), pair(0, 1)] });
    [-1.2247356, 0, 1.2247356, -0.8371035, 1, 2.8371034].forEach((value, index) => {
      expect(instance?.data[index]).toBeCloseTo(value, 5);
    });
    const [unit] = evaluateNode({ operator: LpNormalization, inputs: [hostTensor('float32', [2, 2], [3, 4, 0, 0])] });
    expect(Array.from(unit?.data ?? [])).toEqual([0.6, 0.8, 0, 0].map(Math.fround));
  });

  const bad: [string, NodeCase][] = [
    ['Softmax of integers', { operator: Softmax, inputs: [randomTensor('int32', [3])] }],
    ['an axis that there is not', { operator: Softmax, inputs: [floats(3)], attributes: { axis: 1 } }],
    ['scales of another number', { operator: InstanceNormalization, inputs: [floats(1, 2, 3), floats(3), floats(2)] }],
    [
      'uneven groups',
      { operator: GroupNormalization, inputs: [floats(1, 3, 3), floats(3), floats(3)], attributes: { num_groups: 2 } },
    ],
    ['another power', { operator: LpNormalization, inputs: [floats(3)], attributes: { p: 3 } }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    const known = nodeCase.inputs;
    expect(() => evaluateNode({ ...nodeCase, inputs: known })).toThrow(MalformedModel);
  });
});
