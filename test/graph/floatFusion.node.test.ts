import { describe, expect, it } from 'vitest';
import type { Attribute, Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { optimize } from '../../src/graph/optimize.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { createRandom } from '../reference/random.ts';
import { evaluateGraph } from '../support/evaluateGraph.ts';

type Line = readonly [
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes?: Readonly<Record<string, Attribute>>,
];

const random = createRandom(11);
const normal = (...shape: number[]): HostTensor =>
  hostTensor('float32', shape, random.normalArray(shape.reduce((product, length) => product * length, 1)));
const positive = (...shape: number[]): HostTensor => {
  const { data } = normal(...shape);
  return hostTensor(
    'float32',
    shape,
    data.map((value) => value * value + 0.5),
  );
};
const number = (value: number, ...shape: number[]): HostTensor => hostTensor('float32', shape, [value]);

const constants: Readonly<Record<string, HostTensor>> = {
  w: normal(6, 4, 3, 3),
  grouped: normal(6, 2, 3, 3),
  wt: normal(4, 3, 2, 2),
  b: normal(6),
  gamma: normal(6),
  beta: normal(6),
  mean: normal(6),
  variance: positive(6),
  channel: normal(6, 1, 1),
  channels4: normal(1, 6, 1, 1),
  row: normal(5),
  row2: normal(5),
  channels4x4: normal(1, 4, 1, 1),
  lengths: hostTensor('int64', [3], [8, 5, 5]),
  last: hostTensor('int64', [1], [-1]),
  lastTwo: hostTensor('int64', [2], [-2, -1]),
  axis2: hostTensor('int64', [1], [2]),
  axis3: hostTensor('int64', [1], [3]),
  high: number(2, 1, 1, 1, 1, 1),
  ...{
    half: number(0.5),
    one: number(1),
    three: number(3, 1),
    six: number(6),
    zero: number(0),
    root: number(Math.SQRT2),
  },
  ...{ two: number(2), minus: number(-1.5, 1) },
};

/** A graph of lines, from x of this shape to its outputs. */
function graphOf(lines: readonly Line[], outputs: readonly string[]): Graph {
  const nodes: GraphNode[] = lines.map(([operator, inputs, output, attributes = {}]) => ({
    ...{ name: `make ${output}`, domain: '', operator, inputs, outputs: [output] },
    attributes: new Map(Object.entries(attributes)),
  }));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  return {
    name: 'graph',
    inputs: [{ name: 'x', elementType: 'float32', dimensions: undefined }],
    outputs: outputs.map((name) => ({ name, elementType: undefined, dimensions: undefined })),
    nodes,
    initializers: new Map(Object.entries(constants).filter(([name]) => used.has(name))),
    opsets: new Map([['', 21]]),
  };
}

/** Optimizes, compares what both compute, and gives the operators that are left. */
function optimized(lines: readonly Line[], outputs: readonly string[] = ['y'], x = normal(2, 4, 5, 5)): string[] {
  const graph = graphOf(lines, outputs);
  const result = optimize(graph, operators);
  const [before, after] = [graph, result].map((which) => evaluateGraph(which, operators, { x }));
  before?.forEach((wanted, output) => {
    const found = after?.[output];
    expect(found?.shape).toEqual(wanted?.shape);
    wanted?.data.forEach((value, index) => {
      if (Object.is(found?.data[index], value)) return;
      // A few roundings to float32 of sums of some 40 products of normal numbers.
      expect(Math.abs((found?.data[index] ?? Number.NaN) - value)).toBeLessThan(2e-5 * (Math.abs(value) + 10));
    });
  });
  return result.nodes.map(({ operator }) => operator);
}

const conv: Line = ['Conv', ['x', 'w', 'b'], 'c', { pads: [1, 1, 1, 1] }];
const statistics = ['gamma', 'beta', 'mean', 'variance'];

describe('what follows a convolution is folded into its weights', () => {
  it.each<[string, readonly Line[]]>([
    [
      'a normalization',
      [
        ['Conv', ['x', 'w'], 'c'],
        ['BatchNormalization', ['c', ...statistics], 'y', { epsilon: 0.01 }],
      ],
    ],
    ['a factor and a summand', [conv, ['Mul', ['half', 'c'], 'd'], ['Add', ['d', 'channels4'], 'y']]],
    ['a difference from either side', [conv, ['Sub', ['c', 'three'], 'd'], ['Sub', ['channel', 'd'], 'y']]],
    ['a quotient', [conv, ['Div', ['c', 'channel'], 'y']]],
  ])('%s', (_, lines) => {
    expect(optimized(lines)).toEqual(['Conv']);
  });

  it('groups and transposed groups have their own channels', () => {
    const group = { group: 2 };
    const transposed: Line = ['ConvTranspose', ['x', 'wt'], 'c', { ...group, strides: [2, 2] }];
    const after: readonly Line[] = [['Mul', ['c', 'channel'], 'y']];
    expect(optimized([transposed, ...after])).toEqual(['ConvTranspose']);
    expect(optimized([['Conv', ['x', 'grouped'], 'c', group], ...after])).toEqual(['Conv']);
  });

  it.each<[string, readonly Line[]]>([
    ['a row', [conv, ['Mul', ['c', 'row'], 'y']]],
    ['a quotient by the result', [conv, ['Div', ['six', 'c'], 'y']]],
    ['a constant of more axes', [conv, ['Mul', ['c', 'high'], 'y']]],
    ['something that is read elsewhere, too', [conv, ['Mul', ['c', 'channel'], 'd'], ['Sub', ['d', 'c'], 'y']]],
  ])('but not %s', (_, lines) => {
    expect(optimized(lines)).toEqual(lines.map(([operator]) => operator));
  });
});

const spelledHardSwish = (x: string, y: string): readonly Line[] => [
  ['Add', [x, 'three'], 'p'],
  ['Clip', ['p', 'zero', 'six'], 'q'],
  ['Mul', [x, 'q'], 'r'],
  ['Div', ['r', 'six'], y],
];
const spelledGelu = (x: string, y: string): readonly Line[] => [
  ['Div', [x, 'root'], 'p'],
  ['Erf', ['p'], 'q'],
  ['Add', ['q', 'one'], 'r'],
  ['Mul', [x, 'r'], 's'],
  ['Mul', ['s', 'half'], y],
];
const chains: readonly [string, (x: string, y: string) => readonly Line[]][] = [
  ['HardSwish, spelled', spelledHardSwish],
  [
    'HardSwish by HardSigmoid',
    (x, y) => [
      ['HardSigmoid', [x], 'p', { alpha: 1 / 6 }],
      ['Mul', ['p', x], y],
    ],
  ],
  [
    'HardSwish and a linear function',
    (x, y) => [
      ['HardSwish', [x], 'p'],
      ['Mul', ['p', 'minus'], 'q'],
      ['Add', ['two', 'q'], y],
    ],
  ],
  [
    'Swish, spelled',
    (x, y) => [
      ['Mul', [x, 'two'], 'p'],
      ['Sigmoid', ['p'], 'q'],
      ['Mul', [x, 'q'], y],
    ],
  ],
  [
    'Swish of the negative',
    (x, y) => [
      ['Mul', [x, 'minus'], 'p'],
      ['Swish', ['p'], y, { alpha: 1.5 }],
    ],
  ],
  ['Gelu, spelled', spelledGelu],
  [
    'Gelu times something',
    (x, y) => [
      ['Gelu', [x], 'p'],
      ['Mul', ['p', 'minus'], y],
    ],
  ],
  [
    'Tanh between linear functions',
    (x, y) => [
      ['Add', [x, 'half'], 'p'],
      ['Tanh', ['p'], 'q'],
      ['Sub', ['one', 'q'], y],
    ],
  ],
  [
    'bounds after bounds',
    (x, y) => [
      ['Relu', [x], 'p'],
      ['Sub', ['one', 'p'], 'q'],
      ['Clip', ['q', 'minus', 'half'], y],
    ],
  ],
  [
    'bounds in the wrong order',
    (x, y) => [
      ['Neg', [x], 'p'],
      ['Clip', ['p', 'two', 'half'], 'q'],
      ['Add', ['q', 'one'], y],
    ],
  ],
  [
    'a square',
    (x, y) => [
      ['Add', [x, 'one'], 'p'],
      ['Mul', [x, 'p'], y],
    ],
  ],
];

describe('chains of elementwise nodes become one function', () => {
  it.each(chains)('%s', (_, chain) => {
    expect(optimized([conv, ...chain('c', 'y')])).toEqual(['FusedConv']);
    expect(optimized([['Abs', ['x'], 'a'], ...chain('a', 'y')])).toEqual(['Abs', 'FusedElementwise']);
    expect(optimized(chain('x', 'y'))).toEqual(['FusedElementwise']);
  });

  it('a transposed convolution as well, and as far as nobody else reads', () => {
    const transposed: Line = ['ConvTranspose', ['x', 'wt'], 'c'];
    expect(optimized([transposed, ['Relu', ['c'], 'd'], ['Sigmoid', ['d'], 'y']])).toEqual([
      'FusedConvTranspose',
      'Sigmoid',
    ]);
    expect(optimized([conv, ['Relu', ['c'], 'd'], ['Clip', ['d', 'zero', 'six'], 'y']], ['y', 'd'])).toEqual([
      'FusedConv',
      'Clip',
    ]);
    expect(optimized([conv, ['Relu', ['c'], 'y']], ['y', 'c'])).toEqual(['Conv', 'Relu']);
  });

  it('constants of more axes than the value give the result theirs', () => {
    const lines: readonly Line[] = [
      ['Mul', ['x', 'high'], 'p'],
      ['Relu', ['p'], 'y'],
    ];
    expect(optimized(lines, ['y'], normal(3))).toEqual(['FusedElementwise']);
  });

  it.each<[string, readonly Line[]]>([
    [
      'a smooth function of another',
      [
        ['Tanh', ['x'], 'p'],
        ['Sigmoid', ['p'], 'y'],
      ],
    ],
    [
      'a product of two that have offsets',
      [
        ['Add', ['x', 'one'], 'p'],
        ['Mul', ['p', 'p'], 'y'],
      ],
    ],
    [
      'a factor of zero',
      [
        ['Mul', ['x', 'zero'], 'p'],
        ['Sigmoid', ['p'], 'y'],
      ],
    ],
    [
      'a quotient by zero',
      [
        ['Sigmoid', ['x'], 'p'],
        ['Div', ['p', 'zero'], 'y'],
      ],
    ],
    [
      'a clip whose bound is computed',
      [
        ['ReduceMax', ['x'], 'm', { keepdims: 0 }],
        ['Clip', ['x', 'zero', 'm'], 'y'],
      ],
    ],
    [
      'what might be integers',
      [
        ['Relu', ['x'], 'p'],
        ['Neg', ['p'], 'y'],
      ],
    ],
  ])('but not %s', (_, lines) => {
    expect(optimized(lines)).toEqual(lines.map(([operator]) => operator));
  });
});

/** As exporters spell it, with the mean along these axes; `square` and `sum` make what is squared and the result. */
const spelledLayerNormalization = (
  axes: 'last' | 'axis2' | 'axis3' | 'lastTwo',
  square: Line = ['Pow', ['d', 'two'], 'p'],
  sum: Line = ['Add', ['s', 'row2'], 'y'],
): readonly Line[] => [
  ['ReduceMean', ['x', axes], 'm'],
  ['Sub', ['x', 'm'], 'd'],
  square,
  ['ReduceMean', ['p', axes], 'v'],
  ['Add', ['v', 'half'], 'e'],
  ['Sqrt', ['e'], 'r'],
  ['Div', ['d', 'r'], 'q'],
  ['Mul', ['row', 'q'], 's'],
  sum,
];

describe('layer normalization becomes one node', () => {
  it.each<[string, readonly Line[]]>([
    ['as PyTorch spells it', spelledLayerNormalization('last')],
    ['with a product for the square', spelledLayerNormalization('last', ['Mul', ['d', 'd'], 'p'])],
    ['with the bias first', spelledLayerNormalization('last', undefined, ['Add', ['row2', 's'], 'y'])],
  ])('%s', (_, lines) => {
    expect(optimized(lines)).toEqual(['LayerNormalization']);
  });

  it('with axes as an attribute, as before version 18', () => {
    const lines = spelledLayerNormalization('last').map(([operator, inputs, output]): Line => {
      return operator === 'ReduceMean'
        ? [operator, inputs.slice(0, 1), output, { axes: [-1] }]
        : [operator, inputs, output];
    });
    const operatorsAt = (version: number) =>
      optimize({ ...graphOf(lines, ['y']), opsets: new Map([['', version]]) }, operators).nodes.length;
    expect(operatorsAt(17)).toBe(1);
    expect(operatorsAt(18)).toBe(lines.length);
  });

  it('behind a value of known rank, with the axis counted from the front', () => {
    const before: Line = ['Reshape', ['given', 'lengths'], 'x'];
    const graph = graphOf([before, ...spelledLayerNormalization('axis2')], ['y']);
    const renamed = { ...graph, inputs: graph.inputs.map((input) => ({ ...input, name: 'given' })) };
    expect(optimize(renamed, operators).nodes.map(({ operator }) => operator)).toEqual([
      'Reshape',
      'LayerNormalization',
    ]);
  });

  it.each<[string, readonly Line[], (readonly string[])?]>([
    ['along an axis that may not be the last', spelledLayerNormalization('axis3')],
    ['along two axes', spelledLayerNormalization('lastTwo')],
    ['of the wrong power', spelledLayerNormalization('last', ['Pow', ['d', 'three'], 'p'])],
    ['with a bias for each channel', spelledLayerNormalization('last', undefined, ['Add', ['s', 'channels4x4'], 'y'])],
    ['whose inner value is given out', spelledLayerNormalization('last'), ['y', 'd']],
    ['whose inner value is read elsewhere', [...spelledLayerNormalization('last'), ['Neg', ['q'], 'n']], ['y', 'n']],
  ])('but not %s', (_, lines, outputs) => {
    expect(optimized(lines, outputs)).toHaveLength(lines.length);
  });
});
