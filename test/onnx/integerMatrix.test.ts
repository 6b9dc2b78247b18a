import { describe, expect, it } from 'vitest';
import { InvalidQuantization, LimitExceeded, MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { NodeContext } from '../../src/graph/operator.ts';
import { MatMulInteger, MatMulIntegerToFloat } from '../../src/onnx/operators/integerMatrix.ts';
import { requantizedMatrixOperators } from '../../src/onnx/operators/requantizedMatrix.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, oneNodeGraph, runNode } from '../support/oneNode.ts';
import { integerMatrixCases, ownCases } from './integerMatrixCases.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';

const open = useEngine();
const floats = (values: number[], shape: number[] = []) => hostTensor('float32', shape, values);
const [linear] = requantizedMatrixOperators;
if (!linear) throw new Error('There is no QLinearMatMul.');

describe('on the GPU as by definition', () => {
  const cases = [...integerMatrixCases, ...ownCases];
  it.each([...new Set(cases.map(({ operator }) => operator.name))])('%s', async (name) => {
    const engine = await open();
    const before = engine.memory.live;
    for (const nodeCase of cases.filter(({ operator }) => operator.name === name)) await expectOnGpu(engine, nodeCase);
    expect(engine.memory.live).toBe(before);
  });

  it('refuses what it does not compute', async () => {
    const engine = await open();
    const deep = [randomTensor('uint8', [1, 40000]), randomTensor('uint8', [40000, 1]), randomTensor('uint8', [1, 1])];
    const long = { operator: MatMulInteger, inputs: [deep[0], deep[1], hostTensor('uint8', [], [1])] };
    await expect(runNode(engine, long)).rejects.toThrow(LimitExceeded);
    const bytes = [randomTensor('uint8', [5, 5]), floats([1]), hostTensor('uint8', [], [1])];
    const target = [floats([1]), hostTensor('uint8', [], [1])];
    const computed = { operator: linear, inputs: [...bytes, ...bytes, ...target] };
    await expect(runNode(engine, computed)).rejects.toThrow(UnsupportedOperator);
    const zero = [...bytes, ...bytes, floats([0]), hostTensor('uint8', [], [1])];
    const constants = [1, 2, 4, 5, 6, 7];
    await expect(runNode(engine, { operator: linear, inputs: zero, constants })).rejects.toThrow(InvalidQuantization);
  });
});

describe('by definition', () => {
  it('is what the tests of ONNX say', () => {
    const inputs = [
      hostTensor('uint8', [4, 3], [11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0]),
      hostTensor('uint8', [3, 2], [1, 4, 2, 5, 3, 6]),
      hostTensor('uint8', [1], [12]),
      hostTensor('uint8', [1], [0]),
    ];
    const sums = [-38, -83, -44, -98, -50, -113, -56, -128];
    expect(Array.from(evaluateNode({ operator: MatMulInteger, inputs })[0]?.data ?? [])).toEqual(sums);
    const products = [
      hostTensor('uint8', [2, 4], [208, 236, 0, 238, 3, 214, 255, 29]),
      floats([0.0066], [1]),
      hostTensor('uint8', [1], [113]),
      hostTensor('uint8', [4, 3], [152, 51, 244, 60, 26, 255, 0, 127, 246, 127, 254, 247]),
      floats([0.00705], [1]),
      hostTensor('uint8', [1], [114]),
      floats([0.0107], [1]),
      hostTensor('uint8', [1], [118]),
    ];
    const codes = [168, 115, 255, 1, 66, 151];
    expect(Array.from(evaluateNode({ operator: linear, inputs: products })[0]?.data ?? [])).toEqual(codes);
  });

  const bytes = randomTensor('uint8', [3, 4]);
  const bad: [string, NodeCase][] = [
    ['other depths', { operator: MatMulInteger, inputs: [bytes, bytes] }],
    ['floats', { operator: MatMulInteger, inputs: [randomTensor('float32', [3, 4]), randomTensor('uint8', [4, 3])] }],
    [
      'zero points of another type',
      { operator: MatMulInteger, inputs: [bytes, randomTensor('uint8', [4, 3]), randomTensor('int8', [])] },
    ],
    [
      'zero points that do not fit',
      { operator: MatMulInteger, inputs: [bytes, randomTensor('uint8', [4, 3]), randomTensor('uint8', [5])] },
    ],
    [
      'a bias that does not fit',
      {
        operator: MatMulIntegerToFloat,
        inputs: [
          bytes,
          randomTensor('uint8', [4, 3]),
          floats([1]),
          floats([1]),
          undefined,
          undefined,
          floats([1], [1]),
        ],
      },
    ],
  ];
  it.each(bad)('refuses %s', (_, { operator, inputs }) => {
    const [node] = oneNodeGraph({ operator, inputs }).nodes;
    if (!node) throw new Error('The graph has no node.');
    const known = inputs.map((input) => input && { ...input, host: input });
    expect(() => operator.infer(new NodeContext(node, 21, known))).toThrow(MalformedModel);
  });
});
