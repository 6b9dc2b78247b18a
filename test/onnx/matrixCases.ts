import { type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import { Gemm, MatMul } from '../../src/onnx/operators/matrix.ts';
import { createRandom } from '../reference/random.ts';
import type { NamedCase } from './nodeCases.ts';

/** f32 sums of at most 40 products of magnitude 10, relative to 1. */
const tolerance = 1e-4;
const random = createRandom(20261123);
const floats = (...shape: number[]): HostTensor =>
  hostTensor('float32', shape, random.normalArray(shape.reduce((product, length) => product * length, 1)));

const matmul = (name: string, a: HostTensor, b: HostTensor, constants: readonly number[] = []): NamedCase => ({
  name: `MatMul of ${name}`,
  operator: MatMul,
  inputs: [a, b],
  constants,
  tolerance,
});

function gemm(
  name: string,
  operands: readonly (HostTensor | undefined)[],
  attributes: Readonly<Record<string, number>>,
  more: Partial<NamedCase> = {},
): NamedCase {
  const floatAttributes = ['alpha', 'beta'];
  return { name: `Gemm ${name}`, operator: Gemm, inputs: operands, attributes, floatAttributes, tolerance, ...more };
}

/** Cases of matrix products that ONNX Runtime computes too. */
export const matrixCases: NamedCase[] = [
  matmul('matrices', floats(5, 17), floats(17, 9)),
  matmul('a matrix and a constant', floats(3, 33), floats(33, 40), [1]),
  matmul('batches and a matrix', floats(2, 3, 4, 5), floats(5, 7), [1]),
  matmul('batches', floats(2, 3, 4, 5), floats(2, 3, 5, 6)),
  matmul('batches that broadcast', floats(2, 1, 4, 5), floats(3, 5, 6)),
  matmul('a matrix and batches', floats(4, 5), floats(3, 5, 6)),
  matmul('vectors', floats(19), floats(19)),
  matmul('a vector and batches', floats(5), floats(3, 5, 6)),
  matmul('batches and a vector', floats(3, 4, 5), floats(5)),
  matmul('no rows', floats(0, 5), floats(5, 4)),
  gemm('plain', [floats(4, 13), floats(13, 6)], {}),
  gemm('with a row', [floats(4, 13), floats(13, 6), floats(6)], {}),
  gemm('with a row and both transposed', [floats(13, 4), floats(6, 13), floats(1, 6)], { transA: 1, transB: 1 }),
  gemm(
    'with constant weights transposed',
    [floats(4, 13), floats(6, 13), floats(6)],
    { transB: 1 },
    { constants: [1, 2] },
  ),
  gemm('with a column, scaled', [floats(4, 13), floats(13, 6), floats(4, 1)], { alpha: 0.5, beta: 2 }),
  gemm('with a matrix', [floats(4, 13), floats(13, 6), floats(4, 6)], { beta: 1 }, { opset: 9 }),
  gemm('with a scalar, scaled', [floats(4, 13), floats(13, 6), floats()], { alpha: 3 }),
  gemm('with nothing of what is added', [floats(4, 13), floats(13, 6), floats(6)], { beta: 0 }),
  gemm('with one column and a scalar', [floats(4, 13), floats(13, 1), floats(1)], {}),
];
