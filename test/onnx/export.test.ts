import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnsupportedOperator } from '../../src/base/errors.ts';
import type { Attribute, Graph, GraphNode } from '../../src/graph/graph.ts';
import { bitsOf, type ElementType, type HostTensor, hostTensor, integerRange } from '../../src/graph/hostTensor.ts';
import { toOnnx } from '../../src/onnx/export.ts';
import { importOnnx } from '../../src/onnx/import.ts';

const untyped = { elementType: undefined, dimensions: undefined };

function node(
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: [string, Attribute][] = [],
): GraphNode {
  return { name: `${operator} ${outputs[0]}`, domain: '', operator, inputs, outputs, attributes: new Map(attributes) };
}

function graphOf(part: Partial<Graph>): Graph {
  return {
    name: 'graph',
    inputs: [{ name: 'x', elementType: 'float32', dimensions: ['n', 3, undefined] }],
    outputs: [{ name: 'y', elementType: 'float32', dimensions: ['n', undefined, 4] }],
    nodes: [node('Relu', ['x'], ['y'])],
    initializers: new Map(),
    opsets: new Map([['', 21]]),
    ...part,
  };
}

const elementTypes = [
  ...(['float32', 'float64', 'float16', 'int64', 'int32', 'int16', 'int8', 'int4', 'int2'] as const),
  ...(['uint64', 'uint32', 'uint16', 'uint8', 'uint4', 'uint2', 'bool'] as const),
];

/** Elements of a type, its ends among them. */
function elements(elementType: ElementType): fc.Arbitrary<number> {
  const [least, greatest] = integerRange(elementType) ?? [];
  if (least !== undefined && greatest !== undefined)
    return fc.maxSafeInteger().map((n) => Math.min(Math.max(n % (greatest + 1), least), greatest));
  if (elementType === 'float16') return fc.integer({ min: -2048, max: 2048 }).map((n) => n / 64);
  return bitsOf(elementType) === 64 ? fc.double({ noNaN: true }) : fc.float({ noNaN: true });
}

const tensors: fc.Arbitrary<HostTensor> = fc.constantFrom(...elementTypes).chain((type) =>
  fc.tuple(fc.nat(5), fc.nat(3)).chain(([rows, columns]) => {
    const size = rows * columns;
    return fc
      .array(elements(type), { minLength: size, maxLength: size })
      .map((data) => hostTensor(type, [rows, columns], data));
  }),
);

describe('a graph that is written and read again', () => {
  test('has the same constants, of every element type', () => {
    fc.assert(
      fc.property(fc.array(tensors, { maxLength: 6 }), (constants) => {
        const initializers = new Map(constants.map((tensor, index) => [`c${index}`, tensor]));
        expect(importOnnx(toOnnx(graphOf({ initializers }))).initializers).toEqual(initializers);
      }),
    );
  });

  test('has the same nodes, attributes, inputs, outputs and operator sets', () => {
    const attributes: [string, Attribute][] = [
      ['axis', -1],
      ['alpha', 1],
      ['mode', 'constant'],
      ['pads', [0, 1, 2]],
      ['scales', [1, 2, 0.5]],
      ['activations', ['Tanh', 'Relu']],
      ['table', hostTensor('uint8', [3], [1, 2, 255])],
    ];
    const graph = graphOf({
      nodes: [
        node('Gather', ['x', '', 'w'], ['y', '', 'z'], attributes),
        { ...node('FusedConv', ['z'], ['u']), domain: 'com.microsoft' },
      ],
      initializers: new Map([['w', hostTensor('int64', [], [2])]]),
      opsets: new Map([
        ['', 13],
        ['com.microsoft', 1],
      ]),
      outputs: [
        { name: 'y', ...untyped },
        { name: 'u', elementType: 'int8', dimensions: [] },
      ],
    });
    expect(importOnnx(toOnnx(graph))).toEqual(graph);
  });

  test('has the same branches, which use values around them', () => {
    const branch = (name: string, nodes: GraphNode[]): Graph => ({
      ...graphOf({ nodes, inputs: [] }),
      name,
      outputs: [{ name: 'y', ...untyped }],
    });
    const choice = node(
      'If',
      ['c'],
      ['y'],
      [
        ['then_branch', branch('then', [node('Relu', ['x'], ['t']), node('Neg', ['t'], ['y'])])],
        ['else_branch', branch('else', [node('Abs', ['x'], ['y'])])],
      ],
    );
    const graph = graphOf({
      nodes: [choice],
      inputs: [
        { name: 'c', elementType: 'bool', dimensions: [] },
        { name: 'x', elementType: 'float32', dimensions: [2] },
      ],
    });
    expect(importOnnx(toOnnx(graph))).toEqual(graph);
  });
});

test("Cuanta's own operators are refused", () => {
  const own = { ...node('Lookup', ['x'], ['y']), domain: 'cuanta' };
  expect(() => toOnnx(graphOf({ nodes: [own] }))).toThrow(UnsupportedOperator);
});
