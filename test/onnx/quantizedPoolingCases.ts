import type { Attribute } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import { QLinearAveragePool, QLinearGlobalAveragePool } from '../../src/onnx/operators/quantizedPooling.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

function meanCase(
  operator: Operator,
  elementType: 'int8' | 'uint8',
  shape: readonly number[],
  attributes: Readonly<Record<string, Attribute>>,
): NamedCase {
  const zero = elementType === 'int8' ? -14 : 133;
  return {
    name: `${operator.name} of ${elementType} [${shape}], ${JSON.stringify(attributes)}`,
    operator,
    opset: 1,
    attributes,
    constants: [1, 2, 3, 4],
    inputs: [
      randomTensor(elementType, shape, shape.length),
      hostTensor('float32', [], [0.02317384]),
      hostTensor(elementType, [], [zero]),
      hostTensor('float32', [], [0.00971943]),
      hostTensor(elementType, [], [zero + 7]),
    ],
  };
}

const padded = { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] };

/** Means of codes. */
export const quantizedPoolingCases: readonly NamedCase[] = [
  meanCase(QLinearAveragePool, 'uint8', [2, 3, 7, 6], padded),
  meanCase(QLinearAveragePool, 'uint8', [1, 33, 5, 6], { ...padded, count_include_pad: 1 }),
  meanCase(QLinearAveragePool, 'int8', [1, 17, 9], { kernel_shape: [4], strides: [3], ceil_mode: 1 }),
  meanCase(QLinearAveragePool, 'int8', [1, 5, 6, 15], { kernel_shape: [2, 3], channels_last: 1 }),
  meanCase(QLinearGlobalAveragePool, 'uint8', [2, 17, 5, 9], { channels_last: 0 }),
  meanCase(QLinearGlobalAveragePool, 'int8', [1, 3, 7, 16], { channels_last: 0 }),
  meanCase(QLinearGlobalAveragePool, 'uint8', [2, 4, 3, 5], { channels_last: 1 }),
];
