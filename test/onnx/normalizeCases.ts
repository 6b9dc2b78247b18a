import type { HostTensor } from '../../src/graph/hostTensor.ts';
import {
  GroupNormalization,
  InstanceNormalization,
  LayerNormalization,
  LogSoftmax,
  LpNormalization,
  RMSNormalization,
  Softmax,
} from '../../src/onnx/operators/normalize.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

let seed = 0;
const floats = (...shape: number[]): HostTensor => randomTensor('float32', shape, seed++);

/** Normalized values are of magnitude 5 at most, and f32 sums of at most 100 of them are behind each. */
const tolerance = 1e-5;

/** Cases that ONNX Runtime computes too. */
export const normalizeCases: NamedCase[] = [
  { name: 'Softmax', operator: Softmax, inputs: [floats(3, 5, 7)], tolerance },
  { name: 'Softmax along axis 1', operator: Softmax, inputs: [floats(3, 5, 7)], attributes: { axis: 1 }, tolerance },
  { name: 'Softmax of version 11', operator: Softmax, opset: 11, inputs: [floats(3, 5, 7)], tolerance },
  {
    name: 'Softmax of version 11, axis 2',
    operator: Softmax,
    opset: 11,
    inputs: [floats(3, 5, 7)],
    attributes: { axis: -1 },
    tolerance,
  },
  { name: 'LogSoftmax', operator: LogSoftmax, inputs: [floats(4, 9)], tolerance },
  { name: 'LogSoftmax of version 7', operator: LogSoftmax, opset: 7, inputs: [floats(2, 3, 3)], tolerance },
  { name: 'Softmax of no rows', operator: Softmax, inputs: [floats(0, 9)], tolerance },
  {
    name: 'LayerNormalization',
    operator: LayerNormalization,
    inputs: [floats(3, 5, 7), floats(7), floats(7)],
    outputCount: 3,
    tolerance,
  },
  {
    name: 'LayerNormalization of two axes without bias',
    operator: LayerNormalization,
    inputs: [floats(3, 5, 7), floats(5, 7)],
    attributes: { axis: 1, epsilon: 0.1 },
    tolerance,
  },
  {
    name: 'InstanceNormalization',
    operator: InstanceNormalization,
    inputs: [floats(2, 3, 5, 4), floats(3), floats(3)],
    attributes: { epsilon: 1e-3 },
    tolerance,
  },
  {
    name: 'GroupNormalization',
    operator: GroupNormalization,
    inputs: [floats(2, 6, 5), floats(6), floats(6)],
    attributes: { num_groups: 3 },
    tolerance,
  },
  {
    name: 'GroupNormalization of version 18',
    operator: GroupNormalization,
    opset: 18,
    inputs: [floats(2, 6, 5), floats(2), floats(2)],
    attributes: { num_groups: 2 },
    tolerance,
  },
  { name: 'LpNormalization', operator: LpNormalization, inputs: [floats(3, 5, 7)], tolerance },
  {
    name: 'LpNormalization by magnitudes',
    operator: LpNormalization,
    inputs: [floats(3, 5, 7)],
    attributes: { axis: 1, p: 1 },
    tolerance,
  },
  {
    name: 'RMSNormalization',
    operator: RMSNormalization,
    opset: 23,
    inputs: [floats(3, 5, 7), floats(7)],
    tolerance,
  },
  {
    name: 'RMSNormalization of two axes',
    operator: RMSNormalization,
    opset: 23,
    inputs: [floats(3, 5, 7), floats(5, 7)],
    attributes: { axis: -2, epsilon: 0.5 },
    tolerance,
  },
];

/** Cases that ONNX allows and ONNX Runtime does not. */
export const furtherNormalizeCases: NamedCase[] = [
  {
    name: 'LayerNormalization with a scalar',
    operator: LayerNormalization,
    inputs: [floats(3, 5, 7), floats(1)],
    attributes: { axis: 1 },
    tolerance,
  },
  {
    name: 'LayerNormalization with parameters that repeat',
    operator: LayerNormalization,
    inputs: [floats(3, 5, 7), floats(7), floats(1, 7)],
    attributes: { axis: 1 },
    tolerance,
  },
];
