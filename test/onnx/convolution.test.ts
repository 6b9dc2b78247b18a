import { describe, expect, it } from 'vitest';
import { MalformedModel, UnsupportedOperator } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import { Model } from '../../src/graph/model.ts';
import { type Operator, OperatorTable } from '../../src/graph/operator.ts';
import { Conv, ConvTranspose } from '../../src/onnx/operators/convolution.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, oneNodeGraph, runNode } from '../support/oneNode.ts';
import { convolutionCases } from './convolutionCases.ts';
import { expectOnGpu, randomTensor } from './nodeCases.ts';

const open = useEngine();
const counting = (shape: readonly number[]) => {
  const length = shape.reduce((product, axis) => product * axis, 1);
  return hostTensor(
    'float32',
    shape,
    Array.from({ length }, (_, index) => index),
  );
};
const ones = (shape: readonly number[]) => {
  const { data } = counting(shape);
  return hostTensor('float32', shape, data.fill(1));
};

describe('by definition', () => {
  // The examples of the ONNX documentation.
  it('Conv with padding', () => {
    const [y] = evaluateNode({
      operator: Conv,
      attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      inputs: [counting([1, 1, 5, 5]), ones([1, 1, 3, 3])],
    });
    expect(y?.shape).toEqual([1, 1, 5, 5]);
    expect(Array.from(y?.data.slice(0, 10) ?? [])).toEqual([12, 21, 27, 33, 24, 33, 54, 63, 72, 51]);
  });

  it('Conv with strides and asymmetric padding', () => {
    const [y] = evaluateNode({
      operator: Conv,
      attributes: { kernel_shape: [3, 3], pads: [1, 0, 1, 0], strides: [2, 2] },
      inputs: [counting([1, 1, 7, 5]), ones([1, 1, 3, 3])],
    });
    expect(y?.shape).toEqual([1, 1, 4, 2]);
    expect(Array.from(y?.data ?? [])).toEqual([21, 33, 99, 117, 189, 207, 171, 183]);
  });

  it('ConvTranspose', () => {
    const [y] = evaluateNode({
      operator: ConvTranspose,
      inputs: [counting([1, 1, 3, 3]), ones([1, 2, 3, 3])],
    });
    expect(y?.shape).toEqual([1, 2, 5, 5]);
    expect(Array.from(y?.data.slice(0, 15) ?? [])).toEqual([0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15]);
  });
});

describe('on the GPU as by definition', () => {
  it.each(convolutionCases)('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('gives nothing for an empty batch, and the bias where there are no channels', async () => {
    const engine = await open();
    const empty = { operator: Conv, inputs: [ones([0, 2, 4, 4]), ones([3, 2, 3, 3])] };
    expect((await runNode(engine, empty)).outputs).toMatchObject([{ shape: [0, 3, 2, 2] }]);
    const bias = hostTensor('float32', [3], [1, 2, 3]);
    const without = { operator: Conv, inputs: [ones([1, 0, 1, 2]), ones([3, 0, 1, 1]), bias] };
    const [y] = (await runNode(engine, without)).outputs;
    expect(Array.from(y?.data ?? [])).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it('names the kernel and the reason', async () => {
    const engine = await open();
    const inputs = [ones([1, 4, 3, 3]), ones([4, 1, 3, 3])];
    const { explanation } = await runNode(engine, { operator: Conv, attributes: { group: 4 }, inputs });
    expect(explanation).toMatch(/depthwise kernel: one input channel a group/);
  });

  it('does not keep weights that follow from the shapes of the inputs', async () => {
    const engine = await open();
    const width: Operator = {
      name: 'Width',
      domain: '',
      shapeOnly: true,
      infer: () => [{ elementType: 'float32', shape: [1, 2, 1, 1] }],
      evaluate: (context) => {
        const length = context.input(0).shape[3] ?? 0;
        return [hostTensor('float32', [1, 2, 1, 1], [length, length])];
      },
    };
    const graph = oneNodeGraph({ operator: Conv, inputs: [ones([1, 2, 1, 1]), ones([1, 2, 1, 1])] });
    const [node] = graph.nodes;
    const weights = { name: 'w', domain: '', operator: 'Width', inputs: ['input0'], outputs: ['input1'] };
    using model = new Model(
      engine,
      {
        ...graph,
        inputs: [{ name: 'input0', elementType: 'float32', dimensions: [1, 2, 1, 'width'] }],
        nodes: [{ ...weights, attributes: new Map() }, ...(node ? [node] : [])],
      },
      new OperatorTable([Conv, width]),
    );
    for (const length of [3, 5, 3]) {
      const output = model.run({ input0: ones([1, 2, 1, length]) }).get('output0');
      const y = await output?.read();
      expect(Array.from(y?.data ?? [])).toEqual(Array.from({ length }, () => 2 * length));
      output?.dispose();
    }
  });
});

describe('what cannot be', () => {
  it.each([
    ['weights of other channels', Conv, {}, [1, 3, 5, 5], [2, 4, 3, 3], MalformedModel],
    [
      'a kernel_shape that the weights do not have',
      Conv,
      { kernel_shape: [2, 2] },
      [1, 3, 5, 5],
      [2, 3, 3, 3],
      MalformedModel,
    ],
    ['a group that does not divide the channels', Conv, { group: 2 }, [1, 3, 5, 5], [2, 1, 3, 3], MalformedModel],
    ['pads of one axis', Conv, { pads: [1, 1] }, [1, 3, 5, 5], [2, 3, 3, 3], MalformedModel],
    ['a stride of 0', Conv, { strides: [0, 1] }, [1, 3, 5, 5], [2, 3, 3, 3], MalformedModel],
    ['a window beyond the input', Conv, {}, [1, 3, 2, 5], [2, 3, 3, 3], MalformedModel],
    ['an unknown auto_pad', Conv, { auto_pad: 'SAME' }, [1, 3, 5, 5], [2, 3, 3, 3], MalformedModel],
    ['an empty result', ConvTranspose, { pads: [3, 0, 3, 0] }, [1, 3, 2, 5], [3, 2, 3, 3], MalformedModel],
    ['four spatial axes', Conv, {}, [1, 1, 2, 2, 2, 2], [1, 1, 1, 1, 1, 1], UnsupportedOperator],
    ['four axes of a window', Conv, { kernel_shape: [1, 1, 1, 1] }, [1, 1, 1], [1, 1, 1], UnsupportedOperator],
  ] as const)('%s', async (_, operator, attributes, x, weights, error) => {
    const engine = await open();
    const inputs = [randomTensor('float32', x), randomTensor('float32', weights)];
    await expect(runNode(engine, { operator, attributes, inputs })).rejects.toThrow(error);
  });
});
