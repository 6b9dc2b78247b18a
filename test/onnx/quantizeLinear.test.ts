import { describe, expect, it } from 'vitest';
import { InvalidInput, InvalidQuantization, MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { NodeContext, type Operator, OperatorTable } from '../../src/graph/operator.ts';
import { DequantizeLinear, DynamicQuantizeLinear, QuantizeLinear } from '../../src/onnx/operators/quantizeLinear.ts';
import { toyNode } from '../graph/toyOperators.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, type NodeCase, oneNodeGraph, runNode } from '../support/oneNode.ts';
import { expectOnGpu } from './nodeCases.ts';
import { narrowCases, quantizeCases } from './quantizeCases.ts';

const open = useEngine();
const floats = (shape: number[], values: number[]) => hostTensor('float32', shape, values);
const dataOf = (nodeCase: NodeCase) => Array.from(evaluateNode(nodeCase)[0]?.data ?? []);

describe('on the GPU as by definition', () => {
  it('QuantizeLinear and DequantizeLinear of every type, DynamicQuantizeLinear', async () => {
    const engine = await open();
    const before = engine.memory.live;
    // Codes of 8 bits and wider that are all known are computed on the CPU: the narrow ones here are not.
    const onGpu = [...quantizeCases, ...narrowCases].filter(({ constants }) => !constants?.includes(0));
    for (const nodeCase of onGpu) await expectOnGpu(engine, nodeCase);
    expect(engine.memory.live).toBe(before);
  });

  it('takes halves and int32 and empty tensors', async () => {
    const engine = await open();
    const scale = hostTensor('float16', [], [0.25]);
    const half = hostTensor(
      'float16',
      [3, 9],
      Float32Array.from({ length: 27 }, (_, index) => index / 8),
    );
    await expectOnGpu(engine, { name: 'halves', operator: QuantizeLinear, inputs: [half, scale] });
    const codes = hostTensor(
      'uint8',
      [5, 7],
      Uint8Array.from({ length: 35 }, (_, index) => 7 * index),
    );
    const odd = hostTensor('float16', [], [0.0999755859375]);
    await expectOnGpu(engine, { name: 'to halves', operator: DequantizeLinear, inputs: [codes, odd] });
    const integers = hostTensor(
      'int32',
      [20],
      Int32Array.from({ length: 20 }, (_, index) => index * 16777217),
    );
    const inputs = [integers, floats([], [3e6])];
    await expectOnGpu(engine, { name: 'int32', operator: QuantizeLinear, inputs, opset: 13 });
    await expectOnGpu(engine, {
      name: 'empty',
      operator: QuantizeLinear,
      inputs: [floats([0, 3], []), floats([], [1])],
    });
  });

  it('makes codes with their channels last where only such readers read them', async () => {
    const engine = await open();
    const held: boolean[] = [];
    const reader = (name: string, readsChannelsLast: boolean): Operator => ({
      name,
      domain: '',
      infer: (context) => [context.input(0)],
      evaluate: (_context, [codes]) => (codes ? [codes] : []),
      record: (record) => {
        held.push(record.heldChannelsLast(0));
        const codes = record.channelsLast(0);
        return [{ channelsLast: codes.reshape(codes.shape) }];
      },
      readsChannelsLast,
    });
    const operators = new OperatorTable([QuantizeLinear, reader('Last', true), reader('Any', false)]);
    const random = createRandom(5);
    const cases: readonly { readonly shape: number[]; readonly readers: readonly string[] }[] = [
      { shape: [2, 17, 3, 5], readers: ['Last', 'Last'] },
      { shape: [1, 3, 9], readers: ['Last'] },
      { shape: [2, 5, 1, 1], readers: ['Last'] },
      { shape: [1, 3, 2, 2], readers: ['Last', 'Any'] },
    ];
    for (const { shape, readers } of cases) {
      const [, channels = 0] = shape;
      const count = shape.reduce((product, length) => product * length, 1);
      const nodeCase = {
        operator: QuantizeLinear,
        attributes: { axis: 1 },
        inputs: [
          floats(shape, [...random.uniformArray(count, -2, 2)]),
          floats([channels], [...random.uniformArray(channels, 0.01, 0.1)]),
          hostTensor('uint8', [channels], random.integerArray(channels, 0, 255)),
        ],
        constants: [1, 2],
      };
      const graph = oneNodeGraph(nodeCase);
      const nodes = readers.map((name, index) => toyNode(name, ['output0'], [`read${index}`]));
      const outputs = nodes.map(({ outputs: [name = ''] }) => ({
        name,
        elementType: undefined,
        dimensions: undefined,
      }));
      using model = new Model(engine, { ...graph, nodes: [...graph.nodes, ...nodes], outputs }, operators);
      held.length = 0;
      const [x] = nodeCase.inputs;
      for (const output of model.run(x ? { input0: x } : {}).values()) {
        expect(Array.from((await output.read()).data)).toEqual(dataOf(nodeCase));
        output.dispose();
      }
      expect(held).toEqual(readers.includes('Any') ? [false, true] : readers.map(() => true));
    }
  });

  it('rejects numbers and scales that it cannot compute with', async () => {
    const engine = await open();
    const infinite = {
      operator: QuantizeLinear,
      inputs: [floats([2], [1, Number.POSITIVE_INFINITY]), floats([], [1])],
    };
    await expect(runNode(engine, infinite)).rejects.toThrow(InvalidInput);
    const zero = { operator: QuantizeLinear, inputs: [floats([2], [1, 2]), floats([], [0])] };
    await expect(runNode(engine, zero)).rejects.toThrow(InvalidQuantization);
    await expect(runNode(engine, { ...zero, constants: [1] })).rejects.toThrow(InvalidQuantization);
  });
});

it('makes only the outputs that are named', async () => {
  const engine = await open();
  const inputs = [floats([3], [0, 0, 0])];
  const { outputs } = await runNode(engine, { operator: DynamicQuantizeLinear, inputs, outputCount: 1 });
  expect(outputs.map(({ data }) => Array.from(data))).toEqual([[0, 0, 0]]);
});

describe('by definition', () => {
  it('is what the tests of ONNX say', () => {
    const x = floats([6], [0, 2, 3, 1000, -254, -1000]);
    const zeroPoint = hostTensor('uint8', [], [128]);
    expect(dataOf({ operator: QuantizeLinear, inputs: [x, floats([], [2]), zeroPoint] })).toEqual([
      128, 129, 130, 255, 1, 0,
    ]);
    const rows = floats([3, 4], [0, 2.5, 4.8, 8.6, -30, -20, 6, 9, 12, 15, 16, 40]);
    const inputs = [rows, floats([3], [2, 3, 4]), hostTensor('int4', [3], [1, 1, 1])];
    expect(dataOf({ operator: QuantizeLinear, inputs, attributes: { axis: 0 } })).toEqual([
      1, 2, 3, 5, -8, -6, 3, 4, 4, 5, 5, 7,
    ]);
    const codes = hostTensor('int8', [8], [10, 20, 30, 40, 50, 60, 70, 80]);
    const blocks = [codes, floats([2], [0.5, 2]), hostTensor('int8', [2], [0, 10])];
    expect(dataOf({ operator: DequantizeLinear, inputs: blocks, attributes: { axis: 0, block_size: 4 } })).toEqual([
      5, 10, 15, 20, 80, 100, 120, 140,
    ]);
    const [y, scale, zero] = evaluateNode({
      operator: DynamicQuantizeLinear,
      inputs: [floats([6], [0, 2, -3, -2.5, 1.34, 0.5])],
    });
    expect(Array.from(y?.data ?? [])).toEqual([153, 255, 0, 26, 221, 179]);
    expect([scale?.data[0], zero?.data[0]]).toEqual([Math.fround(0.019607844), 153]);
  });

  it('gives numbers of a dead channel as zeros', () => {
    const inputs = [hostTensor('int8', [2, 2], [1, 2, 3, 4]), floats([2], [0, 1])];
    expect(dataOf({ operator: DequantizeLinear, inputs, attributes: { axis: 0 } })).toEqual([0, 0, 3, 4]);
  });

  const x = floats([2, 3], [1, 2, 3, 4, 5, 6]);
  const bad: [string, NodeCase][] = [
    ['scales that do not fit', { operator: QuantizeLinear, inputs: [x, floats([4], [1, 1, 1, 1])] }],
    ['an axis outside', { operator: QuantizeLinear, inputs: [x, floats([3], [1, 1, 1])], attributes: { axis: 2 } }],
    [
      'zero points that do not fit',
      { operator: QuantizeLinear, inputs: [x, floats([], [1]), hostTensor('int8', [3], [1, 1, 1])] },
    ],
    [
      'two types',
      {
        operator: DequantizeLinear,
        inputs: [hostTensor('int8', [1], [1]), floats([], [1]), hostTensor('uint8', [], [1])],
      },
    ],
    [
      'integer scales',
      { operator: DequantizeLinear, inputs: [hostTensor('int8', [1], [1]), hostTensor('int8', [], [1])] },
    ],
    ['floats as codes', { operator: DequantizeLinear, inputs: [x, floats([], [1])] }],
  ];
  it.each(bad)('refuses %s', (_, nodeCase) => {
    expect(() => inferNode(nodeCase)).toThrow(MalformedModel);
  });

  it('refuses types that are not computed when a model is loaded', async () => {
    const engine = await open();
    for (const attributes of [{ output_dtype: 16 }, { output_dtype: 17 }, { precision: 10 }]) {
      const graph = oneNodeGraph({ operator: QuantizeLinear, inputs: [x, floats([], [1])], attributes });
      expect(() => new Model(engine, graph, new OperatorTable([QuantizeLinear]))).toThrow(UnsupportedOperator);
    }
  });
});

function inferNode(nodeCase: NodeCase): void {
  const { operator, inputs } = nodeCase;
  const [node] = oneNodeGraph(nodeCase).nodes;
  if (!node) throw new Error('The graph has no node.');
  operator.infer(
    new NodeContext(
      node,
      21,
      inputs.map((input) => input && { ...input, host: input }),
    ),
  );
}
