import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Gemm, MatMul } from '../../src/onnx/operators/matrix.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { matrixCases } from './matrixCases.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';

const open = useEngine();
const floats = (...shape: number[]) => randomTensor('float32', shape);

describe('on the GPU as by definition', () => {
  it.each(matrixCases)('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('gives zeros, and what is added, where nothing is multiplied', async () => {
    const engine = await open();
    await expectOnGpu(engine, { name: 'MatMul', operator: MatMul, inputs: [floats(2, 0), floats(0, 3)] });
    await expectOnGpu(engine, { name: 'Gemm', operator: Gemm, inputs: [floats(2, 0), floats(0, 3), floats(3)] });
  });

  it('refuses integers, and leaves nothing behind', async () => {
    const engine = await open();
    const before = engine.memory.live;
    const inputs = [randomTensor('int32', [5, 5]), randomTensor('int32', [5, 5])];
    await expect(runNode(engine, { operator: MatMul, inputs })).rejects.toThrow(UnsupportedOperator);
    const transposed = { transA: 1, transB: 1, alpha: 0.5, beta: 0.5 };
    await runNode(engine, { operator: Gemm, inputs: [floats(3, 2), floats(4, 3), floats(4)], attributes: transposed });
    expect(engine.memory.live).toBe(before);
  });
});

describe('by definition', () => {
  it('is exact for integers', () => {
    const a = hostTensor('int64', [1, 2], [2 ** 26 + 1, 3]);
    const b = hostTensor('int64', [2, 1], [2 ** 26 + 1, -5]);
    expect(Array.from(evaluateNode({ operator: MatMul, inputs: [a, b] })[0]?.data ?? [])).toEqual([
      (2 ** 26 + 1) ** 2 - 15,
    ]);
    const wide = hostTensor('int32', [1, 1], [2 ** 16]);
    expect(Array.from(evaluateNode({ operator: MatMul, inputs: [wide, wide] })[0]?.data ?? [])).toEqual([0]);
  });

  const bad: [string, NodeCase][] = [
    ['MatMul of other depths', { operator: MatMul, inputs: [floats(2, 3), floats(4, 2)] }],
    ['MatMul of a scalar', { operator: MatMul, inputs: [floats(), floats(2)] }],
    ['MatMul of two types', { operator: MatMul, inputs: [floats(2, 2), randomTensor('int32', [2, 2])] }],
    ['Gemm of batches', { operator: Gemm, inputs: [floats(1, 2, 3), floats(3, 2)] }],
    ['Gemm with a matrix that does not fit', { operator: Gemm, inputs: [floats(2, 3), floats(3, 2), floats(3, 2)] }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => evaluateNode(nodeCase)).toThrow(MalformedModel);
  });
});
