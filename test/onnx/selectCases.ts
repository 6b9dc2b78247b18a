import { type ElementType, type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { ArgMax, ArgMin, Gather, GatherElements, TopK } from '../../src/onnx/operators/select.ts';
import { createRandom } from '../reference/random.ts';
import { integers, type NamedCase, randomTensor } from './nodeCases.ts';

function indices(shape: readonly number[], low: number, high: number, type: ElementType = 'int64'): HostTensor {
  const count = shape.reduce((product, length) => product * length, 1);
  return hostTensor(type, shape, createRandom(5 + count).integerArray(count, low, high));
}

/** Few different values, so that many are equal. */
const repeated = (type: ElementType, shape: readonly number[]): HostTensor => {
  const { data } = indices(shape, 0, 3, 'int32');
  return hostTensor(type, shape, data);
};

/** Cases of operators that select elements. */
export const selectCases: NamedCase[] = [
  { name: 'Gather', operator: Gather, inputs: [randomTensor('float32', [5, 6, 3]), indices([3, 7], -5, 4)] },
  {
    name: 'Gather by one index',
    operator: Gather,
    inputs: [randomTensor('float32', [5, 6, 3]), hostTensor('int64', [], [-2])],
    attributes: { axis: 1 },
    constants: [1],
  },
  {
    name: 'Gather of bytes by a list of one',
    operator: Gather,
    inputs: [randomTensor('uint8', [5, 6]), hostTensor('int32', [1], [4])],
    attributes: { axis: -1 },
    constants: [1],
  },
  {
    name: 'Gather of bytes along the last axis',
    operator: Gather,
    inputs: [randomTensor('int8', [5, 20]), indices([17], 0, 19, 'int32')],
    attributes: { axis: 1 },
  },
  {
    name: 'Gather of rows of bytes',
    operator: Gather,
    inputs: [randomTensor('uint8', [9, 2, 5]), indices([17], -9, 8)],
    attributes: { axis: 0 },
  },
  {
    name: 'Gather of 64-bit integers',
    operator: Gather,
    inputs: [randomTensor('int64', [20]), integers([3, -1])],
    constants: [1],
  },
  {
    name: 'GatherElements',
    operator: GatherElements,
    inputs: [randomTensor('float32', [4, 5, 6]), indices([4, 7, 6], -5, 4)],
    attributes: { axis: 1 },
  },
  {
    name: 'GatherElements of bools over a part',
    operator: GatherElements,
    inputs: [randomTensor('bool', [6, 7]), indices([3, 6], 0, 6)],
    attributes: { axis: -1 },
  },
  {
    name: 'TopK',
    operator: TopK,
    inputs: [randomTensor('float32', [3, 40]), integers([7])],
    outputCount: 2,
  },
  {
    name: 'TopK of equal integers',
    operator: TopK,
    inputs: [repeated('int64', [3, 20, 2]), integers([9])],
    attributes: { axis: 1, largest: 0 },
    outputCount: 2,
  },
  {
    name: 'TopK by attribute',
    operator: TopK,
    opset: 9,
    inputs: [randomTensor('float32', [30, 3])],
    attributes: { axis: 0, k: 4 },
    outputCount: 2,
  },
  { name: 'ArgMax', operator: ArgMax, inputs: [randomTensor('float32', [6, 7, 5])], attributes: { axis: 1 } },
  {
    name: 'ArgMax of equal bytes, the last',
    operator: ArgMax,
    inputs: [repeated('uint8', [6, 40])],
    attributes: { axis: -1, select_last_index: 1, keepdims: 0 },
  },
  {
    name: 'ArgMin of equal integers',
    operator: ArgMin,
    inputs: [repeated('int32', [6, 40])],
    attributes: { keepdims: 0 },
  },
  { name: 'ArgMin of a list', operator: ArgMin, inputs: [randomTensor('int8', [50])] },
];
