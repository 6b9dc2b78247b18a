import { describe, expect, it } from 'vitest';
import { LimitExceeded, MalformedModel } from '../../src/base/errors.ts';
import { hostTensor } from '../../src/graph/hostTensor.ts';
import {
  BoundedQLinearConv,
  ConvInteger,
  ConvIntegerToFloat,
  QLinearConv,
} from '../../src/onnx/operators/integerConvolution.ts';
import { useEngine } from '../support/engine.ts';
import { evaluateNode, runNode } from '../support/oneNode.ts';
import { convIntegerCases, qLinearConvCases } from './integerConvolutionCases.ts';
import { expectOnGpu, type NamedCase, randomTensor } from './nodeCases.ts';

const open = useEngine();

const [perChannel, strided] = qLinearConvCases;
if (!perChannel || !strided) throw new Error('There are such cases.');

const bounded: NamedCase = {
  ...perChannel,
  name: 'bounded QLinearConv',
  operator: BoundedQLinearConv,
  attributes: { lowest_code: 131, highest_code: 180 },
};
const tabled: NamedCase = {
  ...bounded,
  name: 'QLinearConv with a table',
  attributes: {
    lowest_code: 131,
    table: hostTensor(
      'int8',
      [256],
      Array.from({ length: 256 }, (_, code) => ((code * 7) % 256) - 128),
    ),
  },
};
const toFloat: NamedCase = {
  name: 'ConvIntegerToFloat',
  operator: ConvIntegerToFloat,
  attributes: { pads: [1, 1, 1, 1], lower: 0, upper: 6 },
  inputs: [...strided.inputs.slice(0, 6), hostTensor('float32', [5], [-1, 0, 1, 2, 3])],
  constants: [3, 4, 5, 6],
  tolerance: 1e-6,
};

describe('by definition', () => {
  it('ConvInteger of the ONNX tests', () => {
    const [first] = convIntegerCases;
    const [y] = first ? evaluateNode(first) : [];
    expect(Array.from(y?.data ?? [])).toEqual([12, 16, 24, 28]);
  });

  it('bounds codes', () => {
    const [free] = evaluateNode(perChannel);
    const [y] = evaluateNode(bounded);
    expect(Array.from(y?.data ?? [])).toEqual(
      Array.from(free?.data ?? [], (code) => Math.min(Math.max(code, 131), 180)),
    );
  });

  it('replaces codes by those of a table', () => {
    const [free] = evaluateNode(perChannel);
    const [y] = evaluateNode(tabled);
    expect(y?.elementType).toBe('int8');
    expect(Array.from(y?.data ?? [])).toEqual(
      Array.from(free?.data ?? [], (code) => ((Math.max(code, 131) * 7) % 256) - 128),
    );
  });

  it.each([
    [5, 0.5, 2],
    [7, 0.5, 4],
    [-5, 0.5, -2],
    [-7, 0.5, -4],
    // float32 makes a tie of the sum, and of the product.
    [2 ** 30 + 1, 2 ** -31, 0],
    [25, 0.1, 2],
    [2 ** 30, 2 ** -31, 0],
    [2 ** 31 - 1, 3 * 2 ** -31, 3],
  ])('rounds %i · %f to %i, half to even', (bias, scale, code) => {
    const one = (type: 'int8' | 'float32', value: number) => hostTensor(type, [], [value]);
    const zeros = hostTensor('int8', [1, 1, 1], [0]);
    const [y] = evaluateNode({
      operator: QLinearConv,
      inputs: [
        zeros,
        one('float32', scale),
        one('int8', 0),
        zeros,
        one('float32', 1),
        one('int8', 0),
        one('float32', 1),
        one('int8', 0),
        hostTensor('int32', [1], [bias]),
      ],
    });
    expect(Array.from(y?.data ?? [])).toEqual([code]);
  });
});

describe('on the GPU as by definition', () => {
  // The first is so small that it is computed before the model runs.
  it.each([...convIntegerCases.slice(1), ...qLinearConvCases, bounded, tabled, toFloat])('$name', async (nodeCase) => {
    await expectOnGpu(await open(), nodeCase);
  });

  it('gives nothing for an empty batch, and the zero point where there are no channels', async () => {
    const engine = await open();
    const empty = { ...perChannel, inputs: [randomTensor('uint8', [0, 17, 6, 7]), ...perChannel.inputs.slice(1)] };
    expect((await runNode(engine, empty)).outputs).toMatchObject([{ shape: [0, 9, 6, 7] }]);
    const without = [randomTensor('uint8', [1, 0, 1, 2]), randomTensor('uint8', [3, 0, 1, 1])];
    const [y] = (await runNode(engine, { operator: ConvInteger, inputs: without })).outputs;
    expect(Array.from(y?.data ?? [])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('names the kernel and the reason', async () => {
    const { explanation } = await runNode(await open(), perChannel);
    expect(explanation).toMatch(/integer convolution of uint8 and int8, \w+ kernel: /);
  });
});

describe('what cannot be', () => {
  const replaced = (index: number, value: ReturnType<typeof hostTensor>): NamedCase => ({
    ...perChannel,
    inputs: perChannel.inputs.map((input, at) => (at === index ? value : input)),
  });

  it.each([
    ['a zero point of another type', replaced(2, hostTensor('int8', [], [0])), MalformedModel],
    ['a scale of 0', replaced(6, hostTensor('float32', [], [0])), MalformedModel],
    ['scales for other channels', replaced(4, hostTensor('float32', [2], [1, 1])), MalformedModel],
    ['a float bias', replaced(8, hostTensor('float32', [9], new Float32Array(9))), MalformedModel],
    ['codes of 32 bits', replaced(0, randomTensor('int32', [1, 17, 6, 7])), MalformedModel],
    [
      'a table of another length',
      { ...bounded, attributes: { table: hostTensor('int8', [2], [1, 2]) } },
      MalformedModel,
    ],
    ['bounds that no code has', { ...bounded, attributes: { lowest_code: -1 } }, MalformedModel],
    ['bounds in the wrong order', { ...bounded, attributes: { lowest_code: 9, highest_code: 8 } }, MalformedModel],
    [
      'sums beyond 32 bits',
      {
        name: '',
        operator: ConvInteger,
        inputs: [hostTensor('uint8', [1, 33_026, 1], new Uint8Array(33_026)), randomTensor('uint8', [1, 33_026, 1])],
      },
      LimitExceeded,
    ],
  ] as const)('%s', async (_, nodeCase, error) => {
    await expect(runNode(await open(), nodeCase)).rejects.toThrow(error);
  });
});
