import { describe, expect, it } from 'vitest';
import { LimitExceeded, MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import {
  CumSum,
  ReduceL2,
  ReduceLogSumExp,
  ReduceMax,
  ReduceMean,
  ReduceSum,
} from '../../src/onnx/operators/reduce.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { expectOnGpu, integers, randomTensor } from './nodeCases.ts';
import { furtherReduceCases, reduceCases } from './reduceCases.ts';

const open = useEngine();

describe('on the GPU as by definition', () => {
  it.each([...reduceCases, ...furtherReduceCases])('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('reports 64-bit sums that 32 bits do not hold', async () => {
    const engine = await open();
    const input = hostTensor('int64', [20], Array<number>(20).fill(2 ** 30));
    await expect(runNode(engine, { operator: ReduceSum, inputs: [input] })).rejects.toThrow(LimitExceeded);
    const running = { operator: CumSum, inputs: [input, integers([0])], constants: [1] };
    await expect(runNode(engine, running)).rejects.toThrow(LimitExceeded);
  });

  it('refuses roots of integers', async () => {
    const engine = await open();
    const inputs = [randomTensor('int32', [20])];
    await expect(runNode(engine, { operator: ReduceL2, inputs })).rejects.toThrow(UnsupportedOperator);
  });
});

describe('by definition', () => {
  const cube = hostTensor('float32', [3, 2, 2], [5, 1, 20, 2, 30, 1, 40, 2, 55, 1, 60, 2]);
  const valuesOf = (nodeCase: NodeCase): number[][] => evaluateNode(nodeCase).map(({ data }) => Array.from(data));

  it('computes what the ONNX documentation shows', () => {
    const inputs = [cube, integers([1])];
    expect(valuesOf({ operator: ReduceMax, inputs })).toEqual([[20, 2, 40, 2, 60, 2]]);
    expect(valuesOf({ operator: ReduceMean, inputs })).toEqual([[12.5, 1.5, 35, 1.5, 57.5, 1.5]]);
    expect(valuesOf({ operator: ReduceLogSumExp, inputs })[0]?.[0]).toBeCloseTo(20.00000030590232, 5);
    const counted = hostTensor('float32', [5], [1, 2, 3, 4, 5]);
    const axis = hostTensor('int32', [], [0]);
    const running = (attributes: NodeCase['attributes'] = {}) =>
      valuesOf({ operator: CumSum, inputs: [counted, axis], attributes });
    expect(running()).toEqual([[1, 3, 6, 10, 15]]);
    expect(running({ exclusive: 1 })).toEqual([[0, 1, 3, 6, 10]]);
    expect(running({ reverse: 1 })).toEqual([[15, 14, 12, 9, 5]]);
  });

  it('wraps integers around in their type', () => {
    const bytes = hostTensor('int32', [2], [2 ** 31 - 1, 2]);
    expect(valuesOf({ operator: ReduceSum, inputs: [bytes] })).toEqual([[-(2 ** 31) + 1]]);
  });

  it('refuses axes that there are not, and the greatest of no integers', () => {
    expect(() => evaluateNode({ operator: ReduceSum, inputs: [cube, integers([3])] })).toThrow(MalformedModel);
    const empty = { operator: ReduceMax, inputs: [hostTensor('int32', [2, 0], []), integers([1])] };
    expect(() => evaluateNode(empty)).toThrow(MalformedModel);
  });
});
