import { type ElementType, type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';
import type { Operator } from '../../src/graph/operator.ts';
import { BatchNormalization } from '../../src/onnx/operators/batchNormalization.ts';
import { Add, Div, Max, Mean, Min, Mod, Mul, PRelu, Sub, Sum } from '../../src/onnx/operators/binary.ts';
import { Cast, CastLike, Dropout, Identity } from '../../src/onnx/operators/cast.ts';
import { Clip } from '../../src/onnx/operators/clip.ts';
import {
  And,
  Equal,
  Greater,
  GreaterOrEqual,
  IsInf,
  IsNaN,
  Less,
  LessOrEqual,
  Not,
  Or,
  Where,
  Xor,
} from '../../src/onnx/operators/compare.ts';
import { Pow } from '../../src/onnx/operators/power.ts';
import { Gelu, QuickGelu, unaryOperators } from '../../src/onnx/operators/unary.ts';
import { createRandom } from '../reference/random.ts';
import { type NamedCase, randomTensor } from './nodeCases.ts';

/** Codes of element types in a model. */
const codes: Partial<Record<ElementType, number>> = {
  ...{ float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10 },
  ...{ float64: 11, uint32: 12, uint64: 13, uint4: 21, int4: 22 },
};

const random = createRandom(20261205);
const floats = (shape: readonly number[], low = -6, high = 6): HostTensor =>
  hostTensor('float32', shape, random.uniformArray(count(shape), low, high));
const numbers = (elementType: ElementType, shape: readonly number[], low: number, high: number): HostTensor =>
  hostTensor(elementType, shape, random.integerArray(count(shape), low, high));
const count = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
const list = (elementType: ElementType, ...values: number[]): HostTensor =>
  hostTensor(elementType, [values.length], values);
const truth = (shape: readonly number[]): HostTensor => numbers('bool', shape, 0, 1);
const named = (operator: Operator, detail: string, rest: Omit<NamedCase, 'name' | 'operator'>): NamedCase => ({
  name: `${operator.name} ${detail}`,
  operator,
  ...rest,
});

/** float32's own rounding and the error that WGSL allows in exp. */
const tolerance = 3e-5;
const fromZero = ['Sqrt', 'Log'];
/** Since which version, where it is above 21. */
const versions: Readonly<Record<string, number>> = { Swish: 24 };

const ofFloats = unaryOperators.map((operator) =>
  named(operator, 'of floats', {
    inputs: [floats([3, 5, 7], fromZero.includes(operator.name) ? 1e-3 : -6)],
    opset: operator.domain ? 1 : (versions[operator.name] ?? 21),
    tolerance: operator.name === 'Sin' || operator.name === 'Cos' ? 1e-3 : tolerance,
  }),
);

const withAttributes: readonly NamedCase[] = [
  ...['LeakyRelu', 'ThresholdedRelu', 'Elu', 'Celu', 'HardSigmoid', 'Selu'].map((name): NamedCase => {
    const operator = unaryOperators.find((found) => found.name === name);
    if (!operator) throw new Error(`There is no operator ${name}.`);
    const second = name === 'HardSigmoid' ? { beta: 0.375 } : name === 'Selu' ? { gamma: 2.5 } : {};
    return named(operator, 'with attributes', {
      inputs: [floats([33])],
      attributes: { alpha: 1.5, ...second },
      tolerance,
    });
  }),
  named(Gelu, 'by tanh', { inputs: [floats([33])], attributes: { approximate: 'tanh' }, tolerance }),
  named(QuickGelu, 'with alpha', { inputs: [floats([33])], attributes: { alpha: 1.25 }, opset: 1, tolerance }),
  named(Clip, 'by attributes', { inputs: [floats([9])], attributes: { min: -1.5, max: 2.5 }, opset: 6 }),
  named(Clip, 'by inputs', {
    inputs: [floats([2, 9]), hostTensor('float32', [], [-0.5]), hostTensor('float32', [], [1.25])],
    constants: [1, 2],
  }),
  named(Clip, 'from above only', { inputs: [floats([9]), undefined, hostTensor('float32', [], [1])], constants: [2] }),
  named(Clip, 'by bounds from the GPU', {
    inputs: [floats([2, 9]), hostTensor('float32', [], [-0.5]), hostTensor('float32', [], [1.25])],
  }),
];

const arithmetic = [Add, Sub, Mul, Div].flatMap((operator) => [
  named(operator, 'of one shape', { inputs: [floats([3, 5]), floats([3, 5], 0.5, 4)], tolerance: 1e-6 }),
  named(operator, 'of channels', { inputs: [floats([2, 3, 5, 3]), floats([3, 1, 1], 0.5, 4)], tolerance: 1e-6 }),
  named(operator, 'of int32', { inputs: [numbers('int32', [4, 5], -99, 99), numbers('int32', [5], 1, 9)] }),
  named(operator, 'of int64', { inputs: [numbers('int64', [4, 5], -99, 99), numbers('int64', [4, 1], -9, -1)] }),
]);

const moreArithmetic: readonly NamedCase[] = [
  named(Mod, 'of int32', { inputs: [numbers('int32', [40], -99, 99), numbers('int32', [1], -7, -7)] }),
  named(Mod, 'of int32 as in C', {
    inputs: [numbers('int32', [40], -99, 99), numbers('int32', [40], 1, 9)],
    attributes: { fmod: 1 },
  }),
  named(Mod, 'of floats', { inputs: [floats([40]), floats([40], 0.5, 3)], attributes: { fmod: 1 }, tolerance: 1e-6 }),
  named(Mod, 'of uint8', { inputs: [randomTensor('uint8', [3, 7]), numbers('uint8', [7], 1, 9)] }),
  named(Pow, 'of floats', { inputs: [floats([3, 7], 0.1), floats([7], -3, 3)], tolerance }),
  named(Pow, 'of a negative base', { inputs: [floats([3, 7]), numbers('float32', [7], -3, 3)], tolerance }),
  named(Pow, 'with whole exponents', { inputs: [floats([3, 7]), numbers('int64', [3, 7], 0, 3)], tolerance }),
  named(Pow, 'squared', { inputs: [floats([3, 7]), list('float32', 2)], constants: [1], tolerance: 1e-6 }),
  named(Pow, 'of int32', { inputs: [numbers('int32', [20], -7, 7), numbers('int32', [20], 0, 5)] }),
  named(Pow, 'of int32 with a constant float', {
    inputs: [numbers('int32', [20], -7, 7), list('float32', 3)],
    constants: [1],
  }),
  named(Pow, 'of int32 with floats', { inputs: [numbers('int32', [20], -7, 7), numbers('float32', [20], 0, 5)] }),
  named(PRelu, 'with a slope a channel', { inputs: [floats([2, 3, 5]), floats([3, 1], 0.1, 0.5)], tolerance: 1e-6 }),
  ...[Min, Max, Sum, Mean].flatMap((operator) => [
    named(operator, 'of three', { inputs: [floats([2, 3, 4]), floats([4]), floats([3, 1])], tolerance: 1e-6 }),
    named(operator, 'of one', { inputs: [floats([5])] }),
  ]),
  named(Min, 'of int64', { inputs: [numbers('int64', [30], -99, 99), numbers('int64', [30], -99, 99)] }),
  named(Max, 'of uint32', {
    inputs: [list('uint32', ...Array.from({ length: 20 }, () => random.bits())), list('uint32', 2 ** 31)],
  }),
];

const comparisons = [Equal, Less, LessOrEqual, Greater, GreaterOrEqual].flatMap((operator) => [
  named(operator, 'of floats', { inputs: [numbers('float32', [4, 9], -3, 3), numbers('float32', [9], -3, 3)] }),
  named(operator, 'of int32', { inputs: [numbers('int32', [4, 9], -3, 3), numbers('int32', [4, 1], -3, 3)] }),
  named(operator, 'of int64', { inputs: [numbers('int64', [40], -3, 3), numbers('int64', [40], -3, 3)] }),
]);

const choices: readonly NamedCase[] = [
  ...[And, Or, Xor].map((operator) => named(operator, '', { inputs: [truth([4, 9]), truth([9])] })),
  named(Not, '', { inputs: [truth([33])] }),
  named(Equal, 'of bool', { inputs: [truth([33]), truth([33])] }),
  named(Where, 'of floats', { inputs: [truth([2, 1, 9]), floats([3, 1]), floats([9])] }),
  named(Where, 'of uint8', { inputs: [truth([17]), randomTensor('uint8', [2, 17]), randomTensor('uint8', [2, 1])] }),
  named(Where, 'of int64', { inputs: [truth([17]), randomTensor('int64', [17]), list('int64', 3)] }),
  named(IsNaN, '', { inputs: [list('float32', 1, Number.NaN, Number.POSITIVE_INFINITY)] }),
  named(IsInf, '', { inputs: [list('float32', 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)] }),
  named(IsInf, 'below only', {
    inputs: [list('float32', 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)],
    attributes: { detect_positive: 0 },
  }),
];

/** Casts whose result ONNX defines. */
const castPairs: readonly (readonly [ElementType, ElementType])[] = [
  ...(['int32', 'int64', 'int8', 'uint8', 'int16', 'bool'] as const).map((to) => ['float32', to] as const),
  ...(['float32', 'int64', 'int8', 'uint8', 'int16', 'uint16', 'uint32', 'bool'] as const).map(
    (to) => ['int32', to] as const,
  ),
  ...(['float32', 'int32', 'int8', 'bool'] as const).map((to) => ['uint8', to] as const),
  ...(['float32', 'uint8', 'int32'] as const).map((to) => ['int8', to] as const),
  ...(['float32', 'int32', 'uint8', 'int64'] as const).map((to) => ['bool', to] as const),
  ...(['float32', 'int32', 'int16', 'bool'] as const).map((to) => ['int64', to] as const),
];
const casts: readonly NamedCase[] = [
  ...castPairs.map(([from, to]) =>
    named(Cast, `${from} to ${to}`, {
      inputs: [from === 'float32' ? floats([3, 17], 0, 120) : randomTensor(from, [3, 17])],
      attributes: { to: codes[to] ?? 1 },
    }),
  ),
  named(CastLike, 'float32 to int32', { inputs: [floats([3, 17]), numbers('int32', [20], 0, 1)] }),
  named(Identity, 'of uint8', { inputs: [randomTensor('uint8', [3, 17])] }),
  named(Dropout, 'with its mask', { inputs: [floats([2, 3])], outputCount: 2 }),
];

const channels = [floats([3]), floats([3]), floats([3]), floats([3], 0.1, 2)];
const normalizations: readonly NamedCase[] = [
  named(BatchNormalization, 'of constants', {
    inputs: [floats([2, 3, 5, 3]), ...channels],
    constants: [1, 2, 3, 4],
    attributes: { epsilon: 0.01 },
    tolerance: 1e-5,
  }),
  named(BatchNormalization, 'of inputs', { inputs: [floats([4, 3]), ...channels], opset: 9, tolerance: 1e-5 }),
];

/** What ONNX Runtime computes as well. */
export const cases: readonly NamedCase[] = [
  ...[...ofFloats, ...withAttributes, ...arithmetic, ...moreArithmetic],
  ...[...comparisons, ...choices, ...casts, ...normalizations],
];

/** What ONNX allows, or leaves open, and ONNX Runtime does not compute. */
export const furtherCases: readonly NamedCase[] = [
  ...(['int8', 'uint8', 'int16', 'uint16', 'uint32'] as const).flatMap((type) =>
    [Add, Sub, Mul, Div, Min, Max].map((operator) =>
      named(operator, `of ${type}`, { inputs: [randomTensor(type, [3, 17], 3), randomTensor(type, [17], 5)] }),
    ),
  ),
  ...unaryOperators
    .filter(({ name }) => ['Neg', 'Abs', 'Sign', 'Relu'].includes(name))
    .flatMap((operator) =>
      (['int8', 'int32', 'int64'] as const).map((type) =>
        named(operator, `of ${type}`, { inputs: [randomTensor(type, [3, 17])] }),
      ),
    ),
  ...(['int8', 'uint8', 'int32', 'int64', 'uint32'] as const).map((type) =>
    named(Clip, `of ${type}`, {
      inputs: [randomTensor(type, [3, 17]), hostTensor(type, [], [5]), hostTensor(type, [], [90])],
      constants: [1, 2],
    }),
  ),
  named(Mean, 'of bytes that wrap around', { inputs: [floats([3]), floats([3])], tolerance: 1e-6 }),
  named(PRelu, 'of int32', { inputs: [numbers('int32', [20], -9, 9), list('int32', 3)] }),
  named(Pow, 'of uint8', { inputs: [randomTensor('uint8', [20]), list('uint8', 3)] }),
  named(Pow, 'of int64', { inputs: [numbers('int64', [20], -7, 7), numbers('int64', [20], 0, 7)] }),
  named(Cast, 'beyond the range', {
    inputs: [list('float32', 1e10, -1e10, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, -(2 ** 31))],
    attributes: { to: codes.int32 ?? 1 },
  }),
  ...(['uint8', 'int8', 'uint16', 'uint32', 'uint4', 'int4', 'float16', 'bool'] as const).map((to) =>
    named(Cast, `of everything to ${to}`, {
      inputs: [list('float32', -1e10, -300, -1.5, 0, Number.NaN, 0.1, 1.9, 200.5, 70000, 3e9, 1e20, 65519)],
      attributes: { to: codes[to] ?? 1 },
    }),
  ),
  ...(['float16', 'uint32', 'int16', 'uint16'] as const).map((to) =>
    named(Cast, `int64 to ${to}`, { inputs: [randomTensor('int64', [40])], attributes: { to: codes[to] ?? 1 } }),
  ),
  named(Cast, 'float32 to bfloat16', {
    inputs: [
      list('float32', 1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -0.1, 3e38, Number.POSITIVE_INFINITY, Number.NaN, 3.4e38),
    ],
    attributes: { to: 16 },
  }),
  named(Cast, 'int32 to bfloat16', { inputs: [randomTensor('int32', [40])], attributes: { to: 16 } }),
  named(Cast, 'uint32 to float32', {
    inputs: [list('uint32', 2 ** 31, 7, ...Array(20).fill(3e9))],
    attributes: { to: 1 },
  }),
  named(Cast, 'uint8 to int4', { inputs: [randomTensor('uint8', [40])], attributes: { to: codes.int4 ?? 1 } }),
  named(Cast, 'float16 to float32', { inputs: [hostTensor('float16', [2], [0.5, 65504])], attributes: { to: 1 } }),
  named(Dropout, 'of version 7', { inputs: [floats([2, 3])], outputCount: 2, opset: 7 }),
];
