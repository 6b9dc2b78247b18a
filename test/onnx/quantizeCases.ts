import { type ElementType, type HostTensor, hostTensor, integerRange } from '../../src/graph/hostTensor.ts';
import { DequantizeLinear, DynamicQuantizeLinear, QuantizeLinear } from '../../src/onnx/operators/quantizeLinear.ts';
import { createRandom } from '../reference/random.ts';
import type { NamedCase } from './nodeCases.ts';

const random = createRandom(20261123);
const countOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

interface Parameters {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly scaleShape?: readonly number[];
  readonly axis?: number;
  readonly blockSize?: number;
  /** None where the attribute says the type. */
  readonly zeroPoint?: false;
  readonly constants?: readonly number[];
  readonly opset?: number;
}

function attributesOf({ axis, blockSize }: Parameters): Record<string, number> {
  return { ...(axis === undefined ? {} : { axis }), ...(blockSize === undefined ? {} : { block_size: blockSize }) };
}

function operands(parameters: Parameters, elements: HostTensor): (HostTensor | undefined)[] {
  const { type, scaleShape = [], zeroPoint } = parameters;
  const count = countOf(scaleShape);
  const [low, high] = integerRange(type) ?? [0, 0];
  const scale = hostTensor('float32', scaleShape, random.uniformArray(count, 0.01, 0.3));
  const zeroPoints = hostTensor(type, scaleShape, random.integerArray(count, low, high));
  return zeroPoint === false ? [elements, scale] : [elements, scale, zeroPoints];
}

/** Numbers around the range of the codes, half of them near ties for the first scale. */
function quantizing(name: string, parameters: Parameters, output?: number): NamedCase {
  const { type, shape, constants = [1, 2], opset = 21 } = parameters;
  const count = countOf(shape);
  const inputs = operands(parameters, hostTensor('float32', shape, new Float32Array(count)));
  const [x, scale] = inputs;
  const [low, high] = integerRange(type) ?? [0, 0];
  for (let index = 0; index < count; index++) {
    const factor =
      index % 2 === 0 ? random.integer(low, high) + 0.5 : random.uniformArray(1, 1.2 * low - 2, 1.2 * high + 2)[0];
    if (x) x.data[index] = (factor ?? 0) * (scale?.data[index % scale.data.length] ?? 1);
  }
  const attributes = { ...attributesOf(parameters), ...(output === undefined ? {} : { output_dtype: output }) };
  return { name: `QuantizeLinear to ${type} ${name}`, operator: QuantizeLinear, inputs, attributes, constants, opset };
}

function dequantizing(name: string, parameters: Parameters): NamedCase {
  const { type, shape, constants = [1, 2], opset = 21 } = parameters;
  const [low, high] = integerRange(type) ?? [0, 0];
  const codes = hostTensor(type, shape, random.integerArray(countOf(shape), Math.max(low, -1e9), Math.min(high, 1e9)));
  const inputs = operands(parameters, codes);
  const attributes = attributesOf(parameters);
  return {
    name: `DequantizeLinear of ${type} ${name}`,
    operator: DequantizeLinear,
    inputs,
    attributes,
    constants,
    opset,
  };
}

const shape = [3, 5, 7];

/** Cases that ONNX Runtime computes too. */
export const quantizeCases: NamedCase[] = [
  quantizing('per tensor', { type: 'uint8', shape: [4, 19] }),
  quantizing('per tensor, parameters of the run', { type: 'int8', shape: [4, 19], constants: [] }),
  quantizing('with a list of one', { type: 'uint8', shape: [33], scaleShape: [1] }),
  quantizing('without a zero point', { type: 'uint8', shape: [33], zeroPoint: false, opset: 10 }),
  quantizing('on axis 0', { type: 'int8', shape, scaleShape: [3], axis: 0, opset: 13 }),
  quantizing('on the axis that is the default', { type: 'uint8', shape, scaleShape: [5] }),
  quantizing('on the last axis, parameters of the run', {
    type: 'int8',
    shape,
    scaleShape: [7],
    axis: -1,
    constants: [],
  }),
  quantizing('in blocks', { type: 'uint8', shape: [3, 35], scaleShape: [3, 3], blockSize: 16 }),
  quantizing('in blocks on axis 0', { type: 'int4', shape: [35, 6], scaleShape: [3, 6], axis: 0, blockSize: 16 }),
  quantizing('on axis 0', { type: 'int4', shape, scaleShape: [3], axis: 0 }),
  quantizing('said by an attribute', { type: 'uint4', shape: [33], zeroPoint: false }, 21),
  quantizing('on an axis', { type: 'uint4', shape, scaleShape: [5] }),
  quantizing('per tensor', { type: 'uint16', shape: [41] }),
  quantizing('on an axis', { type: 'int16', shape, scaleShape: [5] }),
  dequantizing('per tensor', { type: 'uint8', shape: [4, 19] }),
  dequantizing('per tensor, parameters of the run', { type: 'int8', shape: [4, 19], constants: [] }),
  dequantizing('on axis 0', { type: 'int8', shape, scaleShape: [3], axis: 0, opset: 13 }),
  dequantizing('without a zero point', { type: 'uint8', shape: [33], zeroPoint: false, opset: 10 }),
  dequantizing('in blocks', { type: 'int8', shape: [3, 35], scaleShape: [3, 3], blockSize: 16 }),
  dequantizing('in blocks', { type: 'uint4', shape: [3, 36], scaleShape: [3, 3], blockSize: 16, constants: [0, 1, 2] }),
  dequantizing('on axis 0', { type: 'int4', shape, scaleShape: [3], axis: 0, constants: [0, 1, 2] }),
  dequantizing('per tensor', { type: 'uint16', shape: [41] }),
  dequantizing('on an axis', { type: 'int16', shape, scaleShape: [5] }),
  dequantizing('on an axis', { type: 'int32', shape, scaleShape: [5], zeroPoint: false }),
  {
    name: 'DynamicQuantizeLinear',
    operator: DynamicQuantizeLinear,
    inputs: [hostTensor('float32', [5, 7], random.normalArray(35))],
    outputCount: 3,
  },
  {
    name: 'DynamicQuantizeLinear of numbers above 0',
    operator: DynamicQuantizeLinear,
    inputs: [hostTensor('float32', [33], random.uniformArray(33, 1, 9))],
    outputCount: 3,
  },
];

/** Cases of two bits, and of types that ONNX Runtime leaves out. */
export const narrowCases: NamedCase[] = [
  quantizing('on an axis', { type: 'int2', shape, scaleShape: [5] }),
  quantizing('in blocks', { type: 'uint2', shape: [3, 35], scaleShape: [3, 3], blockSize: 16 }),
  dequantizing('per tensor', { type: 'int2', shape: [33] }),
  dequantizing('in blocks', { type: 'uint2', shape: [3, 35], scaleShape: [3, 3], blockSize: 16 }),
  { ...dequantizing('on an axis', { type: 'int4', shape, scaleShape: [5] }) },
];
