import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Attention } from '../../src/onnx/operators/attention.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { attentionCases } from './attentionCases.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';

const open = useEngine();
const floats = (...shape: number[]) => randomTensor('float32', shape);

describe('on the GPU as by definition', () => {
  it.each(attentionCases)('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('leaves nothing behind, and of no queries gives nothing', async () => {
    const engine = await open();
    const before = engine.memory.live;
    const inputs = [floats(1, 0, 8), floats(1, 3, 8), floats(1, 3, 8)];
    const attributes = { q_num_heads: 2, kv_num_heads: 2 };
    const { outputs } = await runNode(engine, { operator: Attention, opset: 23, inputs, attributes });
    expect(outputs.map(({ shape }) => shape)).toEqual([[1, 0, 8]]);
    for (const nodeCase of attentionCases.slice(-2)) await runNode(engine, { ...nodeCase, outputCount: 1 });
    expect(engine.memory.live).toBe(before);
  });
});

describe('by definition', () => {
  it('is the mean of values where all keys are alike, and the only value that is seen', () => {
    const query = floats(1, 1, 2, 3);
    const keys = hostTensor('float32', [1, 1, 2, 3], [1, 2, 3, 1, 2, 3]);
    const values = hostTensor('float32', [1, 1, 2, 1], [4, 8]);
    const valuesOf = (nodeCase: Omit<NodeCase, 'operator'>) =>
      Array.from(evaluateNode({ operator: Attention, opset: 23, ...nodeCase })[0]?.data ?? []);
    expect(valuesOf({ inputs: [query, keys, values] })).toEqual([6, 6]);
    expect(valuesOf({ inputs: [query, keys, values], attributes: { is_causal: 1 } })).toEqual([4, 6]);
    const mask = hostTensor('bool', [2, 2], [0, 1, 1, 0]);
    expect(valuesOf({ inputs: [query, keys, values, mask] })).toEqual([8, 4]);
  });

  const bad: [string, NodeCase][] = [
    [
      'joined heads whose number is not given',
      { operator: Attention, inputs: [floats(1, 2, 4), floats(1, 2, 4), floats(1, 2, 4)] },
    ],
    [
      'keys of another size',
      { operator: Attention, inputs: [floats(1, 2, 3, 4), floats(1, 2, 3, 5), floats(1, 2, 3, 4)] },
    ],
    ['uneven groups', { operator: Attention, inputs: [floats(1, 3, 3, 4), floats(1, 2, 3, 4), floats(1, 2, 3, 4)] }],
    [
      'a mask that does not fit',
      { operator: Attention, inputs: [floats(1, 2, 3, 4), floats(1, 2, 3, 4), floats(1, 2, 3, 4), floats(4, 3)] },
    ],
    [
      'operands of two ranks',
      { operator: Attention, inputs: [floats(1, 2, 3, 4), floats(1, 3, 4), floats(1, 2, 3, 4)] },
    ],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => evaluateNode(nodeCase)).toThrow(MalformedModel);
  });

  it('refuses the output of products when a model is made', async () => {
    const inputs = [floats(1, 1, 4, 4), floats(1, 1, 4, 4), floats(1, 1, 4, 4)];
    const nodeCase = { operator: Attention, inputs, outputCount: 4 };
    await expect(runNode(await open(), nodeCase)).rejects.toThrow(UnsupportedOperator);
  });
});
