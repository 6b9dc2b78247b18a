import { describe, expect, it } from 'vitest';
import { LimitExceeded, MalformedModel } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Concat, DepthToSpace, Expand, Pad, Slice, Split, Tile, Transpose } from '../../src/onnx/operators/layout.ts';
import { Flatten, Reshape, Squeeze, Unsqueeze } from '../../src/onnx/operators/shape.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { layoutCases, shapeCases } from './layoutCases.ts';
import { expectOnGpu, integers } from './nodeCases.ts';

const open = useEngine();

describe('on the GPU as by definition', () => {
  it.each([...shapeCases, ...layoutCases])('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('moves nothing where the memory stays as it is', async () => {
    const engine = await open();
    const reshaped = (shape: readonly number[], elementType: 'float32' | 'uint8') =>
      runNode(engine, {
        operator: Reshape,
        inputs: [hostTensor(elementType, [4, 6], new Float32Array(24)), integers(shape)],
        constants: [1],
      });
    expect((await reshaped([24], 'float32')).explanation).toBe('nothing is moved');
    expect((await reshaped([2, 2, 6], 'uint8')).explanation).toBe('nothing is moved');
    expect((await reshaped([24], 'uint8')).explanation).toContain('copy');
  });
});

describe('by definition', () => {
  const matrix = hostTensor('float32', [2, 3], [1, 2, 3, 4, 5, 6]);
  const row = hostTensor('float32', [4], [1, 2, 3, 4]);
  const valuesOf = (nodeCase: NodeCase): number[][] => evaluateNode(nodeCase).map(({ data }) => Array.from(data));

  it('computes what the ONNX documentation shows', () => {
    expect(valuesOf({ operator: Transpose, inputs: [matrix] })).toEqual([[1, 4, 2, 5, 3, 6]]);
    const slice = [integers([1, 0]), integers([2, 3]), integers([0, 1]), integers([1, 2])];
    const grid = hostTensor('float32', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(valuesOf({ operator: Slice, inputs: [grid, ...slice] })).toEqual([[5, 7]]);
    expect(valuesOf({ operator: Slice, inputs: [grid, integers([0, 1]), integers([-1, 1000])] })).toEqual([[2, 3, 4]]);
    expect(valuesOf({ operator: Tile, inputs: [matrix, integers([1, 2])] })).toEqual([
      [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6],
    ]);
    const pad = (mode: string) => valuesOf({ operator: Pad, inputs: [row, integers([2, 1])], attributes: { mode } })[0];
    expect(pad('constant')).toEqual([0, 0, 1, 2, 3, 4, 0]);
    expect(pad('reflect')).toEqual([3, 2, 1, 2, 3, 4, 3]);
    expect(pad('edge')).toEqual([1, 1, 1, 2, 3, 4, 4]);
    expect(pad('wrap')).toEqual([3, 4, 1, 2, 3, 4, 1]);
    expect(valuesOf({ operator: Split, inputs: [row], outputCount: 3, attributes: { num_outputs: 3 } })).toEqual([
      [1, 2],
      [3, 4],
      [],
    ]);
  });

  const bad: [string, NodeCase][] = [
    ['Transpose twice by one axis', { operator: Transpose, inputs: [matrix], attributes: { perm: [0, 0] } }],
    [
      'Slice with a step of 0',
      { operator: Slice, inputs: [row, integers([0]), integers([1]), undefined, integers([0])] },
    ],
    [
      'Slice of one axis twice',
      { operator: Slice, inputs: [row, integers([0, 0]), integers([1, 1]), integers([0, -1])] },
    ],
    ['Slice without ends', { operator: Slice, inputs: [row, integers([0])] }],
    ['Reshape to another number', { operator: Reshape, inputs: [matrix, integers([4, -1])] }],
    ['Reshape to two open lengths', { operator: Reshape, inputs: [matrix, integers([-1, -1])] }],
    ['Flatten outside', { operator: Flatten, inputs: [matrix], attributes: { axis: 3 } }],
    ['Squeeze of a length other than 1', { operator: Squeeze, inputs: [matrix, integers([0])] }],
    ['Unsqueeze twice at one place', { operator: Unsqueeze, inputs: [matrix, integers([0, 0])] }],
    ['Expand of another length', { operator: Expand, inputs: [matrix, integers([2, 2])] }],
    ['Tile a negative number of times', { operator: Tile, inputs: [matrix, integers([1, -2])] }],
    ['Pad in an unknown mode', { operator: Pad, inputs: [row, integers([1, 1])], attributes: { mode: 'none' } }],
    ['Pad that cuts more than there is', { operator: Pad, inputs: [row, integers([-3, -2])] }],
    ['DepthToSpace of too few channels', { operator: DepthToSpace, inputs: [matrix], attributes: { blocksize: 2 } }],
    ['Split of other lengths', { operator: Split, inputs: [row, integers([1, 2])], outputCount: 2 }],
    ['Concat of another shape', { operator: Concat, inputs: [matrix, row], attributes: { axis: 0 } }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => evaluateNode(nodeCase)).toThrow(MalformedModel);
  });

  it('does not fill the memory with a constant', () => {
    expect(() => evaluateNode({ operator: Expand, inputs: [matrix, integers([1_000_000_000, 2, 3])] })).toThrow(
      LimitExceeded,
    );
  });
});
