import { describe, expect, test } from 'vitest';
import { UnsupportedOperator } from '../../src/base/errors.ts';
import { elementCount } from '../../src/base/shape.ts';
import type { Attribute, Graph } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { upgradeGraph } from '../../src/onnx/upgrade.ts';
import { runGraph } from '../reference/onnxGraph.ts';
import { createRandom } from '../reference/random.ts';

interface Case {
  readonly operator: string;
  readonly opset: number;
  readonly shape: readonly number[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Constants behind the first input. */
  readonly constants?: readonly HostTensor[];
  readonly outputCount?: number;
}

function graphOf({ operator, opset, shape, attributes = {}, constants = [], outputCount = 1 }: Case): Graph {
  const outputs = Array.from({ length: outputCount }, (_, index) => `y${index}`);
  const names = constants.map((_, index) => `c${index}`);
  return {
    name: operator,
    inputs: [{ name: 'x', elementType: 'float32', dimensions: shape }],
    outputs: outputs.map((name) => ({ name, elementType: undefined, dimensions: undefined })),
    nodes: [
      {
        name: 'node',
        domain: '',
        operator,
        inputs: ['x', ...names],
        outputs,
        attributes: new Map(Object.entries(attributes)),
      },
    ],
    initializers: new Map(constants.map((tensor, index) => [`c${index}`, tensor])),
    opsets: new Map([['', opset]]),
  };
}

const vector = (...values: number[]) => hostTensor('float32', [values.length], values);

const cases: readonly Case[] = [
  { operator: 'Clip', opset: 7, shape: [2, 3], attributes: { min: -0.5, max: 0.25 } },
  { operator: 'Clip', opset: 10, shape: [2, 3], attributes: { max: 0 } },
  { operator: 'Clip', opset: 9, shape: [4] },
  { operator: 'Pad', opset: 10, shape: [2, 3], attributes: { pads: [0, 1, 2, 0], value: 0.5 } },
  { operator: 'Pad', opset: 7, shape: [3, 4], attributes: { mode: 'reflect', pads: [1, 2, 0, 1] } },
  { operator: 'Slice', opset: 9, shape: [4, 5], attributes: { starts: [1, -2], ends: [3, 100], axes: [0, 1] } },
  { operator: 'Slice', opset: 9, shape: [4, 5], attributes: { starts: [1], ends: [3] } },
  { operator: 'Squeeze', opset: 11, shape: [1, 3, 1], attributes: { axes: [0] } },
  { operator: 'Squeeze', opset: 12, shape: [1, 3, 1] },
  { operator: 'Unsqueeze', opset: 9, shape: [3], attributes: { axes: [0, 2] } },
  { operator: 'Split', opset: 11, shape: [6, 2], attributes: { axis: 0, split: [2, 4] }, outputCount: 2 },
  { operator: 'Split', opset: 12, shape: [6, 2], outputCount: 3 },
  { operator: 'Split', opset: 13, shape: [6, 2], outputCount: 3 },
  ...['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL2', 'ReduceSumSquare'].flatMap((operator) => [
    { operator, opset: 11, shape: [2, 3, 4], attributes: { axes: [1, -1], keepdims: 0 } },
    { operator, opset: 12, shape: [2, 3] },
  ]),
  { operator: 'ReduceMean', opset: 17, shape: [2, 3, 4], attributes: { axes: [2] } },
  { operator: 'Softmax', opset: 11, shape: [2, 3, 4] },
  { operator: 'Softmax', opset: 9, shape: [2, 3, 4], attributes: { axis: 2 } },
  { operator: 'Softmax', opset: 11, shape: [2, 3, 4], attributes: { axis: -1 } },
  { operator: 'LogSoftmax', opset: 12, shape: [2, 3, 4], attributes: { axis: 0 } },
  { operator: 'Upsample', opset: 8, shape: [1, 2, 3, 4], attributes: { scales: [1, 1, 2, 3] } },
  {
    operator: 'Upsample',
    opset: 9,
    shape: [1, 1, 3, 4],
    constants: [vector(1, 1, 2, 2)],
    attributes: { mode: 'linear' },
  },
  { operator: 'Resize', opset: 10, shape: [1, 1, 4, 3], constants: [vector(1, 1, 0.5, 2)] },
  { operator: 'Dropout', opset: 9, shape: [3], attributes: { ratio: 0.25 } },
  { operator: 'Dropout', opset: 11, shape: [3], attributes: { ratio: 0.25 } },
  {
    operator: 'BatchNormalization',
    opset: 7,
    shape: [2, 2, 3],
    constants: [vector(1, 2), vector(0, 1), vector(0.5, 0), vector(1, 4)],
    attributes: { epsilon: 0.001, momentum: 1, spatial: 1 },
  },
  { operator: 'TopK', opset: 9, shape: [2, 5], attributes: { k: 2 }, outputCount: 2 },
];

const title = ({ operator, opset, shape, attributes = {} }: Case) =>
  `${operator} of ${opset} on [${shape}] ${JSON.stringify(attributes)}`;

describe('a node of an older operator set gives the same in a newer, in ONNX Runtime', () => {
  test.each(cases.map((each) => [title(each), each] as const))('%s', async (_, each) => {
    const graph = graphOf(each);
    const data = createRandom(7).uniformArray(elementCount(each.shape), -1, 1);
    const expected = await runGraph(graph, data, each.shape);
    for (const target of [13, 21] as const) {
      const upgraded = upgradeGraph(graph, target);
      expect(upgraded.opsets.get('')).toBe(Math.max(target, each.opset));
      expect(await runGraph(upgraded, data, each.shape)).toEqual(expected);
    }
  });
});

test('nodes in branches are rewritten', () => {
  const { nodes } = graphOf({ operator: 'Unsqueeze', opset: 11, shape: [3], attributes: { axes: [0] } });
  const graph = graphOf({ operator: 'If', opset: 11, shape: [3] });
  const branch: Graph = { ...graph, inputs: [], nodes };
  const choice = { ...graph.nodes[0], attributes: new Map([['then_branch', branch]]) } as Graph['nodes'][number];
  const upgraded = upgradeGraph({ ...graph, nodes: [choice] }, 13);
  const inner = upgraded.nodes[0]?.attributes.get('then_branch') as Graph;
  const [axes = ''] = inner.nodes[0]?.inputs.slice(1) ?? [];
  expect(upgraded.initializers.get(axes)).toEqual(hostTensor('int64', [1], [0]));
});

test.each([
  ['a normalization of places', { operator: 'BatchNormalization', opset: 7, shape: [1], attributes: { spatial: 0 } }],
  ['a mask that is a float', { operator: 'Dropout', opset: 9, shape: [1], outputCount: 2 }],
  [
    'half pixels of TensorFlow',
    {
      operator: 'Resize',
      opset: 11,
      shape: [1],
      attributes: { coordinate_transformation_mode: 'tf_half_pixel_for_nn' },
    },
  ],
  ['scales of groups', { operator: 'GroupNormalization', opset: 18, shape: [1] }],
])('%s cannot be upgraded', (_, each) => {
  expect(() => upgradeGraph(graphOf(each), 21)).toThrow(UnsupportedOperator);
});
