import type { HostTensor } from '../../src/graph/hostTensor.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { ConvInteger, QLinearConv } from '../../src/onnx/operators/integerConvolution.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

type Codes = 'int8' | 'uint8';

const codes = (type: Codes, shape: readonly number[], seed: number): HostTensor => randomTensor(type, shape, seed);
const point = (type: Codes, value: number): HostTensor => hostTensor(type, [], [value]);
const scale = (value: number): HostTensor => hostTensor('float32', [], [value]);
const scales = (values: readonly number[]): HostTensor => hostTensor('float32', [values.length], values);

/** Scales that bring sums of `depth` random products to 8 bits. */
function factors(depth: number, count: number): HostTensor {
  const base = 0.01 / Math.sqrt(depth);
  return scales(Array.from({ length: count }, (_, channel) => base * (1 + channel / 7)));
}

/** ConvInteger as ONNX Runtime computes it too. */
export const convIntegerCases: readonly NamedCase[] = [
  {
    name: 'ConvInteger of the ONNX tests',
    operator: ConvInteger,
    inputs: [
      hostTensor('uint8', [1, 1, 3, 3], [2, 3, 4, 5, 6, 7, 8, 9, 10]),
      hostTensor('uint8', [1, 1, 2, 2], [1, 1, 1, 1]),
      point('uint8', 1),
    ],
  },
  {
    name: 'ConvInteger, strided, padded, weights that are an input',
    operator: ConvInteger,
    attributes: { strides: [2, 1], pads: [1, 0, 2, 1] },
    inputs: [codes('uint8', [2, 5, 7, 9], 1), codes('int8', [6, 5, 3, 3], 2), point('uint8', 131), point('int8', -7)],
  },
  {
    name: 'ConvInteger in groups, dilated',
    operator: ConvInteger,
    attributes: { group: 2, dilations: [2, 2], pads: [1, 2, 2, 1] },
    inputs: [codes('uint8', [1, 8, 6, 6], 3), codes('uint8', [6, 4, 3, 3], 4), undefined, point('uint8', 120)],
    constants: [1, 3],
  },
];

/** QLinearConv as ONNX Runtime computes it too. */
export const qLinearConvCases: readonly NamedCase[] = [
  {
    name: 'QLinearConv 1 × 1, a scale for each channel, bias',
    operator: QLinearConv,
    inputs: [
      codes('uint8', [1, 17, 6, 7], 5),
      scale(0.02),
      point('uint8', 120),
      codes('int8', [9, 17, 1, 1], 6),
      factors(17, 9),
      hostTensor('int8', [9], new Int8Array(9)),
      scale(0.017),
      point('uint8', 131),
      randomTensor('int32', [9], 7),
    ],
    constants: [1, 2, 3, 4, 5, 6, 7, 8],
  },
  {
    name: 'QLinearConv of int8, strided and padded',
    operator: QLinearConv,
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], kernel_shape: [3, 3] },
    inputs: [
      codes('int8', [2, 3, 11, 8], 8),
      scale(0.03),
      point('int8', -11),
      codes('int8', [5, 3, 3, 3], 9),
      scale(0.002),
      point('int8', 0),
      scale(0.024),
      point('int8', 5),
    ],
    constants: [3],
  },
  {
    name: 'QLinearConv depthwise 5 × 5 of uint8 weights',
    operator: QLinearConv,
    attributes: { group: 6, pads: [2, 2, 2, 2] },
    inputs: [
      codes('uint8', [1, 6, 7, 9], 10),
      scale(0.02),
      point('uint8', 3),
      codes('uint8', [6, 1, 5, 5], 11),
      scale(0.0021),
      point('uint8', 128),
      scale(0.02),
      point('uint8', 100),
      randomTensor('int32', [6], 12),
    ],
    constants: [1, 2, 3, 4, 5, 6, 7, 8],
  },
  {
    name: 'QLinearConv of products that float32 makes ties, as 5 · 0.1',
    operator: QLinearConv,
    inputs: [
      hostTensor(
        'int8',
        [1, 1, 256],
        Array.from({ length: 256 }, (_, index) => index - 128),
      ),
      scale(0.1),
      point('int8', 0),
      hostTensor('int8', [3, 1, 1], [1, 3, -7]),
      scale(1),
      point('int8', 0),
      scale(1),
      point('int8', 1),
    ],
    constants: [1, 2, 3, 4, 5, 6, 7],
  },
];
