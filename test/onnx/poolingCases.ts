import { hostTensor } from '../../src/graph/hostTensor.ts';
import {
  AveragePool,
  GlobalAveragePool,
  GlobalLpPool,
  GlobalMaxPool,
  LpPool,
  MaxPool,
} from '../../src/onnx/operators/pooling.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

const floats = (shape: readonly number[], seed: number) => randomTensor('float32', shape, seed);
// Sums of up to a few hundred elements in f32.
const tolerance = 2e-6;
const autoPads = ['SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;

/** Poolings with every attribute, as ONNX Runtime computes them too. */
export const poolingCases: readonly NamedCase[] = [
  {
    name: 'MaxPool with pads and strides',
    operator: MaxPool,
    attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 0, 1] },
    inputs: [floats([2, 3, 9, 7], 1)],
  },
  {
    name: 'MaxPool with ceil_mode',
    operator: MaxPool,
    attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
    inputs: [floats([1, 2, 8, 6], 2)],
  },
  {
    name: 'MaxPool with ceil_mode whose last window would begin in the padding',
    operator: MaxPool,
    attributes: { kernel_shape: [2], strides: [3], pads: [1, 1], ceil_mode: 1 },
    inputs: [floats([1, 2, 5], 3)],
  },
  {
    name: 'MaxPool with dilations, with indices',
    operator: MaxPool,
    outputCount: 2,
    attributes: { kernel_shape: [2, 3], dilations: [2, 2], pads: [1, 1, 1, 1] },
    inputs: [floats([2, 2, 6, 8], 4)],
  },
  {
    name: 'MaxPool of equal elements, with indices counted by columns',
    operator: MaxPool,
    outputCount: 2,
    attributes: { kernel_shape: [2, 2], storage_order: 1 },
    inputs: [
      hostTensor(
        'float32',
        [1, 2, 3, 4],
        [...Array(24).keys()].map((index) => index % 5),
      ),
    ],
  },
  {
    name: 'MaxPool over three axes, with indices',
    operator: MaxPool,
    outputCount: 2,
    attributes: { kernel_shape: [2, 2, 2], strides: [1, 2, 1] },
    inputs: [floats([1, 2, 3, 4, 3], 5)],
  },
  ...(['int8', 'uint8'] as const).map((elementType) => ({
    name: `MaxPool of ${elementType}`,
    operator: MaxPool,
    attributes: { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] },
    inputs: [randomTensor(elementType, [1, 3, 5, 19], 6)],
  })),
  ...autoPads.map((autoPad) => ({
    name: `MaxPool with auto_pad ${autoPad}`,
    operator: MaxPool,
    attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: autoPad },
    inputs: [floats([1, 2, 8, 7], 7)],
  })),
  ...[0, 1].map((countPadding) => ({
    name: `AveragePool with pads, count_include_pad ${countPadding}`,
    operator: AveragePool,
    attributes: { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 2, 1, 0], count_include_pad: countPadding },
    inputs: [floats([2, 2, 7, 6], 8)],
    tolerance,
  })),
  ...[0, 1].map((countPadding) => ({
    name: `AveragePool with ceil_mode and dilations, count_include_pad ${countPadding}`,
    operator: AveragePool,
    attributes: {
      kernel_shape: [3, 2],
      strides: [3, 2],
      dilations: [1, 2],
      pads: [1, 0, 1, 1],
      ceil_mode: 1,
      count_include_pad: countPadding,
    },
    inputs: [floats([1, 2, 8, 7], 9)],
    tolerance,
  })),
  ...autoPads.map((autoPad) => ({
    name: `AveragePool with auto_pad ${autoPad}`,
    operator: AveragePool,
    attributes: { kernel_shape: [4], strides: [2], auto_pad: autoPad },
    inputs: [floats([1, 2, 9], 10)],
    tolerance,
  })),
  ...[1, 2, 3].map((p) => ({
    name: `LpPool with p ${p}`,
    operator: LpPool,
    attributes: { kernel_shape: [2, 3], strides: [1, 2], p, pads: [1, 1, 0, 1] },
    inputs: [floats([1, 3, 5, 6], 11)],
    // WGSL's pow is exp2 of a logarithm.
    tolerance: p === 3 ? 1e-5 : tolerance,
  })),
  { name: 'GlobalAveragePool', operator: GlobalAveragePool, inputs: [floats([2, 5, 9, 13], 12)], tolerance },
  { name: 'GlobalAveragePool over one axis', operator: GlobalAveragePool, inputs: [floats([1, 3, 70], 13)], tolerance },
  { name: 'GlobalMaxPool', operator: GlobalMaxPool, inputs: [floats([2, 3, 4, 5, 2], 14)] },
  { name: 'GlobalLpPool', operator: GlobalLpPool, inputs: [floats([2, 3, 6, 5], 15)], tolerance },
];
