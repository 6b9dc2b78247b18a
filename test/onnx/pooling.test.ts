import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import type { Attribute } from '../../src/graph/graph.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import { AveragePool, GlobalAveragePool, LpPool, MaxPool } from '../../src/onnx/operators/pooling.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, runNode } from '../support/oneNode.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';
import { poolingCases } from './poolingCases.ts';

const open = useEngine();
const square = hostTensor(
  'float32',
  [1, 1, 5, 5],
  Array.from({ length: 25 }, (_, index) => index + 1),
);

describe('by definition', () => {
  // The examples of the ONNX documentation.
  it.each<[string, Operator, Record<string, Attribute>, number[]]>([
    ['MaxPool', MaxPool, { kernel_shape: [2, 2], strides: [2, 2] }, [7, 9, 17, 19]],
    [
      'MaxPool, SAME_UPPER',
      MaxPool,
      { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' },
      [7, 9, 10, 17, 19, 20, 22, 24, 25],
    ],
    ['AveragePool', AveragePool, { kernel_shape: [2, 2], strides: [2, 2] }, [4, 6, 14, 16]],
    [
      'AveragePool, SAME_UPPER',
      AveragePool,
      { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' },
      [4, 5.5, 7, 11.5, 13, 14.5, 19, 20.5, 22],
    ],
    ['GlobalAveragePool', GlobalAveragePool, {}, [13]],
  ])('%s', (_, operator, attributes, expected) => {
    const [y] = evaluateNode({ operator, attributes, inputs: [square] });
    expect(Array.from(y?.data ?? [])).toEqual(expected);
  });

  it('MaxPool, indices', () => {
    const attributes = { kernel_shape: [5, 5], pads: [2, 2, 2, 2] };
    const [, indices] = evaluateNode({ operator: MaxPool, attributes, inputs: [square], outputCount: 2 });
    expect(Array.from(indices?.data.slice(0, 10) ?? [])).toEqual([12, 13, 14, 14, 14, 17, 18, 19, 19, 19]);
  });
});

describe('on the GPU as by definition', () => {
  it.each(poolingCases)('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  // Places of the window lie in the padding on both sides of the only element.
  const missing = { kernel_shape: [2], dilations: [2], pads: [1, 1] };
  it.each([
    ['MaxPool', MaxPool, 'float32', -3.4028234663852886e38],
    ['MaxPool', MaxPool, 'int8', -128],
    ['MaxPool', MaxPool, 'uint8', 0],
    ['AveragePool', AveragePool, 'float32', 0],
    ['LpPool', LpPool, 'float32', 0],
  ] as const)('%s of a window without elements, %#', async (_, operator, elementType, value) => {
    const inputs = [hostTensor(elementType, [1, 1, 1], [7])];
    // One 8-bit element could be a size: with many the model takes them as data.
    const many = hostTensor(elementType, [17, 1, 1], new Array(17).fill(7));
    const { outputs, expected } = await runNode(await open(), { operator, attributes: missing, inputs: [many] });
    expect(Array.from(outputs[0]?.data ?? [])).toEqual(new Array(17).fill(value));
    expect(Array.from(expected[0]?.data ?? [])).toEqual(new Array(17).fill(value));
    expect(Array.from(evaluateNode({ operator, attributes: missing, inputs })[0]?.data ?? [])).toEqual([value]);
  });

  it('gives nothing for an empty batch', async () => {
    const inputs = [hostTensor('float32', [0, 3, 4, 4], [])];
    const attributes = { kernel_shape: [2, 2] };
    const engine = await open();
    expect((await runNode(engine, { operator: MaxPool, attributes, inputs })).outputs).toMatchObject([
      { shape: [0, 3, 3, 3] },
    ]);
    expect((await runNode(engine, { operator: GlobalAveragePool, inputs })).outputs).toMatchObject([
      { shape: [0, 3, 1, 1] },
    ]);
  });
});

describe('what cannot be', () => {
  it.each<[string, Operator, Record<string, Attribute>, number[], typeof MalformedModel | typeof UnsupportedOperator]>([
    ['no kernel_shape', MaxPool, {}, [1, 1, 4, 4], MalformedModel],
    ['a window of another rank', AveragePool, { kernel_shape: [2] }, [1, 1, 4, 4], MalformedModel],
    ['p of 0', LpPool, { kernel_shape: [2, 2], p: 0 }, [1, 1, 4, 4], MalformedModel],
    ['no spatial axis', GlobalAveragePool, {}, [1, 4], MalformedModel],
    ['empty planes', GlobalAveragePool, {}, [1, 4, 0], MalformedModel],
    ['four spatial axes', MaxPool, { kernel_shape: [1, 1, 1, 1] }, [1, 1, 2, 2, 2, 2], UnsupportedOperator],
  ])('%s', async (_, operator, attributes, shape, error) => {
    const inputs = [randomTensor('float32', shape)];
    await expect(async () => runNode(await open(), { operator, attributes, inputs })).rejects.toThrow(error);
  });
});
