import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { NodeContext } from '../../src/graph/operator.ts';
import { MatMulNBits } from '../../src/onnx/operators/matMulNBits.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, oneNodeGraph, runNode } from '../support/oneNode.ts';
import { ownPackedCases, packedCases } from './matMulNBitsCases.ts';
import { expectOnGpu, type NamedCase } from './nodeCases.ts';

const open = useEngine();
const [first] = packedCases;
if (!first) throw new Error('There is no case.');

describe('MatMulNBits', () => {
  it('is on the GPU as by definition', async () => {
    const engine = await open();
    const before = engine.memory.live;
    for (const nodeCase of [...packedCases, ...ownPackedCases]) await expectOnGpu(engine, nodeCase);
    expect(engine.memory.live).toBe(before);
  });

  it('takes the first code from the lowest bits', () => {
    const ones = hostTensor(
      'float32',
      [1, 16],
      Float32Array.from({ length: 16 }, (_, k) => (k === 1 ? 1 : 0)),
    );
    const packed = hostTensor('uint8', [1, 1, 8], [0xc3, 0, 0, 0, 0, 0, 0, 0]);
    const inputs = [ones, packed, hostTensor('float32', [1], [0.5])];
    const attributes = { K: 16, N: 1, bits: 4, block_size: 16 };
    // Code 12 less the middle, 8, times a half.
    expect(evaluateNode({ operator: MatMulNBits, inputs, attributes })[0]?.data[0]).toBe(2);
  });

  it('refuses another width, an order of columns, and weights of the run', async () => {
    const engine = await open();
    const refused: NamedCase[] = [
      { ...first, attributes: { ...first.attributes, bits: 3 } },
      { ...first, inputs: [...first.inputs.slice(0, 4), hostTensor('int32', [64], new Int32Array(64))] },
      { ...first, constants: [] },
    ];
    for (const nodeCase of refused) await expect(runNode(engine, nodeCase)).rejects.toThrow(UnsupportedOperator);
  });

  it.each([
    ['a depth that the weights do not have', { K: 65 }],
    ['columns that the weights do not have', { N: 17 }],
    ['blocks of 24', { block_size: 24 }],
  ])('refuses %s', (_, attributes) => {
    const graph = oneNodeGraph({ ...first, attributes: { ...first.attributes, ...attributes } });
    const [node] = graph.nodes;
    if (!node) throw new Error('The graph has no node.');
    const known = first.inputs.map((input) => input && { ...input, host: input });
    expect(() => MatMulNBits.infer(new NodeContext(node, 1, known))).toThrow(MalformedModel);
  });
});
