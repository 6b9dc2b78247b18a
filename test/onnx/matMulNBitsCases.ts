import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { MatMulNBits } from '../../src/onnx/operators/matMulNBits.ts';
import { createRandom } from '../reference/random.ts';
import type { NamedCase } from './nodeCases.ts';

const random = createRandom(20261123);
const countOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
const bytes = (...shape: number[]): HostTensor =>
  hostTensor('uint8', shape, random.integerArray(countOf(shape), 0, 255));
const floats = (...shape: number[]): HostTensor => hostTensor('float32', shape, random.normalArray(countOf(shape)));

interface Packed {
  readonly x: readonly number[];
  readonly N: number;
  readonly bits: number;
  readonly blockSize: number;
  readonly zeroPoints?: 'packed' | 'whole' | 'float';
  readonly bias?: boolean;
}

/** f32 sums of up to 80 products of magnitude 10. */
const tolerance = 1e-4;

function packed(name: string, { x, N, bits, blockSize, zeroPoints, bias = false }: Packed): NamedCase {
  const K = x.at(-1) ?? 0;
  const blocks = Math.ceil(K / blockSize);
  const scales = hostTensor('float32', [N * blocks], random.uniformArray(N * blocks, 0.01, 0.1));
  const whole = hostTensor('float32', [N, blocks], random.integerArray(N * blocks, 0, 2 ** bits - 1));
  const zeros = {
    packed: bytes(N * Math.ceil((blocks * bits) / 8)),
    whole,
    float: hostTensor(
      'float32',
      [N, blocks],
      Float32Array.from(whole.data, (value) => value + 0.25),
    ),
  };
  const inputs = [
    floats(...x),
    bytes(N, blocks, (blockSize * bits) / 8),
    scales,
    zeroPoints && zeros[zeroPoints],
    undefined,
    bias ? floats(N) : undefined,
  ];
  return {
    name: `MatMulNBits of ${bits} bits ${name}`,
    operator: MatMulNBits,
    inputs,
    attributes: { K, N, bits, block_size: blockSize },
    constants: [1, 2, 3, 5],
    tolerance,
  };
}

/** Cases that ONNX Runtime computes too. */
export const packedCases: NamedCase[] = [
  packed('in blocks of 32', { x: [3, 64], N: 18, bits: 4, blockSize: 32 }),
  packed('with packed zero points and a bias', {
    x: [2, 3, 80],
    N: 9,
    bits: 4,
    blockSize: 16,
    zeroPoints: 'packed',
    bias: true,
  }),
  packed('with a shorter last block', { x: [3, 72], N: 5, bits: 4, blockSize: 32, zeroPoints: 'packed' }),
  packed('with fractional zero points', { x: [3, 64], N: 5, bits: 4, blockSize: 32, zeroPoints: 'float' }),
  packed('in blocks of 32', { x: [3, 64], N: 18, bits: 8, blockSize: 32 }),
  packed('with packed zero points', { x: [1, 64], N: 5, bits: 8, blockSize: 16, zeroPoints: 'packed' }),
  packed('in blocks of 32', { x: [3, 64], N: 18, bits: 2, blockSize: 32 }),
  packed('with packed zero points', { x: [3, 128], N: 5, bits: 2, blockSize: 32, zeroPoints: 'packed' }),
];

/** Cases that are compared with the definition alone. */
export const ownPackedCases: NamedCase[] = [
  packed('of an odd length', { x: [3, 45], N: 7, bits: 2, blockSize: 16, zeroPoints: 'packed' }),
  packed('with whole zero points', { x: [3, 33], N: 7, bits: 4, blockSize: 16, zeroPoints: 'whole' }),
  packed('of a vector', { x: [33], N: 7, bits: 8, blockSize: 16 }),
  packed('and no rows', { x: [0, 32], N: 7, bits: 4, blockSize: 16 }),
];
