import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { GridSample } from '../../src/onnx/operators/gridSample.ts';
import { Resize, Upsample } from '../../src/onnx/operators/resize.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, runNode } from '../support/oneNode.ts';
import { expectOnGpu, integers, randomTensor } from './nodeCases.ts';
import { resizeCases } from './resizeCases.ts';

const open = useEngine();
const floats = (...values: number[]) => hostTensor('float32', [values.length], values);

describe('on the GPU as by definition', () => {
  it.each(resizeCases)('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('gives nothing for nothing', async () => {
    const nodeCase: NodeCase = {
      operator: Resize,
      inputs: [randomTensor('float32', [0, 2, 3]), undefined, floats(1, 2, 2)],
      constants: [2],
    };
    expect((await runNode(await open(), nodeCase)).outputs[0]?.shape).toEqual([0, 4, 6]);
  });

  it('refuses to interpolate integers', async () => {
    const engine = await open();
    const inputs = [randomTensor('uint8', [5, 6]), undefined, floats(2, 2)];
    const nodeCase: NodeCase = { operator: Resize, inputs, constants: [2], attributes: { mode: 'linear' } };
    await expect(runNode(engine, nodeCase)).rejects.toThrow(UnsupportedOperator);
  });
});

describe('by definition', () => {
  const square = hostTensor('float32', [1, 1, 2, 2], [1, 2, 3, 4]);
  const valuesOf = (nodeCase: NodeCase): number[] => Array.from(evaluateNode(nodeCase)[0]?.data ?? []);

  it('computes what the ONNX documentation shows', () => {
    expect(valuesOf({ operator: Upsample, opset: 9, inputs: [square, floats(1, 1, 2, 3)] })).toEqual([
      1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4,
    ]);
    const linear: NodeCase = {
      operator: Resize,
      inputs: [square, undefined, floats(1, 1, 2, 2)],
      attributes: { mode: 'linear' },
    };
    expect(valuesOf(linear)).toEqual([1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4]);
    const corners = { ...linear.attributes, coordinate_transformation_mode: 'align_corners' };
    const aligned = valuesOf({ ...linear, attributes: corners }).slice(0, 4);
    expect(aligned.map((value) => Math.round(value * 3))).toEqual([3, 4, 5, 6]);
    const rows = hostTensor('float32', [1, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
    const shorter = valuesOf({ ...linear, inputs: [rows, undefined, floats(1, 1, 0.6, 0.6)], attributes: corners });
    expect(shorter.map((value) => Math.round(value * 1e6))).toEqual([1000000, 3142857]);
  });

  const bad: [string, NodeCase][] = [
    ['neither scales nor sizes', { operator: Resize, inputs: [square] }],
    ['too few scales', { operator: Resize, inputs: [square, undefined, floats(2, 2)] }],
    [
      'both scales and sizes',
      { operator: Resize, inputs: [square, undefined, floats(1, 1, 2, 2), integers([1, 1, 4, 4])] },
    ],
    ['a scale below 0', { operator: Resize, inputs: [square, undefined, floats(1, 1, -2, 2)] }],
    ['an unknown mode', { operator: Upsample, inputs: [square, floats(1, 1, 2, 2)], attributes: { mode: 'best' } }],
    ['a grid of another size', { operator: GridSample, inputs: [square, randomTensor('float32', [2, 1, 1, 2])] }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => evaluateNode(nodeCase)).toThrow(MalformedModel);
  });
});
