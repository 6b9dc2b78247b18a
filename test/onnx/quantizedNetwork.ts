import * as ort from 'onnxruntime-web';
import { elementCount } from '../../src/base/shape.ts';
import type { Attribute, Graph, GraphNode } from '../../src/graph/graph.ts';
import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { createRandom } from '../reference/random.ts';

const random = createRandom(11);
const tensor = (...shape: number[]): HostTensor => {
  return hostTensor('float32', shape, random.uniformArray(elementCount(shape), -0.5, 0.5));
};

function node(operator: string, inputs: string, output: string, attributes: Record<string, Attribute> = {}): GraphNode {
  const named = { name: output, domain: '', operator, inputs: inputs.split(' '), outputs: [output] };
  return { ...named, attributes: new Map(Object.entries(attributes)) };
}

/** A small network of operator set 11, with what quantization has to do with: all kinds of layers in their usual places. */
export const network: Graph = {
  name: 'network',
  inputs: [{ name: 'x', elementType: 'float32', dimensions: ['n', 3, 9, 8] }],
  outputs: [{ name: 'y', elementType: 'float32', dimensions: ['n', 5] }],
  nodes: [
    node('Conv', 'x w1', 'c1', { pads: [1, 1, 1, 1], strides: [2, 2] }),
    node('BatchNormalization', 'c1 b8 b8 b8 v8', 'n1'),
    node('HardSigmoid', 'n1', 'h1'),
    node('Mul', 'n1 h1', 'a1'),
    node('Conv', 'a1 w2 b8', 'c2', { group: 8, pads: [1, 1, 1, 1] }),
    node('Relu', 'c2', 'r2'),
    node('Add', 'r2 a1', 's2'),
    node('GlobalAveragePool', 's2', 'g'),
    node('Conv', 'g w3 b8', 'c3'),
    node('Sigmoid', 'c3', 'gate'),
    node('Mul', 's2 gate', 'm'),
    node('MaxPool', 'm', 'p', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Flatten', 'p', 'f'),
    node('Gemm', 'f w4 b5', 'l', { transB: 1 }),
    node('Softmax', 'l', 'y', { axis: -1 }),
  ],
  initializers: new Map(
    Object.entries({
      w1: tensor(8, 3, 3, 3),
      w2: tensor(8, 1, 3, 3),
      w3: tensor(8, 8, 1, 1),
      w4: tensor(5, 32),
      b5: tensor(5),
      b8: tensor(8),
      v8: hostTensor('float32', [8], [1, 0.5, 2, 1, 1, 0.25, 1, 3]),
    }),
  ),
  opsets: new Map([['', 11]]),
};

export const inputs = (count: number): HostTensor[] => Array.from({ length: count }, () => tensor(2, 3, 9, 8));

export async function runOrt(bytes: Uint8Array, { data, shape }: HostTensor): Promise<number[]> {
  const session = await ort.InferenceSession.create(bytes);
  const { y } = await session.run({ x: new ort.Tensor('float32', data as Float32Array, shape) });
  await session.release();
  return Array.from(y?.data as Float32Array);
}

/** Signal to noise, in decibels. */
export function ratio(wanted: readonly number[], found: ArrayLike<number>): number {
  const power = wanted.reduce((sum, value) => sum + value ** 2, 0);
  const noise = wanted.reduce((sum, value, index) => sum + (value - (found[index] ?? Number.NaN)) ** 2, 0);
  return 10 * Math.log10(power / noise);
}
