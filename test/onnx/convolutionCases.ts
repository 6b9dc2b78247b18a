import { Conv, ConvTranspose } from '../../src/onnx/operators/convolution.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

const floats = (shape: readonly number[], seed: number) => randomTensor('float32', shape, seed);
// Sums of a few hundred normal products in f32.
const tolerance = 1e-5;

/** Convolutions with every attribute, as ONNX Runtime computes them too. */
export const convolutionCases: readonly NamedCase[] = [
  {
    name: 'Conv with bias and asymmetric pads',
    operator: Conv,
    attributes: { pads: [2, 0, 1, 3], strides: [2, 1], kernel_shape: [3, 4] },
    inputs: [floats([2, 3, 9, 11], 1), floats([5, 3, 3, 4], 2), floats([5], 3)],
    constants: [1, 2],
    tolerance,
  },
  {
    name: 'Conv 1 × 1 with weights that are an input',
    operator: Conv,
    inputs: [floats([1, 12, 5, 5], 4), floats([9, 12, 1, 1], 5)],
    tolerance,
  },
  {
    name: 'Conv in groups, dilated, along one axis',
    operator: Conv,
    opset: 11,
    attributes: { group: 2, dilations: [3], pads: [3, 3] },
    inputs: [floats([1, 6, 21], 6), floats([4, 3, 3], 7), floats([4], 8)],
    constants: [1, 2],
    tolerance,
  },
  {
    name: 'Conv over three axes',
    operator: Conv,
    attributes: { strides: [1, 2, 1], pads: [0, 1, 1, 1, 0, 1] },
    inputs: [floats([1, 2, 4, 6, 5], 9), floats([3, 2, 2, 3, 3], 10)],
    constants: [1],
    tolerance,
  },
  {
    name: 'Conv depthwise 5 × 5',
    operator: Conv,
    attributes: { group: 4, pads: [2, 2, 2, 2] },
    inputs: [floats([1, 4, 7, 13], 11), floats([4, 1, 5, 5], 12), floats([4], 13)],
    constants: [1, 2],
    tolerance,
  },
  ...(['SAME_UPPER', 'SAME_LOWER', 'VALID'] as const).map((autoPad) => ({
    name: `Conv with auto_pad ${autoPad}`,
    operator: Conv,
    attributes: { auto_pad: autoPad, strides: [2, 3], kernel_shape: [4, 3] },
    inputs: [floats([1, 2, 9, 10], 14), floats([3, 2, 4, 3], 15)],
    constants: [1],
    tolerance,
  })),
  {
    name: 'ConvTranspose 2 × 2 of stride 2',
    operator: ConvTranspose,
    attributes: { strides: [2, 2], kernel_shape: [2, 2] },
    inputs: [floats([1, 6, 5, 7], 16), floats([6, 3, 2, 2], 17), floats([3], 18)],
    constants: [1, 2],
    tolerance,
  },
  {
    name: 'ConvTranspose with pads, output_padding, dilations and groups',
    operator: ConvTranspose,
    attributes: { strides: [3, 2], pads: [1, 2, 0, 1], output_padding: [2, 1], dilations: [2, 1], group: 2 },
    inputs: [floats([2, 4, 4, 5], 19), floats([4, 3, 3, 4], 20)],
    constants: [1],
    tolerance,
  },
  {
    name: 'ConvTranspose with output_shape',
    operator: ConvTranspose,
    attributes: { strides: [3, 2], output_shape: [10, 8] },
    inputs: [floats([1, 2, 3, 3], 21), floats([2, 2, 3, 3], 22)],
    constants: [1],
    tolerance,
  },
  {
    name: 'ConvTranspose with a smaller output_shape',
    operator: ConvTranspose,
    attributes: { strides: [3, 2], output_shape: [8, 4] },
    inputs: [floats([1, 2, 3, 3], 21), floats([2, 2, 3, 3], 22)],
    constants: [1],
    tolerance,
  },
  ...(['SAME_UPPER', 'SAME_LOWER', 'VALID'] as const).map((autoPad) => ({
    name: `ConvTranspose with auto_pad ${autoPad}`,
    operator: ConvTranspose,
    attributes: { auto_pad: autoPad, strides: [2, 2] },
    inputs: [floats([1, 2, 4, 3], 23), floats([2, 3, 3, 5], 24)],
    constants: [1],
    tolerance,
  })),
  {
    name: 'ConvTranspose along one axis',
    operator: ConvTranspose,
    attributes: { strides: [4], pads: [1, 1] },
    inputs: [floats([1, 3, 6], 25), floats([3, 2, 5], 26)],
    constants: [1],
    tolerance,
  },
];
