import { type ElementType, hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import {
  QLinearAdd,
  QLinearLeakyRelu,
  QLinearMul,
  QLinearSigmoid,
} from '../../src/onnx/operators/quantizedElementwise.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

const scalar = (elementType: ElementType, value: number) => hostTensor(elementType, [], [value]);

function binaryCase(
  operator: Operator,
  elementType: 'int8' | 'uint8',
  [a, b]: readonly [readonly number[], readonly number[]],
): NamedCase {
  const zero = elementType === 'int8' ? -9 : 121;
  return {
    name: `${operator.name} of ${elementType} [${a}] and [${b}]`,
    operator,
    opset: 1,
    constants: [1, 2, 4, 5, 6, 7],
    inputs: [
      randomTensor(elementType, a, 51),
      scalar('float32', 0.0317),
      scalar(elementType, zero),
      randomTensor(elementType, b, 52),
      scalar('float32', 0.0122),
      scalar(elementType, zero + 5),
      scalar('float32', operator.name === 'QLinearAdd' ? 0.0351 : 0.0171),
      scalar(elementType, zero - 3),
    ],
  };
}

const operands: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3, 5, 7],
    [2, 3, 5, 7],
  ],
  [
    [1, 33, 4, 5],
    [1, 33, 1, 1],
  ],
  [
    [17, 3, 1],
    [2, 17, 1, 16],
  ],
];

/** Binary operators with two random operands. */
export const quantizedBinaryCases: readonly NamedCase[] = [QLinearAdd, QLinearMul].flatMap((operator) =>
  (['int8', 'uint8'] as const).flatMap((elementType) =>
    operands.map((shapes) => binaryCase(operator, elementType, shapes)),
  ),
);

/** Operators of all 256 codes. */
export const quantizedUnaryCases: readonly NamedCase[] = [QLinearSigmoid, QLinearLeakyRelu].flatMap((operator) =>
  (['int8', 'uint8'] as const).map((elementType) => {
    const low = elementType === 'int8' ? -128 : 0;
    const codes = Array.from({ length: 256 }, (_, index) => low + index);
    return {
      name: `${operator.name} of ${elementType}`,
      operator,
      opset: 1,
      constants: [1, 2, 3, 4],
      ...(operator === QLinearLeakyRelu ? { attributes: { alpha: 0.13 } } : {}),
      inputs: [
        hostTensor(elementType, [4, 64], codes),
        scalar('float32', 0.0471),
        scalar(elementType, low + 111),
        scalar('float32', operator === QLinearSigmoid ? 1 / 256 : 0.0413),
        scalar(elementType, operator === QLinearSigmoid ? low : low + 42),
      ],
    };
  }),
);
