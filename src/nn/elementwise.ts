import { InvalidInput, LimitExceeded } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { workRuns } from '../gpu/windows.ts';
import { type BroadcastAxes, broadcastAxes, broadcastShapes } from './broadcast.ts';

const words = <const N extends string>(...names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, 'u32'])) as Readonly<Record<N, 'u32'>>;
const uniforms = {
  ...words('first', 'end', 'innerLength', 'rowQuads'),
  ...words('length1', 'length2', 'length3', 'length4', 'length5', 'length6'),
  ...words('aStep0', 'aStep1', 'aStep2', 'aStep3', 'aStep4', 'aStep5', 'aStep6', 'aStep7'),
  ...words('bStep0', 'bStep1', 'bStep2', 'bStep3', 'bStep4', 'bStep5', 'bStep6', 'bStep7'),
  ...words('cStep0', 'cStep1', 'cStep2', 'cStep3', 'cStep4', 'cStep5', 'cStep6', 'cStep7'),
  alpha: 'f32',
  beta: 'f32',
  low: 'i32',
  high: 'i32',
  spare: 'u32',
} as const;
const name = 'nn/elementwise';
const one = { y: 'write', a: 'read' } as const;
const two = { ...one, b: 'read' } as const;
const unaryKernel = declareKernel({ name, uniforms, bindings: one });
const checkedUnaryKernel = declareKernel({ name, uniforms, bindings: { ...one, fault: 'write' } });
const binaryKernel = declareKernel({ name, uniforms, bindings: two });
const checkedBinaryKernel = declareKernel({ name, uniforms, bindings: { ...two, fault: 'write' } });
const ternaryKernel = declareKernel({ name, uniforms, bindings: { ...two, c: 'read' } });

/** Operations per element, about: most are a handful, but functions and index arithmetic take their time. */
const workPerElement = 30;

/**
 * A function of one operand. Of float32: the mathematical function of that name (`round` half to even, `gelu` by the error
 * function, `linear` is alpha·x + beta, `half` rounds to binary16, `brain` to bfloat16), or a classification that gives 0 or 1 (`nan`; `infinite`,
 * of positive infinity if beta is not 0 and of negative if alpha is not 0), or a conversion (`toBool`, `toInteger`, which
 * saturates at `low` and `high`, `toUnsigned`). Of int32: `neg`, `abs`, `sign`, `relu`, `clip` (to `low` and `high`), `not`,
 * `toBool`, `toFloat`, and `wrap`, which only wraps around.
 */
export type UnaryOperation =
  | 'neg'
  | 'abs'
  | 'reciprocal'
  | 'sqrt'
  | 'exp'
  | 'log'
  | 'erf'
  | 'sin'
  | 'cos'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'sign'
  | 'relu'
  | 'leakyRelu'
  | 'thresholdedRelu'
  | 'elu'
  | 'celu'
  | 'selu'
  | 'softplus'
  | 'softsign'
  | 'sigmoid'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'swish'
  | 'tanh'
  | 'gelu'
  | 'geluTanh'
  | 'mish'
  | 'clip'
  | 'linear'
  | 'half'
  | 'brain'
  | 'nan'
  | 'infinite'
  | 'not'
  | 'toBool'
  | 'toInteger'
  | 'toUnsigned'
  | 'toFloat'
  | 'wrap';

/**
 * A function of two operands. `truncatedMod` has the sign of the dividend, `floorMod` (integers) that of the divisor;
 * `prelu` is a, or a·b where a < 0; comparisons give 0 or 1, as do `and`, `or` and `xor` of integers.
 */
export type BinaryOperation =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'truncatedMod'
  | 'floorMod'
  | 'min'
  | 'max'
  | 'prelu'
  | 'equal'
  | 'less'
  | 'lessOrEqual'
  | 'and'
  | 'or'
  | 'xor';

/** Numbers that an operation on float32 elements has beside its operands; see `UnaryOperation`. */
export interface ElementwiseParameters {
  /** The operation's first number, as ONNX calls it; the lower bound of `clip`. 0 unless given. */
  readonly alpha?: number;
  /** Its second number (`selu`: gamma); the upper bound of `clip`. 0 unless given. */
  readonly beta?: number;
  /** Lower bound of `clip` and `toInteger` for integers; the least int32 unless given. */
  readonly low?: number;
  /** Upper bound of `clip` and `toInteger` for integers; the greatest int32 unless given. */
  readonly high?: number;
}

/** What integers are that lie in int32 elements. */
export interface IntegerFormat {
  /** Unsigned integers, as bits; false unless given. */
  readonly unsigned?: boolean;
  /** Results wrap around at this many bits; 32 unless given. */
  readonly bits?: number;
  /**
   * The integers stand for 64-bit ones: reading a result that is below this number, or beyond 32 bits, rejects with
   * `LimitExceeded`. Not checked unless given.
   */
  readonly checkedFrom?: number;
  /** Of `toInteger`: reading the result of a float that is not a whole number of 32 bits rejects with `InvalidInput`. */
  readonly whole?: boolean;
}

type Element = 'float32' | 'int32';
const integerResults: readonly string[] = ['nan', 'infinite', 'toBool', 'toInteger', 'toUnsigned'];
const comparisons: readonly string[] = ['equal', 'less', 'lessOrEqual'];

interface Job {
  readonly operation: string;
  readonly operands: readonly Tensor<Element>[];
  readonly result: Element;
  readonly parameters?: ElementwiseParameters;
  readonly format?: IntegerFormat;
}

/** A function of each element. @throws DisposedTensor, LimitExceeded for a tensor beyond the adapter's bindings */
export function unary(
  engine: Engine,
  operation: UnaryOperation,
  x: Tensor<Element>,
  parameters: ElementwiseParameters = {},
  format: IntegerFormat = {},
): Tensor<Element> {
  const becomesInteger = x.dtype === 'int32' || integerResults.includes(operation);
  const result = becomesInteger && operation !== 'toFloat' ? 'int32' : 'float32';
  return record(engine, { operation, operands: [x], result, parameters, format });
}

/**
 * A function of the elements of two tensors of the same type, broadcast to each other as in NumPy (ranks up to 8).
 * Dividing integers by 0 gives the dividend, and remainder 0.
 * @throws ShapeMismatch, DisposedTensor, LimitExceeded
 */
export function binary(
  engine: Engine,
  operation: BinaryOperation,
  a: Tensor<Element>,
  b: Tensor<Element>,
  format: IntegerFormat = {},
): Tensor<Element> {
  const result = comparisons.includes(operation) ? 'int32' : a.dtype;
  return record(engine, { operation, operands: [a, b], result, format });
}

/** Elements of `a` where the condition is not 0, else of `b`, which is of the same type; all are broadcast. */
export function where<D extends Element>(
  engine: Engine,
  condition: Tensor<'int32'>,
  a: Tensor<D>,
  b: Tensor<D>,
): Tensor<D> {
  return record(engine, { operation: 'where', operands: [condition, a, b], result: a.dtype }) as Tensor<D>;
}

/** x·scale + shift, broadcast. */
export function affine(
  engine: Engine,
  x: Tensor<'float32'>,
  scale: Tensor<'float32'>,
  shift: Tensor<'float32'>,
): Tensor<'float32'> {
  return record(engine, { operation: 'affine', operands: [x, scale, shift], result: 'float32' }) as Tensor<'float32'>;
}

/** How elements are walked: in a word, for explanations. */
export function walkOf(operands: readonly Shape[]): 'vectors of 4' | 'rows' | 'rows of many axes' {
  const { lengths } = broadcastAxes(broadcastShapes(...operands), operands);
  if (lengths.length <= 1) return 'vectors of 4';
  return lengths.length <= 3 ? 'rows' : 'rows of many axes';
}

function record(engine: Engine, job: Job): Tensor<Element> {
  const { operation, operands, result, parameters = {}, format = {} } = job;
  const shapes = operands.map(({ shape }) => shape);
  const shape = broadcastShapes(...shapes);
  const y = engine.empty(shape, result);
  if (y.size === 0) return y;
  const axes = broadcastAxes(shape, shapes);
  const flat = axes.lengths.length <= 1;
  const innerLength = axes.lengths[0] ?? 1;
  const rowQuads = Math.ceil(innerLength / 4);
  const float = operands.at(-1)?.dtype === 'float32';
  const { whole = false } = format;
  const checked = whole || format.checkedFrom !== undefined;
  const conditions = {
    [operation]: true,
    unary: operands.length === 1,
    binary: operands.length === 2,
    float,
    unsigned: format.unsigned ?? false,
    flat,
    deep: axes.lengths.length > 3,
    checked,
    whole,
  };
  const { alpha = 0, beta = 0, high = 2 ** 31 - 1 } = parameters;
  const low = format.checkedFrom ?? parameters.low ?? -(2 ** 31);
  const fixed = {
    innerLength,
    rowQuads,
    ...walkUniforms(axes),
    alpha,
    beta,
    low,
    high,
    spare: 32 - (format.bits ?? 32),
  };
  const [a = y, b = y, c = y] = operands;
  const fault = checked
    ? engine.fault((index) => (whole ? notWhole(index) : beyondIntegers(operation, index)))
    : undefined;
  const quadCount = (elementCount(shape) / innerLength) * rowQuads;
  for (const { first, end, work } of workRuns(engine, quadCount, workPerElement * 4, 64)) {
    const dispatch = {
      uniforms: { ...fixed, first, end },
      workgroups: Math.ceil((end - first) / 64),
      work,
      variant: { conditions },
    };
    if (operands.length === 3) engine.run(ternaryKernel, { ...dispatch, bindings: { y, a, b, c } });
    else if (operands.length === 2 && fault) {
      engine.run(checkedBinaryKernel, { ...dispatch, bindings: { y, a, b, fault } });
    } else if (operands.length === 2) engine.run(binaryKernel, { ...dispatch, bindings: { y, a, b } });
    else if (fault) engine.run(checkedUnaryKernel, { ...dispatch, bindings: { y, a, fault } });
    else engine.run(unaryKernel, { ...dispatch, bindings: { y, a } });
  }
  fault?.release();
  return y;
}

function walkUniforms({ lengths, steps }: BroadcastAxes) {
  const [, length1 = 1, length2 = 1, length3 = 1, length4 = 1, length5 = 1, length6 = 1] = lengths;
  const step = (operand: number, axis: number): number => steps[operand]?.[axis] ?? 0;
  return {
    ...{ length1, length2, length3, length4, length5, length6 },
    ...{ aStep0: step(0, 0), aStep1: step(0, 1), aStep2: step(0, 2), aStep3: step(0, 3) },
    ...{ aStep4: step(0, 4), aStep5: step(0, 5), aStep6: step(0, 6), aStep7: step(0, 7) },
    ...{ bStep0: step(1, 0), bStep1: step(1, 1), bStep2: step(1, 2), bStep3: step(1, 3) },
    ...{ bStep4: step(1, 4), bStep5: step(1, 5), bStep6: step(1, 6), bStep7: step(1, 7) },
    ...{ cStep0: step(2, 0), cStep1: step(2, 1), cStep2: step(2, 2), cStep3: step(2, 3) },
    ...{ cStep4: step(2, 4), cStep5: step(2, 5), cStep6: step(2, 6), cStep7: step(2, 7) },
  };
}

function beyondIntegers(operation: string, index: number): LimitExceeded {
  return new LimitExceeded(
    `Element ${index} of a result ("${operation}") does not fit the 32 bits that 64-bit integers have on the GPU; keep such integers small, or fixed before the model runs.`,
  );
}

function notWhole(index: number): InvalidInput {
  return new InvalidInput(
    `Element ${index} of what must be whole numbers, such as the exponents of integers, is not one of 32 bits; round it, or compute with floats.`,
  );
}
