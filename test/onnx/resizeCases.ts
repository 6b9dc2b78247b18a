import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { GridSample } from '../../src/onnx/operators/gridSample.ts';
import { Resize, Upsample } from '../../src/onnx/operators/resize.ts';
import { createRandom } from '../reference/random.ts';
import { integers, type NamedCase, randomTensor } from './nodeCases.ts';

const floats = (values: readonly number[]): HostTensor => hostTensor('float32', [values.length], values);
const image = (...shape: number[]): HostTensor => randomTensor('float32', shape);
const floatAttributes = ['cubic_coeff_a', 'extrapolation_value', 'scales'];
// Sums of float32 products, of which ONNX Runtime takes them in another order.
const tolerance = 4e-6;

function byScales(
  name: string,
  source: HostTensor,
  scales: readonly number[],
  attributes: Readonly<Record<string, string | number | readonly number[]>> = {},
  region?: readonly number[],
): NamedCase {
  const inputs = [source, region && floats(region), floats(scales)];
  const constants = region ? [1, 2] : [2];
  return { name: `Resize ${name}`, operator: Resize, inputs, constants, attributes, floatAttributes, tolerance };
}

function bySizes(
  name: string,
  source: HostTensor,
  sizes: readonly number[],
  attributes: Readonly<Record<string, string | number | readonly number[]>> = {},
  region?: readonly number[],
): NamedCase {
  const inputs = [source, region && floats(region), undefined, integers(sizes)];
  const constants = region ? [1, 3] : [3];
  return { name: `Resize ${name}`, operator: Resize, inputs, constants, attributes, floatAttributes, tolerance };
}

const coordinates = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_half_pixel_for_nn',
];
// Where aligned corners make a difference of a length that is no whole number, ONNX and ONNX Runtime do not agree.
const scalesFor = (mode: string): number[] => [1, 1, mode === 'align_corners' ? 0.6 : 0.7, 2.5];
const roundings = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];

/** Cases of operators that resample. */
export const resizeCases: NamedCase[] = [
  ...coordinates.flatMap((mode) =>
    roundings.map((nearest_mode) =>
      byScales(`nearest ${mode} ${nearest_mode}`, image(1, 2, 5, 4), scalesFor(mode), {
        coordinate_transformation_mode: mode,
        nearest_mode,
      }),
    ),
  ),
  ...coordinates.flatMap((mode) =>
    ['linear', 'cubic'].flatMap((kind) => [
      byScales(`${kind} ${mode}`, image(1, 2, 5, 4), scalesFor(mode), {
        mode: kind,
        coordinate_transformation_mode: mode,
      }),
      bySizes(`${kind} ${mode} by sizes`, image(2, 1, 6, 5), [2, 1, 1, 13], {
        mode: kind,
        coordinate_transformation_mode: mode,
      }),
    ]),
  ),
  byScales('twice as large', image(1, 3, 4, 5), [1, 1, 2, 2], {
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  }),
  byScales('of bytes', randomTensor('uint8', [1, 3, 4, 5]), [1, 1, 2, 3]),
  byScales('of bytes to uneven sizes', randomTensor('int8', [1, 3, 4, 5]), [1, 1, 0.8, 1.7]),
  byScales('half as large', image(1, 3, 8, 6), [1, 1, 0.5, 0.5]),
  byScales('cubic without what is outside', image(1, 1, 6, 7), [1, 1, 1.6, 0.6], {
    mode: 'cubic',
    exclude_outside: 1,
    cubic_coeff_a: -0.5,
  }),
  ...['nearest', 'linear', 'cubic'].map((mode) =>
    bySizes(
      `${mode} of a region`,
      image(1, 2, 6, 7),
      [1, 2, 5, 8],
      { mode, coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: 10 },
      [0, 0, 0.3, -0.2, 1, 1, 1.1, 0.7],
    ),
  ),
  ...['not_larger', 'not_smaller'].map((keep_aspect_ratio_policy) =>
    bySizes(`linear ${keep_aspect_ratio_policy}`, image(1, 2, 6, 9), [13, 11], {
      mode: 'linear',
      axes: [2, 3],
      keep_aspect_ratio_policy,
    }),
  ),
  ...['linear', 'cubic'].flatMap((mode) => [
    byScales(`${mode} antialiased`, image(1, 1, 16, 9), [1, 1, 0.3, 0.6], { mode, antialias: 1 }),
    byScales(`${mode} antialiased, larger`, image(1, 1, 4, 9), [1, 1, 1.8, 0.5], { mode, antialias: 1 }),
    byScales(`${mode} antialiased without what is outside`, image(1, 1, 16, 9), [1, 1, 0.4, 0.6], {
      mode,
      antialias: 1,
      exclude_outside: 1,
    }),
  ]),
  ...['nearest', 'linear'].flatMap((mode): NamedCase[] => [
    {
      name: `Resize ${mode} of operator set 10`,
      operator: Resize,
      opset: 10,
      inputs: [image(1, 2, 7, 5), floats([1, 1, 0.6, 1.5])],
      constants: [1],
      attributes: { mode },
      tolerance,
    },
    {
      name: `Upsample ${mode}`,
      operator: Upsample,
      opset: 9,
      inputs: [image(1, 2, 4, 5), floats([1, 1, 2, 1.5])],
      constants: [1],
      attributes: { mode },
      tolerance,
    },
    {
      name: `Upsample ${mode} by attribute`,
      operator: Upsample,
      opset: 7,
      inputs: [image(1, 2, 4, 5)],
      attributes: { mode, scales: [1, 1, 3, 2] },
      floatAttributes,
      tolerance,
    },
  ]),
  ...['nearest', 'linear', 'cubic'].flatMap((mode) =>
    ['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
      [0, 1].map(
        (align_corners): NamedCase => ({
          name: `GridSample ${mode} ${padding_mode} ${align_corners ? 'aligned' : 'not aligned'}`,
          operator: GridSample,
          opset: 20,
          inputs: [
            image(2, 3, 5, 4),
            hostTensor('float32', [2, 3, 7, 2], createRandom(31).uniformArray(84, -2.5, 2.5)),
          ],
          attributes: { mode, padding_mode, align_corners },
          tolerance: 2e-5,
        }),
      ),
    ),
  ),
  {
    name: 'GridSample of operator set 16',
    operator: GridSample,
    opset: 16,
    inputs: [image(1, 1, 4, 4), hostTensor('float32', [1, 2, 2, 2], createRandom(32).uniformArray(8, -1, 1))],
    attributes: { mode: 'bicubic' },
    tolerance: 2e-5,
  },
];
