import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type TensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { InvalidInput, LimitExceeded, MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { importOnnx } from '../../src/onnx/import.ts';
import { type AttributeInit, type GraphInit, graphAttribute, modelBytes, node, value } from '../support/onnxBytes.ts';

type TensorInit = Exclude<MessageInitShape<typeof TensorProtoSchema>, { $typeName: string }>;

const relu = node('Relu', ['x'], ['y']);
const plain: GraphInit = { input: [value('x')], output: [value('y')], node: [relu] };

function imported(graph: GraphInit, options = {}): Graph {
  return importOnnx(modelBytes(graph), options);
}

function tensor(init: TensorInit, options = {}) {
  const initializer = { name: 'w', dims: [3n], ...init };
  const graph = imported({ ...plain, initializer: [initializer] }, options);
  const found = graph.initializers.get('w');
  return { elementType: found?.elementType, shape: found?.shape, values: [...(found?.data ?? [])], kind: found?.data };
}

const bytesOf = (array: ArrayBufferView<ArrayBuffer>) => new Uint8Array(array.buffer);

describe('a graph', () => {
  test('has inputs without the initializers, outputs, nodes and operator sets', () => {
    const initializer = [{ name: 'w', dims: [2n], dataType: DataType.FLOAT, floatData: [1, 2] }];
    const graph = imported({
      input: [value('x', ['n', 3, -1]), value('w')],
      output: [value('y', ['n', 2])],
      initializer,
      node: [node('Add', ['x', 'w'], ['y'])],
    });
    expect(graph.inputs).toEqual([{ name: 'x', elementType: 'float32', dimensions: ['n', 3, undefined] }]);
    expect(graph.outputs).toEqual([{ name: 'y', elementType: 'float32', dimensions: ['n', 2] }]);
    expect(graph.nodes).toEqual([
      { name: 'Add-y', domain: '', operator: 'Add', inputs: ['x', 'w'], outputs: ['y'], attributes: new Map() },
    ]);
    expect([...graph.initializers.keys()]).toEqual(['w']);
    expect(graph.opsets).toEqual(new Map([['', 17]]));
  });

  test('nodes come after what they read, otherwise in the order of the file', () => {
    const graph = imported({
      input: [value('x')],
      output: [value('d')],
      node: [
        node('Add', ['c', 'b'], ['d']),
        node('Abs', ['x'], ['a']),
        node('Exp', ['a'], ['b']),
        node('Neg', ['x'], ['c']),
      ],
    });
    expect(graph.nodes.map(({ operator }) => operator)).toEqual(['Neg', 'Abs', 'Exp', 'Add']);
  });

  test('nodes get names of their own', () => {
    const unnamed = { opType: 'Relu', input: ['x'] };
    const graph = imported({
      ...plain,
      node: [
        { ...unnamed, output: ['y'] },
        { ...unnamed, output: ['z'] },
        { ...unnamed, name: 'Relu', output: ['u'] },
      ],
    });
    expect(graph.nodes.map(({ name }) => name)).toEqual(['Relu', 'Relu_1', 'Relu_2']);
  });

  test('the domain of ONNX has two spellings', () => {
    const graph = importOnnx(
      modelBytes({ ...plain, node: [{ ...relu, domain: 'ai.onnx' }] } as GraphInit, {
        opsetImport: [
          { domain: 'ai.onnx', version: 25n },
          { domain: 'com.microsoft', version: 1n },
        ],
      }),
    );
    expect(graph.nodes[0]?.domain).toBe('');
    expect(graph.opsets).toEqual(new Map(Object.entries({ '': 25, 'com.microsoft': 1 })));
  });
});

describe('tensors', () => {
  test.each<[string, TensorInit, number[]]>([
    ['float32', { dataType: DataType.FLOAT, floatData: [1.5, -2, 3] }, [1.5, -2, 3]],
    ['float64', { dataType: DataType.DOUBLE, doubleData: [0.1, 2, 3] }, [0.1, 2, 3]],
    ['float16', { dataType: DataType.FLOAT16, int32Data: [0x3c00, 0xc000, 0x7bff] }, [1, -2, 65504]],
    ['float32', { dataType: DataType.BFLOAT16, int32Data: [0x3f80, 0xc000, 0x0001] }, [1, -2, 2 ** -133]],
    ['int64', { dataType: DataType.INT64, int64Data: [-(2n ** 53n) + 1n, 0n, 7n] }, [-(2 ** 53) + 1, 0, 7]],
    ['int32', { dataType: DataType.INT32, int32Data: [-(2 ** 31), 0, 7] }, [-(2 ** 31), 0, 7]],
    ['int16', { dataType: DataType.INT16, int32Data: [-32768, 0, 32767] }, [-32768, 0, 32767]],
    ['int8', { dataType: DataType.INT8, int32Data: [-128, 0, 127] }, [-128, 0, 127]],
    ['int4', { dataType: DataType.INT4, int32Data: [0x8f, 0x07] }, [-1, -8, 7]],
    ['int2', { dataType: DataType.INT2, int32Data: [0b01_10_11] }, [-1, -2, 1]],
    ['uint64', { dataType: DataType.UINT64, uint64Data: [0n, 1n, 2n ** 53n - 1n] }, [0, 1, 2 ** 53 - 1]],
    ['uint32', { dataType: DataType.UINT32, uint64Data: [0n, 1n, 2n ** 32n - 1n] }, [0, 1, 2 ** 32 - 1]],
    ['uint16', { dataType: DataType.UINT16, int32Data: [0, 1, 65535] }, [0, 1, 65535]],
    ['uint8', { dataType: DataType.UINT8, int32Data: [0, 1, 255] }, [0, 1, 255]],
    ['uint4', { dataType: DataType.UINT4, int32Data: [0x8f, 0x07] }, [15, 8, 7]],
    ['uint2', { dataType: DataType.UINT2, int32Data: [0b01_10_11] }, [3, 2, 1]],
    ['bool', { dataType: DataType.BOOL, int32Data: [1, 0, 1] }, [1, 0, 1]],
  ])('%s as numbers', (elementType, init, values) => {
    expect(tensor(init)).toMatchObject({ elementType, shape: [3], values });
  });

  test.each([
    ['float32', DataType.FLOAT, Float32Array.of(1.5, -2, Number.NaN), [1.5, -2, Number.NaN]],
    ['float64', DataType.DOUBLE, Float64Array.of(0.1, 2, 3), [0.1, 2, 3]],
    ['float16', DataType.FLOAT16, Uint16Array.of(0x3c00, 0xc000, 0x7c00), [1, -2, Number.POSITIVE_INFINITY]],
    ['float32', DataType.BFLOAT16, Uint16Array.of(0x3f80, 0xc000, 0x4049), [1, -2, 3.140625]],
    ['int64', DataType.INT64, BigInt64Array.of(-5n, 0n, 2n ** 53n - 1n), [-5, 0, 2 ** 53 - 1]],
    ['int32', DataType.INT32, Int32Array.of(-(2 ** 31), 0, 7), [-(2 ** 31), 0, 7]],
    ['int16', DataType.INT16, Int16Array.of(-32768, 0, 7), [-32768, 0, 7]],
    ['int8', DataType.INT8, Int8Array.of(-128, 0, 7), [-128, 0, 7]],
    ['int4', DataType.INT4, Uint8Array.of(0x8f, 0x07), [-1, -8, 7]],
    ['int2', DataType.INT2, Uint8Array.of(0b01_10_11), [-1, -2, 1]],
    ['uint64', DataType.UINT64, BigUint64Array.of(1n, 2n, 3n), [1, 2, 3]],
    ['uint32', DataType.UINT32, Uint32Array.of(1, 2, 2 ** 32 - 1), [1, 2, 2 ** 32 - 1]],
    ['uint16', DataType.UINT16, Uint16Array.of(1, 2, 65535), [1, 2, 65535]],
    ['uint8', DataType.UINT8, Uint8Array.of(1, 2, 255), [1, 2, 255]],
    ['uint4', DataType.UINT4, Uint8Array.of(0x8f, 0x07), [15, 8, 7]],
    ['uint2', DataType.UINT2, Uint8Array.of(0b01_10_11), [3, 2, 1]],
    ['bool', DataType.BOOL, Uint8Array.of(1, 0, 255), [1, 0, 1]],
  ] as const)('%s as bytes', (elementType, dataType, array, values) => {
    expect(tensor({ dataType, rawData: bytesOf(array) })).toMatchObject({ elementType, shape: [3], values });
  });

  test('a scalar, and a tensor without elements', () => {
    expect(tensor({ dims: [], dataType: DataType.INT32, int32Data: [9] })).toMatchObject({ shape: [], values: [9] });
    const empty = { dims: [2n ** 40n, 0n, 2n ** 40n], dataType: DataType.FLOAT, rawData: new Uint8Array() };
    expect(tensor(empty)).toMatchObject({ shape: [2 ** 40, 0, 2 ** 40], values: [] });
  });

  test('the ends of int64 stand for as far as possible', () => {
    const int64Data = [2n ** 63n - 1n, -(2n ** 63n), -(2n ** 63n) + 1n];
    const { values } = tensor({ dataType: DataType.INT64, int64Data });
    expect(values).toEqual([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);
  });

  test.each([
    ['integers beyond the safe ones', { dataType: DataType.INT64, int64Data: [2n ** 53n, 0n, 0n] }, LimitExceeded],
    ['unsigned integers beyond', { dataType: DataType.UINT64, uint64Data: [2n ** 64n - 1n, 0n, 0n] }, LimitExceeded],
    ['too few numbers', { dataType: DataType.FLOAT, floatData: [1, 2] }, MalformedModel],
    ['too many bytes', { dataType: DataType.FLOAT, rawData: new Uint8Array(13) }, MalformedModel],
    ['numbers of another type', { dataType: DataType.FLOAT, int32Data: [1, 2, 3] }, MalformedModel],
    ['a number out of range', { dataType: DataType.INT8, int32Data: [1, 2, 128] }, MalformedModel],
    ['a negative dimension', { dims: [-3n], dataType: DataType.INT8, int32Data: [1, 2, 3] }, MalformedModel],
    ['huge dimensions', { dims: [2n ** 31n, 2n ** 31n], dataType: DataType.FLOAT }, MalformedModel],
    ['a dimension beyond any', { dims: [2n ** 63n - 1n], dataType: DataType.FLOAT }, MalformedModel],
    ['a thousand dimensions', { dims: Array(1000).fill(1n), dataType: DataType.FLOAT, floatData: [1] }, MalformedModel],
    ['no type', { dataType: DataType.UNDEFINED }, MalformedModel],
    ['a type that there is not', { dataType: 99 }, MalformedModel],
    ['texts', { dataType: DataType.STRING, stringData: [new Uint8Array(1)] }, UnsupportedOperator],
    ['complex numbers', { dataType: DataType.COMPLEX64, floatData: [1, 2, 3, 4, 5, 6] }, UnsupportedOperator],
    ['segments', { dataType: DataType.FLOAT, segment: { begin: 0n, end: 3n } }, UnsupportedOperator],
  ] as const)('%s', (_what, init, expected) => {
    expect(() => tensor(init as TensorInit)).toThrow(expected);
  });
});

describe('external data', () => {
  const file = bytesOf(Float32Array.of(0, 1, 2, 3, 4));
  const external = (entries: Record<string, string>): TensorInit => ({
    dataType: DataType.FLOAT,
    dataLocation: DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
  });

  test('is taken from the bytes that are given', () => {
    const init = external({ location: 'weights.bin', offset: '4', length: '12' });
    expect(tensor(init, { externalData: { 'weights.bin': file } }).values).toEqual([1, 2, 3]);
    const toTheEnd = external({ location: 'weights.bin', offset: '8' });
    expect(tensor(toTheEnd, { externalData: { 'weights.bin': file } }).values).toEqual([2, 3, 4]);
  });

  test.each([
    ['not given', { location: 'toString' }, InvalidInput, /file "toString", which was not given/],
    ['of no file', { offset: '4' }, MalformedModel, /does not say in which/],
    ['beyond the file', { location: 'weights.bin', offset: '12', length: '12' }, MalformedModel, /bytes 12 to 24/],
    ['of another size', { location: 'weights.bin', length: '8' }, MalformedModel, /takes 12 bytes/],
    ['at a negative offset', { location: 'weights.bin', offset: '-4' }, MalformedModel, /offset "-4"/],
  ] as const)('%s', (_what, entries, expected, message) => {
    const init = external(entries);
    expect(() => tensor(init, { externalData: { 'weights.bin': file } })).toThrow(expected);
    expect(() => tensor(init, { externalData: { 'weights.bin': file } })).toThrow(message);
  });
});

describe('attributes', () => {
  const withAttribute = (attribute: AttributeInit) =>
    imported({ ...plain, node: [node('Relu', ['x'], ['y'], [attribute])] }).nodes[0]?.attributes.get('a');
  const text = (string: string) => new TextEncoder().encode(string);

  test.each([
    ['float', { type: AttributeType.FLOAT, f: 0.5 }, 0.5],
    ['integer', { type: AttributeType.INT, i: -7n }, -7],
    ['text', { type: AttributeType.STRING, s: text('é') }, 'é'],
    ['floats', { type: AttributeType.FLOATS, floats: [1, 2] }, [1, 2]],
    ['integers', { type: AttributeType.INTS, ints: [1n, -2n] }, [1, -2]],
    ['no integers', { type: AttributeType.INTS }, []],
    ['a zero that was left out', { type: AttributeType.INT }, 0],
    ['texts', { type: AttributeType.STRINGS, strings: [text('a'), text('')] }, ['a', '']],
    ['without a type, as before 2018', { ints: [4n] }, [4]],
  ] as const)('%s', (_what, init, expected) => {
    expect(withAttribute({ name: 'a', ...init } as AttributeInit)).toEqual(expected);
  });

  test('a tensor', () => {
    const t = { dims: [], dataType: DataType.INT8, int32Data: [3] };
    expect(withAttribute({ name: 'a', type: AttributeType.TENSOR, t })).toMatchObject({
      elementType: 'int8',
      shape: [],
    });
  });

  test.each([
    ['of a type that its content is not of', { type: AttributeType.FLOAT, i: 1n }, MalformedModel],
    ['of no type and with nothing in it', {}, MalformedModel],
    ['of no type and with two contents', { i: 1n, f: 1 }, MalformedModel],
    ['that refers to a function', { type: AttributeType.INT, refAttrName: 'b' }, MalformedModel],
    ['of a sparse tensor', { type: AttributeType.SPARSE_TENSOR, sparseTensor: {} }, UnsupportedOperator],
    ['of several graphs', { type: AttributeType.GRAPHS, graphs: [] }, UnsupportedOperator],
    ['with a huge integer', { type: AttributeType.INT, i: 2n ** 60n }, LimitExceeded],
  ] as const)('%s', (_what, init, expected) => {
    expect(() => withAttribute({ name: 'a', ...init } as AttributeInit)).toThrow(expected);
  });
});

describe('Constant nodes', () => {
  const constant = (attribute: AttributeInit[]) =>
    imported({ ...plain, node: [relu, node('Constant', [], ['c'], attribute)] });

  test.each([
    [
      'value_float',
      { type: AttributeType.FLOAT, f: 0.5 },
      { elementType: 'float32', shape: [], data: Float32Array.of(0.5) },
    ],
    ['value_int', { type: AttributeType.INT, i: 5n }, { elementType: 'int64', shape: [], data: Float64Array.of(5) }],
    [
      'value_floats',
      { type: AttributeType.FLOATS, floats: [1, 2] },
      { elementType: 'float32', shape: [2], data: Float32Array.of(1, 2) },
    ],
    ['value_ints', { type: AttributeType.INTS }, { elementType: 'int64', shape: [0], data: new Float64Array() }],
    [
      'value',
      { type: AttributeType.TENSOR, t: { dims: [1n], dataType: DataType.BOOL, int32Data: [1] } },
      { elementType: 'bool', shape: [1], data: Uint8Array.of(1) },
    ],
  ] as const)('%s', (name, init, expected) => {
    const graph = constant([{ name, ...init } as AttributeInit]);
    expect(graph.initializers.get('c')).toEqual(expected);
    expect(graph.nodes).toHaveLength(1);
  });

  test.each([
    ['no value', [], MalformedModel],
    ['two values', ['value_int', 'value_float'], MalformedModel],
    ['another attribute', ['axis'], MalformedModel],
    ['a text', ['value_string'], UnsupportedOperator],
  ] as const)('%s', (_what, names, expected) => {
    expect(() => constant(names.map((name) => ({ name, type: AttributeType.INT, i: 1n })))).toThrow(expected);
  });
});

describe('If', () => {
  const flag = (name: string, on: boolean) => ({ name, dims: [], dataType: DataType.BOOL, int32Data: [on ? 1 : 0] });
  const thenBranch: GraphInit = {
    name: 'then',
    initializer: [{ name: 'k', dims: [1n], dataType: DataType.FLOAT, floatData: [1] }],
    node: [node('Add', ['x', 'k'], ['inner']), node('Exp', ['inner'], ['r'])],
    output: [value('r'), value('inner')],
  };
  const elseBranch: GraphInit = {
    name: 'else',
    initializer: [{ name: 'k', dims: [1n], dataType: DataType.FLOAT, floatData: [2] }],
    node: [node('Mul', ['x', 'k'], ['inner'])],
    output: [value('x'), value('k')],
  };
  const choice = (more: GraphInit, first: GraphInit = thenBranch): GraphInit => ({
    input: [value('x')],
    output: [value('y'), value('z')],
    node: [
      node('If', ['c'], ['y', 'z'], [graphAttribute('then_branch', first), graphAttribute('else_branch', elseBranch)]),
    ],
    ...more,
  });

  test('with a true constant becomes the nodes of its first branch', () => {
    const graph = imported(choice({ initializer: [flag('c', true)] }));
    expect(graph.nodes.map(({ operator, inputs, outputs }) => [operator, ...inputs, ...outputs])).toEqual([
      ['Add', 'x', 'k', 'z'],
      ['Exp', 'z', 'y'],
    ]);
    expect([...graph.initializers.keys()]).toEqual(['c', 'k']);
  });

  test('with a false constant copies what the second branch does not make', () => {
    const graph = imported(choice({ initializer: [flag('c', false)] }));
    expect(graph.nodes.map(({ operator, inputs, outputs }) => [operator, ...inputs, ...outputs])).toEqual([
      ['Mul', 'x', 'k', 'inner'],
      ['Identity', 'x', 'y'],
      ['Identity', 'k', 'z'],
    ]);
  });

  test('with a condition to be computed keeps both, their names apart and their constants in the model', () => {
    const graph = imported(choice({ input: [value('x'), value('c', [], DataType.BOOL)] }));
    const [kept] = graph.nodes;
    expect(graph.initializers.get('k')?.data).toEqual(Float32Array.of(1));
    expect(graph.initializers.get('k_1')?.data).toEqual(Float32Array.of(2));
    const branches = [kept?.attributes.get('then_branch'), kept?.attributes.get('else_branch')] as Graph[];
    expect(branches.map(({ outputs }) => outputs.map(({ name }) => name))).toEqual([
      ['y', 'z'],
      ['y', 'z'],
    ]);
    expect(branches[1]?.nodes[0]).toMatchObject({ inputs: ['x', 'k_1'], outputs: ['inner'] });
  });

  test('waits for what its branches read', () => {
    const graph = choice({ input: [value('u'), value('c', [], DataType.BOOL)] });
    const nodes = [...(graph.node ?? []), node('Relu', ['u'], ['x'])];
    expect(imported({ ...graph, node: nodes }).nodes.map(({ operator }) => operator)).toEqual(['Relu', 'If']);
    const cycle = [...(graph.node ?? []), node('Relu', ['y'], ['x'])];
    expect(() => imported({ ...graph, node: cycle })).toThrow(/wait for one another/);
  });

  test.each([
    [
      'a branch with too few outputs',
      choice({ initializer: [flag('c', true)] }, { ...thenBranch, output: [value('r')] }),
    ],
    ['a branch with inputs', choice({ initializer: [flag('c', true)] }, { ...thenBranch, input: [value('p')] })],
    ['no branches', { ...choice({ initializer: [flag('c', true)] }), node: [node('If', ['c'], ['y', 'z'])] }],
    ['a condition of another type', choice({ initializer: [{ ...flag('c', true), dataType: DataType.INT32 }] })],
    [
      'what the other branch makes',
      choice({ input: [value('x'), value('c')] }, { ...thenBranch, node: [node('Exp', ['x'], ['inner'])] }),
    ],
  ])('%s', (_what, graph) => {
    expect(() => imported(graph)).toThrow(MalformedModel);
  });
});

describe('a model that contradicts itself', () => {
  const add = node('Add', ['x', 'b'], ['a']);
  test.each([
    ['no graph', modelBytes(plain, { graph: undefined } as object), /holds no graph/],
    ['nothing', new Uint8Array(), /holds no graph/],
    ['a cycle', modelBytes({ ...plain, node: [add, node('Relu', ['a'], ['b']), relu] }), /Add-a ← Relu-b ← Add-a/],
    ['a node that reads itself', modelBytes({ ...plain, node: [relu, node('Add', ['s', 'x'], ['s'])] }), /wait/],
    [
      'a name that nothing makes',
      modelBytes({ ...plain, node: [node('Relu', ['u'], ['y'])] }),
      /"u", which is an input/,
    ],
    ['an output that nothing makes', modelBytes({ ...plain, output: [value('u')] }), /"u", which is output 0/],
    ['two makers of a value', modelBytes({ ...plain, node: [relu, relu] }), /makes the value "y" twice/],
    ['an input that a node makes', modelBytes({ ...plain, node: [node('Relu', ['x'], ['x'])] }), /"x" twice/],
    ['two inputs of a name', modelBytes({ ...plain, input: [value('x'), value('x')] }), /"x" twice/],
    ['two outputs of a name', modelBytes({ ...plain, output: [value('y'), value('y')] }), /two outputs/],
    ['an input without a name', modelBytes({ ...plain, input: [value('x'), value('')] }), /no name/],
    ['an input without a type', modelBytes({ ...plain, input: [{ name: 'x' }] }), /no type/],
    ['an input of a negative length', modelBytes({ ...plain, input: [value('x', [-2])] }), /length -2/],
    ['a node without an operator', modelBytes({ ...plain, node: [node('', ['x'], ['y'])] }), /no operator/],
    ['an operator set that is not imported', modelBytes(plain, { opsetImport: [] }), /imports no operator set/],
    [
      'two versions of an operator set',
      modelBytes(plain, { opsetImport: [{ version: 17n }, { domain: 'ai.onnx', version: 18n }] }),
      /two versions/,
    ],
    [
      'an attribute that is given twice',
      modelBytes({
        ...plain,
        node: [
          node(
            'Relu',
            ['x'],
            ['y'],
            [
              { name: 'a', i: 1n },
              { name: 'a', i: 1n },
            ],
          ),
        ],
      }),
      /given twice/,
    ],
  ])('%s', (_what, bytes, message) => {
    expect(() => importOnnx(bytes)).toThrow(MalformedModel);
    expect(() => importOnnx(bytes)).toThrow(message);
  });
});

describe('a model that Cuanta does not read', () => {
  test.each([
    ['opset 6', { opsetImport: [{ version: 6n }] }, /version 6 of the operator set "ai.onnx"; Cuanta knows 7 to 25/],
    ['opset 26', { opsetImport: [{ version: 26n }] }, /version 26/],
    ['a local function', { functions: [{ domain: '', name: 'Relu' }] }, /local function.*inline/],
  ])('%s', (_what, more, message) => {
    expect(() => importOnnx(modelBytes(plain, more))).toThrow(UnsupportedOperator);
    expect(() => importOnnx(modelBytes(plain, more))).toThrow(message);
  });

  test('a sparse initializer', () => {
    expect(() => imported({ ...plain, sparseInitializer: [{}] })).toThrow(UnsupportedOperator);
  });

  test('a sequence', () => {
    const sequence = { name: 'x', type: { value: { case: 'sequenceType' as const, value: {} } } };
    expect(() => imported({ ...plain, input: [sequence] })).toThrow(/sequenceType/);
  });
});
