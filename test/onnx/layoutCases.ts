import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import {
  Concat,
  DepthToSpace,
  Expand,
  Pad,
  Slice,
  SpaceToDepth,
  Split,
  Tile,
  Transpose,
} from '../../src/onnx/operators/layout.ts';
import { Flatten, Reshape, Squeeze, Unsqueeze } from '../../src/onnx/operators/shape.ts';
import { integers, type NamedCase, randomTensor } from './nodeCases.ts';

const floats = (...shape: number[]): HostTensor => randomTensor('float32', shape);
const bytes = (...shape: number[]): HostTensor => randomTensor('uint8', shape);
const signed = (...shape: number[]): HostTensor => randomTensor('int8', shape);
const wide = (...shape: number[]): HostTensor => randomTensor('int64', shape);
const flags = (...shape: number[]): HostTensor => randomTensor('bool', shape);

/** A case whose inputs after the first are constants. */
function withConstants(
  name: string,
  operator: Operator,
  first: HostTensor,
  others: readonly (HostTensor | undefined)[],
  more: Partial<NamedCase> = {},
): NamedCase {
  const constants = others.flatMap((value, index) => (value ? [index + 1] : []));
  return { name, operator, inputs: [first, ...others], constants, ...more };
}

/** Cases of operators that only rename axes. */
export const shapeCases: NamedCase[] = [
  withConstants('Reshape with 0 and -1', Reshape, floats(2, 3, 5), [integers([0, -1])]),
  withConstants('Reshape of bytes to other rows', Reshape, bytes(3, 8), [integers([4, 1, -1])]),
  withConstants('Reshape of bytes that keeps its rows', Reshape, bytes(4, 3, 5), [integers([2, -1, 5])]),
  withConstants('Reshape to a scalar', Reshape, floats(1, 1), [integers([])]),
  withConstants('Reshape of nothing, allowing zeros', Reshape, floats(0, 3), [integers([3, 0])], {
    attributes: { allowzero: 1 },
  }),
  withConstants('Reshape of 64-bit integers', Reshape, wide(3, 7), [integers([-1, 3])]),
  { name: 'Flatten', operator: Flatten, inputs: [floats(2, 3, 5)] },
  { name: 'Flatten at the last axis, of bytes', operator: Flatten, inputs: [bytes(2, 3, 5)], attributes: { axis: -1 } },
  { name: 'Flatten into one row', operator: Flatten, inputs: [signed(2, 3, 5)], attributes: { axis: 0 } },
  { name: 'Flatten beyond the last axis', operator: Flatten, inputs: [floats(2, 3)], attributes: { axis: 2 } },
  withConstants('Squeeze', Squeeze, floats(1, 3, 1, 5), [integers([0, -2])]),
  { name: 'Squeeze of all', operator: Squeeze, inputs: [bytes(1, 3, 1, 7, 1)] },
  { name: 'Squeeze by attribute', operator: Squeeze, opset: 11, inputs: [flags(1, 20, 1)], attributes: { axes: [0] } },
  withConstants('Unsqueeze', Unsqueeze, bytes(4, 5), [integers([0, -1])]),
  { name: 'Unsqueeze by attribute', operator: Unsqueeze, opset: 9, inputs: [floats(4)], attributes: { axes: [0, 2] } },
];

/** Cases of operators that move elements. */
export const layoutCases: NamedCase[] = [
  { name: 'Transpose', operator: Transpose, inputs: [floats(2, 3, 5, 7)] },
  { name: 'Transpose of bytes', operator: Transpose, inputs: [bytes(2, 3, 5, 7)], attributes: { perm: [0, 2, 3, 1] } },
  { name: 'Transpose of bools', operator: Transpose, inputs: [flags(5, 7)], attributes: { perm: [1, 0] } },
  { name: 'Transpose of nothing', operator: Transpose, inputs: [floats(3, 0)] },
  withConstants('Slice', Slice, floats(7, 9, 5), [integers([1, -3]), integers([6, 100])]),
  withConstants('Slice backwards', Slice, wide(7, 9), [
    integers([-1, 7]),
    integers([-100, 1]),
    integers([1, 0]),
    integers([-2, -1]),
  ]),
  withConstants('Slice of bytes', Slice, signed(5, 40), [integers([3]), integers([35]), integers([-1]), integers([3])]),
  withConstants('Slice of nothing', Slice, floats(4, 5), [integers([3]), integers([1]), integers([1])]),
  {
    name: 'Slice by attributes',
    operator: Slice,
    opset: 9,
    inputs: [floats(5, 6)],
    attributes: { axes: [1], starts: [-4], ends: [5] },
  },
  withConstants('Expand', Expand, floats(3, 1, 5), [integers([2, 1, 4, 1])]),
  withConstants('Expand of bytes', Expand, bytes(17, 1), [integers([17, 3])]),
  withConstants('Expand to nothing', Expand, floats(1, 3), [integers([0, 3])]),
  withConstants('Tile', Tile, floats(2, 3, 4), [integers([2, 1, 3])]),
  withConstants('Tile of bytes', Tile, bytes(4, 5), [integers([3, 4])]),
  withConstants('Tile to nothing', Tile, floats(2, 3), [integers([1, 0])]),
  withConstants('Pad', Pad, floats(2, 3, 4), [integers([0, 1, 2, 1, 0, 3]), hostTensor('float32', [], [-1.5])]),
  withConstants('Pad of bytes', Pad, bytes(4, 5), [integers([1, 2, 0, 9]), hostTensor('uint8', [1], [200])]),
  withConstants('Pad with an edge', Pad, floats(3, 4), [integers([1, 2, 3, 0])], { attributes: { mode: 'edge' } }),
  withConstants('Pad with a reflection', Pad, signed(3, 8), [integers([1, 2, 2, 7])], {
    attributes: { mode: 'reflect' },
  }),
  withConstants('Pad around', Pad, floats(3, 4), [integers([1, 3, 2, 4])], { attributes: { mode: 'wrap' } }),
  withConstants('Pad of some axes', Pad, wide(5, 4), [integers([1, 2]), hostTensor('int64', [], [77]), integers([-1])]),
  withConstants('Pad that cuts', Pad, floats(6, 7), [integers([-1, 2, 2, -3])]),
  withConstants('Pad that cuts and reflects', Pad, floats(6, 7), [integers([-1, 2, 2, -3])], {
    attributes: { mode: 'reflect' },
  }),
  {
    name: 'Pad by attributes',
    operator: Pad,
    opset: 7,
    inputs: [floats(2, 3)],
    attributes: { pads: [0, 1, 1, 0], value: 2.5 },
  },
  { name: 'DepthToSpace', operator: DepthToSpace, inputs: [floats(2, 12, 3, 2)], attributes: { blocksize: 2 } },
  {
    name: 'DepthToSpace by columns, of bytes',
    operator: DepthToSpace,
    inputs: [bytes(1, 18, 2, 5)],
    attributes: { blocksize: 3, mode: 'CRD' },
  },
  { name: 'SpaceToDepth', operator: SpaceToDepth, inputs: [floats(2, 3, 4, 6)], attributes: { blocksize: 2 } },
  { name: 'SpaceToDepth of bytes', operator: SpaceToDepth, inputs: [bytes(1, 2, 9, 6)], attributes: { blocksize: 3 } },
  {
    name: 'Split by halves',
    operator: Split,
    opset: 13,
    inputs: [floats(2, 6)],
    outputCount: 2,
    attributes: { axis: 1 },
  },
  {
    name: 'Split by attribute',
    operator: Split,
    opset: 11,
    inputs: [bytes(5, 9)],
    outputCount: 3,
    attributes: { axis: -1, split: [2, 3, 4] },
  },
  withConstants('Split by sizes', Split, wide(7, 3), [integers([1, 0, 6])], { outputCount: 3 }),
  { name: 'Split by number', operator: Split, inputs: [floats(7, 2)], outputCount: 3, attributes: { num_outputs: 3 } },
  {
    name: 'Concat',
    operator: Concat,
    inputs: [floats(2, 3, 4), randomTensor('float32', [2, 5, 4], 2), floats(2, 0, 4)],
    attributes: { axis: 1 },
  },
  {
    name: 'Concat of bytes along the last axis',
    operator: Concat,
    inputs: [bytes(3, 7), randomTensor('uint8', [3, 6], 2), bytes(3, 17)],
    attributes: { axis: -1 },
  },
  {
    name: 'Concat of 64-bit integers with a constant',
    operator: Concat,
    inputs: [wide(9, 2), integers([4, 5])].map((value, index) => (index === 1 ? { ...value, shape: [1, 2] } : value)),
    constants: [1],
    attributes: { axis: 0 },
  },
];
