import { describe, it } from 'vitest';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Concat, DepthToSpace, Expand, Pad, Slice, Split, Tile, Transpose } from '../../src/onnx/operators/layout.ts';
import { Resize } from '../../src/onnx/operators/resize.ts';
import { Flatten, Reshape, Squeeze } from '../../src/onnx/operators/shape.ts';
import { useEngine } from '../support/engine.ts';
import { expectInBothOrders } from './channelsLastCases.ts';
import { expectOnGpu, integers, type NamedCase, randomTensor } from './nodeCases.ts';
import { quantizedConcatCase } from './quantizedConcatCases.ts';

const open = useEngine();
const x = (...shape: number[]) => randomTensor('int8', shape, shape.length);
const floats = (...values: number[]) => hostTensor('float32', [values.length], values);

/** Movements that keep the channels of a value last, and whether they do. */
const cases: readonly (NamedCase & { readonly plain?: boolean })[] = [
  {
    name: 'Slice of channels',
    operator: Slice,
    inputs: [x(2, 17, 3, 5), integers([3]), integers([14]), integers([1])],
  },
  {
    name: 'Slice of rows',
    operator: Slice,
    inputs: [x(2, 33, 4, 5), integers([3]), integers([0]), integers([2]), integers([-1])],
  },
  {
    name: 'Pad',
    operator: Pad,
    inputs: [x(1, 15, 3, 2), integers([0, 0, 1, 2, 0, 0, 0, 1]), hostTensor('int8', [], [-7])],
  },
  { name: 'Tile', operator: Tile, inputs: [x(1, 3, 2, 4), integers([2, 1, 1, 3])] },
  { name: 'Expand', operator: Expand, inputs: [x(1, 5, 1, 4), integers([2, 5, 3, 4])] },
  { name: 'DepthToSpace', operator: DepthToSpace, attributes: { blocksize: 2 }, inputs: [x(1, 12, 2, 3)] },
  {
    name: 'Transpose to channels last',
    operator: Transpose,
    attributes: { perm: [0, 2, 3, 1] },
    inputs: [x(2, 17, 3, 5)],
    plain: true,
  },
  { name: 'Transpose of space', operator: Transpose, attributes: { perm: [0, 1, 3, 2] }, inputs: [x(2, 17, 3, 5)] },
  {
    name: 'Split of channels',
    operator: Split,
    attributes: { axis: 1 },
    outputCount: 2,
    inputs: [x(1, 33, 2, 3), integers([16, 17])],
  },
  { name: 'Split of columns', operator: Split, attributes: { axis: -1 }, outputCount: 2, inputs: [x(1, 3, 2, 6)] },
  { name: 'Concat of channels', operator: Concat, attributes: { axis: 1 }, inputs: [x(2, 3, 2, 5), x(2, 15, 2, 5)] },
  { name: 'Concat of whole words', operator: Concat, attributes: { axis: 1 }, inputs: [x(2, 4, 3, 2), x(2, 20, 3, 2)] },
  { name: 'Concat of rows', operator: Concat, attributes: { axis: 2 }, inputs: [x(1, 17, 2, 5), x(1, 17, 3, 5)] },
  { name: 'Reshape of space', operator: Reshape, inputs: [x(2, 15, 3, 4), integers([2, 15, 12])] },
  { name: 'Reshape of channels', operator: Reshape, inputs: [x(2, 12, 3, 4), integers([2, 4, 3, 12])], plain: true },
  { name: 'Flatten of one pixel', operator: Flatten, inputs: [x(2, 33, 1, 1)], plain: true },
  { name: 'Squeeze', operator: Squeeze, inputs: [x(2, 17, 1, 5), integers([2])] },
  {
    name: 'Resize twofold',
    operator: Resize,
    attributes: { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    inputs: [x(1, 17, 3, 4), undefined, floats(1, 1, 2, 2)],
    constants: [2],
  },
  {
    name: 'Resize to other lengths',
    operator: Resize,
    inputs: [x(1, 5, 4, 5), undefined, undefined, integers([1, 5, 7, 3])],
  },
  quantizedConcatCase('uint8'),
];

describe('values held with their channels last', () => {
  it.each(cases)('$name', async ({ plain = false, ...nodeCase }) => {
    await expectInBothOrders(await open(), nodeCase, !plain);
  });
});

it('channels that were last all along stay where they are', async () => {
  const engine = await open();
  const nodeCase = { name: '', operator: Transpose, attributes: { perm: [0, 3, 1, 2] }, inputs: [x(2, 3, 5, 17)] };
  await expectOnGpu(engine, nodeCase);
});

it.each(['int8', 'uint8'] as const)('QLinearConcat of %s', async (elementType) => {
  await expectOnGpu(await open(), quantizedConcatCase(elementType));
});
