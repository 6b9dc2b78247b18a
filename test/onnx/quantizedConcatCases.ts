import { hostTensor } from '../../src/graph/hostTensor.ts';
import { QLinearConcat } from '../../src/onnx/operators/quantizedConcat.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

/** Three tensors of different scales, of which one is that of the result. */
export function quantizedConcatCase(elementType: 'int8' | 'uint8'): NamedCase {
  const low = elementType === 'int8' ? -128 : 0;
  const quantization = (scale: number, zeroPoint: number) => [
    hostTensor('float32', [], [scale]),
    hostTensor(elementType, [], [low + zeroPoint]),
  ];
  return {
    name: `QLinearConcat of ${elementType}`,
    operator: QLinearConcat,
    opset: 1,
    attributes: { axis: 1 },
    constants: [0, 1, 3, 4, 6, 7, 9, 10],
    inputs: [
      ...quantization(0.0371, 117),
      ...[randomTensor(elementType, [2, 3, 4, 5], 61), ...quantization(0.0519, 121)],
      ...[randomTensor(elementType, [2, 15, 4, 5], 62), ...quantization(0.0371, 117)],
      ...[randomTensor(elementType, [2, 1, 4, 5], 63), ...quantization(0.0117, 3)],
    ],
  };
}
