import { type ElementType, type HostTensor, hostTensor, integerRange } from '../../src/graph/hostTensor.ts';
import { DynamicQuantizeMatMul, MatMulInteger, MatMulIntegerToFloat } from '../../src/onnx/operators/integerMatrix.ts';
import { requantizedMatrixOperators } from '../../src/onnx/operators/requantizedMatrix.ts';
import { createRandom } from '../reference/random.ts';
import type { NamedCase } from './nodeCases.ts';

const random = createRandom(20261123);
const countOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

const codes = (type: ElementType, ...shape: number[]): HostTensor => {
  const [low, high] = integerRange(type) ?? [0, 0];
  return hostTensor(type, shape, random.integerArray(countOf(shape), low, high));
};
const scales = (least: number, greatest: number, ...shape: number[]): HostTensor =>
  hostTensor('float32', shape, random.uniformArray(countOf(shape), least, greatest));
const floats = (...shape: number[]): HostTensor => hostTensor('float32', shape, random.normalArray(countOf(shape)));

const sums = (
  name: string,
  inputs: readonly (HostTensor | undefined)[],
  constants: readonly number[] = [],
): NamedCase => ({
  name: `MatMulInteger of ${name}`,
  operator: MatMulInteger,
  inputs,
  constants,
  opset: 10,
});

function operatorOf(name: string, domain: string) {
  const found = requantizedMatrixOperators.find((operator) => operator.name === name && operator.domain === domain);
  if (!found) throw new Error(`There is no ${domain}.${name}.`);
  return found;
}

interface Linear {
  readonly types?: readonly [ElementType, ElementType, ElementType];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly columns?: number;
  readonly constants?: readonly number[];
}

/** Scales that make most of the codes of the result differ, and few of them saturate. */
function linear(name: string, { types = ['uint8', 'uint8', 'uint8'], a, b, columns, ...more }: Linear): NamedCase {
  const [aType, bType, yType] = types;
  const K = a.at(-1) ?? 1;
  const lanes = columns === undefined ? [] : [columns];
  const inputs = [
    codes(aType, ...a),
    scales(0.005, 0.01),
    codes(aType),
    codes(bType, ...b),
    scales(0.005, 0.01, ...lanes),
    codes(bType, ...lanes),
    scales(0.005 * Math.sqrt(K), 0.01 * Math.sqrt(K)),
    codes(yType),
  ];
  const constants = more.constants ?? [1, 2, 4, 5, 6, 7];
  return { name: `QLinearMatMul of ${name}`, operator: operatorOf('QLinearMatMul', ''), inputs, constants };
}

const gemm = (
  name: string,
  inputs: readonly (HostTensor | undefined)[],
  attributes: Readonly<Record<string, number>>,
): NamedCase => ({
  name: `QGemm ${name}`,
  operator: operatorOf('QGemm', 'com.microsoft'),
  inputs,
  attributes,
  floatAttributes: ['alpha'],
  constants: [1, 2, 3, 4, 5, 6, 7, 8],
  tolerance: 1e-5,
});

const biasOf = (...shape: number[]): HostTensor =>
  hostTensor('int32', shape, random.integerArray(countOf(shape), -9000, 9000));

/** Float results: f32 sums of an exact integer times two scales, and a bias. */
const tolerance = 1e-5;

const toFloat = (
  name: string,
  inputs: readonly (HostTensor | undefined)[],
  constants: readonly number[],
): NamedCase => ({
  name: `MatMulIntegerToFloat of ${name}`,
  operator: MatMulIntegerToFloat,
  inputs,
  constants,
  tolerance,
});

const dynamic = (
  name: string,
  inputs: readonly (HostTensor | undefined)[],
  constants: readonly number[],
): NamedCase => ({
  name: `DynamicQuantizeMatMul of ${name}`,
  operator: DynamicQuantizeMatMul,
  inputs,
  constants,
  tolerance,
});

/** Cases of integer products that ONNX Runtime computes too. */
export const integerMatrixCases: NamedCase[] = [
  sums('uint8 and uint8', [codes('uint8', 5, 17), codes('uint8', 17, 9)]),
  sums('uint8 and int8 with zero points', [
    codes('uint8', 5, 33),
    codes('int8', 33, 18),
    codes('uint8'),
    codes('int8'),
  ]),
  sums('a constant', [codes('uint8', 9, 33), codes('uint8', 33, 18), codes('uint8'), codes('uint8')], [1, 2, 3]),
  sums('columns with zero points', [codes('uint8', 4, 20), codes('int8', 20, 19), codes('uint8'), codes('int8', 19)]),
  sums('a constant of columns', [codes('uint8', 4, 20), codes('int8', 20, 19), undefined, codes('int8', 19)], [1, 3]),
  sums('int8 and int8', [codes('int8', 3, 16), codes('int8', 16, 16), codes('int8'), codes('int8')]),
  sums('batches and a matrix', [codes('uint8', 2, 3, 4, 5), codes('uint8', 5, 7), codes('uint8')], [1]),
  sums('batches that broadcast', [codes('uint8', 2, 1, 4, 5), codes('int8', 3, 5, 6), codes('uint8'), codes('int8')]),
  sums('a vector and batches', [codes('uint8', 15), codes('int8', 3, 15, 6)]),
  sums('batches and a vector', [codes('uint8', 3, 4, 15), codes('uint8', 15), codes('uint8')], []),
  linear('uint8', { a: [5, 37], b: [37, 18], constants: [1, 2, 3, 4, 5, 6, 7] }),
  linear('computed operands', { a: [9, 37], b: [37, 18] }),
  linear('uint8 by int8 columns', {
    a: [5, 37],
    b: [37, 18],
    types: ['uint8', 'int8', 'uint8'],
    columns: 18,
    constants: [1, 2, 3, 4, 5, 6, 7],
  }),
  linear('int8 in batches', { a: [2, 3, 40], b: [2, 40, 7], types: ['int8', 'int8', 'int8'] }),
  gemm(
    'to uint8',
    [
      codes('uint8', 5, 37),
      scales(0.01, 0.01),
      codes('uint8'),
      codes('uint8', 37, 9),
      scales(0.01, 0.02),
      codes('uint8'),
      biasOf(9),
      scales(0.05, 0.1),
      codes('uint8'),
    ],
    { alpha: 1 },
  ),
  gemm(
    'of transposed int8 columns',
    [
      codes('int8', 37, 9),
      scales(0.01, 0.01),
      codes('int8'),
      codes('int8', 18, 37),
      scales(0.01, 0.02, 18),
      codes('int8', 18),
      biasOf(1, 18),
      scales(0.05, 0.1),
      codes('int8'),
    ],
    { alpha: 0.75, transA: 1, transB: 1 },
  ),
  gemm(
    'to floats',
    [
      codes('uint8', 5, 37),
      scales(0.01, 0.01),
      codes('uint8'),
      codes('int8', 37, 9),
      scales(0.01, 0.02, 9),
      codes('int8', 9),
      biasOf(5, 9),
    ],
    { alpha: 2 },
  ),
  toFloat(
    'uint8 and constant int8 columns',
    [
      codes('uint8', 5, 37),
      codes('int8', 37, 18),
      scales(0.01, 0.02),
      scales(0.01, 0.02, 18),
      codes('uint8'),
      codes('int8', 18),
      floats(18),
    ],
    [1, 2, 3, 4, 5, 6],
  ),
  toFloat(
    'parameters of the run',
    [
      codes('uint8', 3, 4, 20),
      codes('uint8', 20, 9),
      scales(0.01, 0.02),
      scales(0.01, 0.02),
      codes('uint8'),
      codes('uint8'),
    ],
    [],
  ),
  toFloat(
    'no zero points',
    [codes('int8', 9, 20), codes('int8', 20, 9), scales(0.01, 0.02), scales(0.01, 0.02)],
    [1, 2, 3],
  ),
  dynamic(
    'constant int8 columns with a bias',
    [floats(5, 37), codes('int8', 37, 18), scales(0.01, 0.02, 18), codes('int8', 18), floats(18)],
    [1, 2, 3, 4],
  ),
  dynamic(
    'batches and uint8',
    [floats(2, 3, 20), codes('uint8', 20, 9), scales(0.01, 0.02), codes('uint8')],
    [1, 2, 3],
  ),
  dynamic('computed weights', [floats(9, 20), codes('int8', 20, 9), scales(0.01, 0.02)], []),
];

/** Cases that only Cuanta computes: rows with zero points, weights per batch, codes with bounds. */
export const ownCases: NamedCase[] = [
  sums('rows with zero points', [codes('uint8', 6, 20), codes('int8', 20, 19), codes('uint8', 6), codes('int8')]),
  sums(
    'known rows with zero points',
    [codes('uint8', 6, 20), codes('int8', 20, 5), codes('uint8', 6), codes('int8')],
    [1, 2, 3],
  ),
  sums(
    'batches of rows with zero points',
    [codes('uint8', 2, 3, 20), codes('int8', 20, 5), codes('uint8', 2, 3, 1)],
    [1],
  ),
  sums(
    'batches of columns',
    [codes('uint8', 2, 3, 20), codes('int8', 2, 20, 5), undefined, codes('int8', 2, 1, 5)],
    [1, 3],
  ),
  sums('two vectors', [codes('uint8', 20), codes('int8', 20)]),
  dynamic('nothing to add up', [floats(3, 0), codes('int8', 0, 5), scales(0.01, 0.02), undefined, floats(5)], [1, 2]),
  sums('no rows', [codes('uint8', 0, 4), codes('int8', 4, 5)]),
  linear('a vector on the right', { a: [3, 33], b: [33], constants: [1, 2, 3, 4, 5, 6, 7] }),
  linear('a vector on the left', { a: [33], b: [33, 6], columns: 6 }),
  {
    ...linear('bounded codes', { a: [5, 37], b: [37, 18] }),
    operator: operatorOf('QLinearMatMul', 'cuanta'),
    attributes: { lowest_code: 100, highest_code: 160 },
  },
  {
    ...gemm(
      'with a column, bounded',
      [
        codes('uint8', 5, 7),
        scales(0.01, 0.01),
        codes('uint8'),
        codes('int8', 7, 9),
        scales(0.01, 0.02),
        codes('int8'),
        biasOf(5, 1),
        scales(0.05, 0.1),
        codes('int8'),
      ],
      { lowest_code: -20 },
    ),
    operator: operatorOf('QGemm', 'cuanta'),
  },
];
