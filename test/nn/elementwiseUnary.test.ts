import { describe, expect, it } from 'vitest';
import {
  type ElementwiseParameters,
  type IntegerFormat,
  type UnaryOperation,
  unary,
} from '../../src/nn/elementwise.ts';
import { errorFunction } from '../../src/onnx/operators/errorFunction.ts';
import { createRandom } from '../reference/random.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine();
const infinity = Number.POSITIVE_INFINITY;

const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
};
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const unit = (x: number): number => Math.min(Math.max(x, 0), 1);
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

interface FunctionCase {
  readonly operation: UnaryOperation;
  readonly parameters?: ElementwiseParameters;
  readonly reference: (x: number) => number;
  /** Relative error allowed, 2e-6 unless given, and absolute, 1e-37 unless given (denormals may be flushed to 0). */
  readonly relative?: number;
  readonly absolute?: number;
}

const functions: readonly FunctionCase[] = [
  { operation: 'neg', reference: (x) => -x },
  { operation: 'abs', reference: Math.abs },
  { operation: 'reciprocal', reference: (x) => 1 / x },
  { operation: 'sqrt', reference: Math.sqrt },
  { operation: 'exp', reference: Math.exp, relative: 3e-5 },
  { operation: 'log', reference: Math.log, relative: 1e-5 },
  { operation: 'erf', reference: errorFunction },
  // WGSL promises 2^-11 within ±π.
  { operation: 'sin', reference: Math.sin, absolute: 1e-3 },
  { operation: 'cos', reference: Math.cos, absolute: 1e-3 },
  { operation: 'floor', reference: Math.floor },
  { operation: 'ceil', reference: Math.ceil },
  { operation: 'round', reference: roundHalfEven },
  { operation: 'sign', reference: Math.sign },
  { operation: 'relu', reference: (x) => Math.max(x, 0) },
  { operation: 'leakyRelu', parameters: { alpha: 0.1 }, reference: (x) => (x < 0 ? 0.1 * x : x) },
  { operation: 'thresholdedRelu', parameters: { alpha: 1.5 }, reference: (x) => (x > 1.5 ? x : 0) },
  { operation: 'elu', parameters: { alpha: 2 }, reference: (x) => (x < 0 ? 2 * Math.expm1(x) : x), relative: 1e-5 },
  {
    operation: 'celu',
    parameters: { alpha: 2 },
    reference: (x) => (x < 0 ? 2 * Math.expm1(x / 2) : x),
    relative: 1e-5,
  },
  {
    operation: 'selu',
    parameters: { alpha: 1.5, beta: 1.25 },
    reference: (x) => 1.25 * (x > 0 ? x : 1.5 * Math.expm1(x)),
    relative: 1e-5,
  },
  { operation: 'softplus', reference: softplus, relative: 3e-5 },
  { operation: 'softsign', reference: (x) => (Math.abs(x) === infinity ? Math.sign(x) : x / (1 + Math.abs(x))) },
  { operation: 'sigmoid', reference: logistic, relative: 3e-5 },
  {
    operation: 'hardSigmoid',
    parameters: { alpha: 0.2, beta: 0.5 },
    reference: (x) => unit(0.2 * x + 0.5),
    absolute: 1e-6,
  },
  { operation: 'hardSwish', reference: (x) => x * unit(x / 6 + 0.5), absolute: 1e-6 },
  { operation: 'swish', parameters: { alpha: 1.5 }, reference: (x) => x * logistic(1.5 * x), relative: 3e-5 },
  { operation: 'tanh', reference: Math.tanh },
  {
    operation: 'gelu',
    reference: (x) => 0.5 * x * (1 + errorFunction(x / Math.SQRT2)),
    relative: 5e-6,
    absolute: 2e-7,
  },
  {
    operation: 'geluTanh',
    reference: (x) => x * logistic(Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3)),
    relative: 3e-5,
  },
  { operation: 'mish', reference: (x) => x * Math.tanh(softplus(x)), relative: 3e-5 },
  { operation: 'clip', parameters: { alpha: -1.5, beta: 2.5 }, reference: (x) => Math.min(Math.max(x, -1.5), 2.5) },
  { operation: 'linear', parameters: { alpha: 3, beta: -1 }, reference: (x) => 3 * x - 1, absolute: 1e-6 },
];

/** Numbers near 0 and near 1, of every size up to 100, and the ends of f32. */
function arguments_(): Float32Array {
  const random = createRandom(20261201);
  const values = random.normalArray(160, 0, 3);
  for (let index = 0; index < 60; index++) values[index] = (random.uniform() - 0.5) * 2 ** -(index / 3);
  for (let index = 60; index < 90; index++) values[index] = 1 + (random.uniform() - 0.5) * 2 ** -(index / 5);
  values.set([0, -0, 100, -100, 20, -20, 2.5, 3.5, -0.5, 88, -87, 1, -1, 1e-20, -1e-20], 100);
  return values;
}

const extremes = Float32Array.of(1e30, -1e30, infinity, -infinity, Number.NaN);

describe('functions of one operand', () => {
  it.each(functions)('$operation', async ({ operation, parameters, reference, relative = 2e-6, absolute = 1e-37 }) => {
    const engine = await open();
    const values = arguments_();
    using x = engine.tensor(values, [values.length]);
    using y = unary(engine, operation, x, parameters);
    const found = (await y.read()) as Float32Array;
    for (const [index, value] of values.entries()) {
      const exact = reference(value);
      const wanted = Number.isFinite(Math.fround(exact)) ? exact : Math.fround(exact);
      const got = found[index] ?? Number.NaN;
      if (!Number.isFinite(wanted)) expect(got, `of ${value}`).toBe(wanted);
      else {
        const allowed = absolute + relative * Math.abs(wanted);
        expect(Math.abs(got - wanted), `of ${value}: ${got} for ${wanted}`).toBeLessThanOrEqual(allowed);
      }
    }
  });

  it.each(functions.filter(({ operation }) => operation !== 'sin' && operation !== 'cos'))(
    '$operation of huge numbers, infinity and NaN',
    async ({ operation, parameters, reference }) => {
      const engine = await open();
      using x = engine.tensor(extremes, [extremes.length]);
      using y = unary(engine, operation, x, parameters);
      const found = await y.read();
      // An infinity times 0 is NaN in some definitions and 0 in others.
      for (const [index, value] of extremes.entries()) {
        const wanted = Math.fround(reference(value));
        const got = found[index] ?? 0;
        if (Number.isNaN(value)) expect(got).toBeNaN();
        else if (Number.isFinite(wanted))
          expect(Math.abs(got - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 1e-5 + 1e-36);
        else if (!Number.isNaN(wanted)) expect(got, `of ${value}`).toBe(wanted);
      }
    },
  );

  it('half', async () => {
    const engine = await open();
    const values = Float32Array.of(
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65519,
      65520,
      -1e6,
      2 ** -24,
      2 ** -25,
      2 ** -14,
      0.1,
    );
    using x = engine.tensor(values, [values.length]);
    using y = unary(engine, 'half', x);
    expect([...(await y.read())]).toEqual([
      ...[1, 1, 1 + 2 ** -9, 65504, infinity, -infinity, 2 ** -24, 0, 2 ** -14, 0.0999755859375],
    ]);
  });

  it('classifications and conversions', async () => {
    const engine = await open();
    const values = [1.9, -1.9, 0, 3e9, -3e9, 5e9, infinity, -infinity, Number.NaN, 1e-30];
    const [minimum, maximum] = [-(2 ** 31), 2 ** 31 - 1];
    using x = engine.tensor(Float32Array.from(values), [values.length]);
    const of = async (operation: UnaryOperation, parameters: ElementwiseParameters = {}) => {
      using y = unary(engine, operation, x, parameters);
      return [...(await y.read())];
    };
    expect(await of('nan')).toEqual(values.map((value) => Number(Number.isNaN(value))));
    expect(await of('infinite', { alpha: 1, beta: 1 })).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);
    expect(await of('infinite', { alpha: 1 })).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect(await of('infinite', { beta: 1 })).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect(await of('toBool')).toEqual([1, 1, 0, 1, 1, 1, 1, 1, 1, 1]);
    expect(await of('toInteger')).toEqual([1, -1, 0, maximum, minimum, maximum, maximum, minimum, 0, 0]);
    expect(await of('toInteger', { low: -1, high: 7 })).toEqual([1, -1, 0, 7, -1, 7, 7, -1, 0, 0]);
    expect(await of('toUnsigned')).toEqual([1, 0, 0, 3e9 | 0, 0, -1, -1, 0, 0, 0]);
  });

  it('of integers', async () => {
    const engine = await open();
    const values = [0, 1, -1, 7, -(2 ** 31), 2 ** 31 - 1, 40000];
    using x = engine.tensor(Int32Array.from(values), [values.length]);
    const of = async (
      operation: UnaryOperation,
      parameters: ElementwiseParameters = {},
      format: IntegerFormat = {},
    ) => {
      using y = unary(engine, operation, x, parameters, format);
      return [...(await y.read())];
    };
    expect(await of('neg')).toEqual(values.map((value) => -value | 0));
    expect(await of('abs')).toEqual(values.map((value) => Math.abs(value) | 0));
    expect(await of('sign')).toEqual(values.map(Math.sign));
    expect(await of('relu')).toEqual(values.map((value) => Math.max(value, 0)));
    expect(await of('clip', { low: -1, high: 7 })).toEqual([0, 1, -1, 7, -1, 7, 7]);
    expect(await of('clip', { low: 2, high: 7 }, { unsigned: true })).toEqual([2, 2, 7, 7, 7, 7, 7]);
    expect(await of('not')).toEqual([1, 0, 0, 0, 0, 0, 0]);
    expect(await of('toBool')).toEqual([0, 1, 1, 1, 1, 1, 1]);
    expect(await of('toFloat')).toEqual(values.map(Math.fround));
    expect(await of('toFloat', {}, { unsigned: true })).toEqual(values.map((value) => Math.fround(value >>> 0)));
    expect(await of('wrap', {}, { bits: 16 })).toEqual([0, 1, -1, 7, 0, -1, 40000 - 65536]);
    expect(await of('wrap', {}, { bits: 16, unsigned: true })).toEqual([0, 1, 65535, 7, 0, 65535, 40000]);
    expect(await of('neg', {}, { bits: 8, unsigned: true })).toEqual([0, 255, 1, 249, 0, 1, 192]);
  });
});
