import { describe, expect, it } from 'vitest';
import { LimitExceeded, MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { type ElementType, type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Constant, ConstantOfShape, Range, Shape, Size } from '../../src/onnx/operators/constant.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { expectOutputs, integers, randomTensor } from './nodeCases.ts';

const open = useEngine();
const floats = (values: readonly number[]): HostTensor => hostTensor('float32', [values.length], values);
const scalar = (elementType: ElementType, value: number): HostTensor => hostTensor(elementType, [], [value]);
const image = randomTensor('float32', [2, 3, 4, 5]);

const cases: { readonly name: string; readonly nodeCase: NodeCase; readonly result: HostTensor }[] = [
  {
    name: 'Constant, a tensor',
    nodeCase: { operator: Constant, inputs: [], attributes: { value: hostTensor('uint8', [1, 2], [3, 4]) } },
    result: hostTensor('uint8', [1, 2], [3, 4]),
  },
  {
    name: 'Constant, a float',
    nodeCase: { operator: Constant, inputs: [], attributes: { value_float: 2 } },
    result: scalar('float32', 2),
  },
  {
    name: 'Constant, floats',
    nodeCase: { operator: Constant, inputs: [], attributes: { value_floats: [1, 2.5] } },
    result: floats([1, 2.5]),
  },
  {
    name: 'Constant, an integer',
    nodeCase: { operator: Constant, inputs: [], attributes: { value_int: -7 } },
    result: scalar('int64', -7),
  },
  {
    name: 'Constant, integers',
    nodeCase: { operator: Constant, inputs: [], attributes: { value_ints: [] } },
    result: integers([]),
  },
  {
    name: 'ConstantOfShape, zeros',
    nodeCase: { operator: ConstantOfShape, inputs: [integers([2, 2])] },
    result: hostTensor('float32', [2, 2], [0, 0, 0, 0]),
  },
  {
    name: 'ConstantOfShape, a scalar',
    nodeCase: {
      operator: ConstantOfShape,
      inputs: [integers([])],
      attributes: { value: hostTensor('int32', [1], [9]) },
    },
    result: scalar('int32', 9),
  },
  { name: 'Shape', nodeCase: { operator: Shape, inputs: [image] }, result: integers([2, 3, 4, 5]) },
  {
    name: 'Shape from the back',
    nodeCase: { operator: Shape, inputs: [image], attributes: { start: -3, end: -1 } },
    result: integers([3, 4]),
  },
  {
    name: 'Shape beyond the ends',
    nodeCase: { operator: Shape, inputs: [image], attributes: { start: -9, end: 9 } },
    result: integers([2, 3, 4, 5]),
  },
  {
    name: 'Shape from behind the end',
    nodeCase: { operator: Shape, inputs: [image], attributes: { start: 3, end: 1 } },
    result: integers([]),
  },
  { name: 'Size', nodeCase: { operator: Size, inputs: [image] }, result: scalar('int64', 120) },
  {
    name: 'Range upwards',
    nodeCase: { operator: Range, inputs: [3, 9, 4].map((value) => scalar('int64', value)) },
    result: integers([3, 7]),
  },
  {
    name: 'Range downwards',
    nodeCase: {
      operator: Range,
      inputs: [1, -0.75, -0.5].map((value) => scalar('float32', value)),
      constants: [0, 1, 2],
    },
    result: floats([1, 0.5, 0, -0.5]),
  },
  {
    name: 'Range of nothing',
    nodeCase: { operator: Range, inputs: [3, 3, 1].map((value) => scalar('int32', value)) },
    result: hostTensor('int32', [0], []),
  },
];

describe('operators of the CPU', () => {
  it.each(cases)('$name', async ({ nodeCase, result }) => {
    const { outputs, expected, place } = await runNode(await open(), nodeCase);
    expect(place).toBe('cpu');
    expectOutputs(outputs, [result]);
    expectOutputs(expected, [result]);
  });

  it('refuse what makes no sense', () => {
    const fails = (nodeCase: NodeCase) => expect(() => evaluateNode(nodeCase));
    fails({ operator: Constant, inputs: [] }).toThrow(MalformedModel);
    fails({ operator: Constant, inputs: [], attributes: { value_string: 'no' } }).toThrow(UnsupportedOperator);
    fails({ operator: ConstantOfShape, inputs: [integers([-1])] }).toThrow(MalformedModel);
    fails({ operator: ConstantOfShape, inputs: [integers([2 ** 40])] }).toThrow(LimitExceeded);
    fails({ operator: Range, inputs: [0, 1, 0].map((value) => scalar('int64', value)) }).toThrow(MalformedModel);
    fails({ operator: Range, inputs: [0, 1e15, 1].map((value) => scalar('int64', value)) }).toThrow(LimitExceeded);
  });

  it('are refused where the GPU would decide on a shape', async () => {
    const engine = await open();
    const range: NodeCase = { operator: Range, inputs: [0, 1, 0.5].map((value) => scalar('float32', value)) };
    await expect(runNode(engine, range)).rejects.toThrow(UnsupportedOperator);
  });
});
