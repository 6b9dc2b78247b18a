import { describe, expect, it } from 'vitest';
import { InvalidInput, MalformedModel } from '../../src/base/errors.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { OperatorTable } from '../../src/graph/operator.ts';
import { ArgMax, Gather, GatherElements, TopK } from '../../src/onnx/operators/select.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, oneNodeGraph } from '../support/oneNode.ts';
import { expectOnGpu, integers, randomTensor } from './nodeCases.ts';
import { selectCases } from './selectCases.ts';

const open = useEngine();

describe('on the GPU as by definition', () => {
  it.each(selectCases)('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('refuses an index from the GPU that is outside', async () => {
    const input0 = randomTensor('float32', [3, 4]);
    const graphOf = (input1: HostTensor) => oneNodeGraph({ operator: Gather, inputs: [input0, input1] });
    const outside = hostTensor('int64', [20], new Float64Array(20).fill(3));
    using model = new Model(await open(), graphOf(outside), new OperatorTable([Gather]));
    for (const [input1, fails] of [
      [outside, true] as const,
      [{ ...outside, data: new Float64Array(20) }, false] as const,
    ]) {
      const output = model.run({ input0, input1 }).get('output0');
      if (fails) await expect(output?.read()).rejects.toThrow(InvalidInput);
      else expect([...((await output?.read())?.data ?? [])].slice(0, 4)).toEqual([...input0.data].slice(0, 4));
      output?.dispose();
    }
  });
});

describe('by definition', () => {
  const matrix = hostTensor('float32', [2, 2], [1, 2, 3, 4]);
  const valuesOf = (nodeCase: NodeCase): number[][] => evaluateNode(nodeCase).map(({ data }) => Array.from(data));

  it('computes what the ONNX documentation shows', () => {
    const table = hostTensor('float32', [3, 2], [1, 1.25, 2.25, 3.5, 4.5, 5.75]);
    const rows = hostTensor('int64', [2, 2], [0, 1, 1, 2]);
    expect(valuesOf({ operator: Gather, inputs: [table, rows] })).toEqual([[1, 1.25, 2.25, 3.5, 2.25, 3.5, 4.5, 5.75]]);
    const swapped = hostTensor('int64', [2, 2], [0, 0, 1, 0]);
    expect(valuesOf({ operator: GatherElements, inputs: [matrix, swapped], attributes: { axis: 1 } })).toEqual([
      [1, 1, 4, 3],
    ]);
    const numbers = hostTensor('float32', [3, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(valuesOf({ operator: TopK, inputs: [numbers, integers([3])], outputCount: 2 })).toEqual([
      [3, 2, 1, 7, 6, 5, 11, 10, 9],
      [3, 2, 1, 3, 2, 1, 3, 2, 1],
    ]);
    const ties = hostTensor('float32', [2, 2], [2, 2, 3, 10]);
    expect(valuesOf({ operator: ArgMax, inputs: [ties], attributes: { axis: 1 } })).toEqual([[0, 1]]);
    expect(valuesOf({ operator: ArgMax, inputs: [ties], attributes: { axis: 1, select_last_index: 1 } })).toEqual([
      [1, 1],
    ]);
  });

  const bad: [string, NodeCase][] = [
    ['Gather outside', { operator: Gather, inputs: [matrix, integers([2])] }],
    ['GatherElements of more rows', { operator: GatherElements, inputs: [matrix, integers([0])] }],
    ['TopK of more than there are', { operator: TopK, inputs: [matrix, integers([3])], outputCount: 2 }],
    ['ArgMax of nothing', { operator: ArgMax, inputs: [hostTensor('float32', [0], [])] }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => evaluateNode(nodeCase)).toThrow(MalformedModel);
  });
});
