import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import {
  CumSum,
  ReduceL1,
  ReduceL2,
  ReduceLogSum,
  ReduceLogSumExp,
  ReduceMax,
  ReduceMean,
  ReduceMin,
  ReduceProd,
  ReduceSum,
  ReduceSumSquare,
} from '../../src/onnx/operators/reduce.ts';
import { createRandom } from '../reference/random.ts';
import { integers, type NamedCase, randomTensor } from './nodeCases.ts';

const floats = (...shape: number[]): HostTensor => randomTensor('float32', shape);
const positive = (...shape: number[]): HostTensor => {
  const count = shape.reduce((product, length) => product * length, 1);
  return hostTensor('float32', shape, createRandom(5).uniformArray(count, 0.1, 2));
};

/** f32 sums of at most 120 elements of magnitude 4, relative to 1. */
const tolerance = 4e-5;

function reduced(
  name: string,
  operator: Operator,
  input: HostTensor,
  axes: readonly number[] | undefined,
  more: Partial<NamedCase> = {},
): NamedCase {
  const inputs = axes ? [input, integers(axes)] : [input];
  const constants = axes ? { constants: [1] } : {};
  return { name: `${operator.name} ${name}`, operator, inputs, ...constants, tolerance, ...more };
}

const floatOperators = [ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceSumSquare];

/** Cases of reductions that ONNX Runtime computes too. */
export const reduceCases: NamedCase[] = [
  ...floatOperators.map((operator) => reduced('of inner axes', operator, floats(3, 5, 7), [1, -1])),
  ...[ReduceLogSum, ReduceLogSumExp].map((operator) => reduced('of an outer axis', operator, positive(5, 9), [0])),
  reduced('of all, before version 13', ReduceSum, floats(4, 5, 6), undefined, { opset: 11 }),
  reduced('by attribute, axes dropped', ReduceSum, floats(4, 5, 6), undefined, {
    opset: 12,
    attributes: { axes: [-2], keepdims: 0 },
  }),
  reduced('by attribute', ReduceMean, floats(2, 3, 4, 5), undefined, { opset: 17, attributes: { axes: [2, 3] } }),
  reduced('by an empty list', ReduceMean, floats(2, 3, 4), []),
  reduced('of nothing at all', ReduceSum, floats(2, 3, 4), undefined, { attributes: { noop_with_empty_axes: 1 } }),
  reduced('of every other axis', ReduceSum, floats(2, 3, 2, 3, 2, 3, 2), [0, 2, 4, 6]),
  reduced('of a scalar', ReduceL1, floats(), undefined),
  reduced('of no elements', ReduceSum, floats(3, 0), [1]),
  reduced('to no elements', ReduceProd, floats(0, 3), [1]),
  ...(['int32', 'int64'] as const).flatMap((elementType) =>
    [ReduceSum, ReduceMax, ReduceMin, ReduceMean].map((operator) =>
      reduced(`of ${elementType}`, operator, randomTensor(elementType, [4, 9, 3], 3), [1]),
    ),
  ),
  ...(['int8', 'uint8'] as const).flatMap((elementType) =>
    [ReduceMax, ReduceMin].map((operator) =>
      reduced(`of ${elementType}`, operator, randomTensor(elementType, [5, 21]), [0]),
    ),
  ),
  ...[{}, { exclusive: 1 }, { reverse: 1 }, { exclusive: 1, reverse: 1 }].map((attributes) => ({
    name: `CumSum ${JSON.stringify(attributes)}`,
    operator: CumSum,
    inputs: [floats(3, 17, 5), hostTensor('int32', [], [-2])],
    constants: [1],
    attributes,
    tolerance,
  })),
  {
    name: 'CumSum of int64',
    operator: CumSum,
    inputs: [randomTensor('int64', [3, 7]), hostTensor('int64', [], [1])],
    constants: [1],
  },
];

/** Cases of reductions that ONNX Runtime does not compute, or otherwise. */
export const furtherReduceCases: NamedCase[] = [
  ...[ReduceProd, ReduceL1, ReduceSumSquare].map((operator) =>
    reduced('of int32', operator, randomTensor('int32', [7, 3], 4), [0]),
  ),
  reduced(
    'of uint32',
    ReduceMax,
    hostTensor(
      'uint32',
      [2, 9],
      createRandom(9)
        .integerArray(18, 0, 2 ** 31 - 1)
        .map((value) => value * 2),
    ),
    [1],
  ),
  reduced('of single elements', ReduceSumSquare, floats(5, 4), undefined, { attributes: { noop_with_empty_axes: 1 } }),
];
