import type { Tensor } from '../../gpu/tensor.ts';
import { isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { type BinaryOperation, binary, unary, walkOf, where } from '../../nn/elementwise.ts';
import { broadcastInputs, commonType, evaluateBroadcast, formatOf } from './elementwise.ts';

/** An operator that compares two inputs of one type. `swapped`: the kernel's operation on the second and the first. */
function comparing(
  name: string,
  operation: BinaryOperation,
  swapped: boolean,
  compare: (a: number, b: number) => boolean,
): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      commonType(context, 0, 2);
      return [{ elementType: 'bool', shape: broadcastInputs(context, 2) }];
    },
    evaluate: (context, inputs) => [evaluateBroadcast(context, inputs, 'bool', (a, b) => Number(compare(a, b)))],
    record: ({ engine, context, widened }) => {
      const [a, b] = swapped ? [widened(1), widened(0)] : [widened(0), widened(1)];
      const { unsigned = false } = formatOf(context.input(0).elementType, false);
      return [binary(engine, operation, a, b, { unsigned })];
    },
    explain: explainer(operation),
  };
}

const explainer =
  (operation: string) =>
  (context: NodeContext): string =>
    `nn/elementwise ${operation}: ${walkOf(Array.from({ length: context.inputCount }, (_, index) => context.input(index).shape))}`;

export const Equal = comparing('Equal', 'equal', false, (a, b) => a === b);
export const Less = comparing('Less', 'less', false, (a, b) => a < b);
export const LessOrEqual = comparing('LessOrEqual', 'lessOrEqual', false, (a, b) => a <= b);
export const Greater = comparing('Greater', 'less', true, (a, b) => a > b);
export const GreaterOrEqual = comparing('GreaterOrEqual', 'lessOrEqual', true, (a, b) => a >= b);

function assertBool(context: NodeContext, indices: readonly number[]): void {
  for (const index of indices) {
    const { elementType } = context.input(index);
    if (elementType !== 'bool') context.fail(`input ${index} is ${elementType}, but must be bool`);
  }
}

/** An operator on two truth values. */
function logical(name: string, operation: BinaryOperation, combine: (a: number, b: number) => number): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      assertBool(context, [0, 1]);
      return [{ elementType: 'bool', shape: broadcastInputs(context, 2) }];
    },
    evaluate: (context, inputs) => [evaluateBroadcast(context, inputs, 'bool', combine)],
    record: ({ engine, widened }) => [binary(engine, operation, widened(0), widened(1))],
    explain: explainer(operation),
  };
}

export const And = logical('And', 'and', (a, b) => a & b);
export const Or = logical('Or', 'or', (a, b) => a | b);
export const Xor = logical('Xor', 'xor', (a, b) => a ^ b);

export const Not: Operator = {
  name: 'Not',
  domain: '',
  infer: (context) => {
    assertBool(context, [0]);
    return [{ elementType: 'bool', shape: context.input(0).shape }];
  },
  evaluate: (context, inputs) => [evaluateBroadcast(context, inputs, 'bool', (a) => 1 - (a ?? 0))],
  record: ({ engine, widened }) => [unary(engine, 'not', widened(0))],
  explain: explainer('not'),
};

export const Where: Operator = {
  name: 'Where',
  domain: '',
  infer: (context) => {
    assertBool(context, [0]);
    return [{ elementType: commonType(context, 1, 3), shape: broadcastInputs(context, 3) }];
  },
  evaluate: (context, inputs) => [
    evaluateBroadcast(context, inputs, commonType(context, 1, 3), (condition, a, b) => (condition ? a : b)),
  ],
  record: (record) => {
    const condition = record.widened(0) as Tensor<'int32'>;
    return [record.narrowed(where(record.engine, condition, record.widened(1), record.widened(2)))];
  },
  explain: explainer('where'),
};

/** An operator that tells floats apart. */
function classifying(
  name: string,
  operation: 'nan' | 'infinite',
  belongs: (context: NodeContext) => (x: number) => boolean,
): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      const { elementType, shape } = context.input(0);
      if (isInteger(elementType)) context.fail(`it takes floats, but input 0 is ${elementType}`);
      return [{ elementType: 'bool', shape }];
    },
    evaluate: (context, inputs) => {
      const test = belongs(context);
      return [evaluateBroadcast(context, inputs, 'bool', (x) => Number(test(x)))];
    },
    record: ({ engine, context, widened }) => [
      unary(engine, operation, widened(0), {
        alpha: context.number('detect_negative', 1),
        beta: context.number('detect_positive', 1),
      }),
    ],
    explain: explainer(operation),
  };
}

export const IsNaN = classifying('IsNaN', 'nan', () => Number.isNaN);
export const IsInf = classifying('IsInf', 'infinite', (context) => {
  const negative = context.number('detect_negative', 1) !== 0;
  const positive = context.number('detect_positive', 1) !== 0;
  return (x) => (positive && x === Number.POSITIVE_INFINITY) || (negative && x === Number.NEGATIVE_INFINITY);
});

/** Comparisons, logic, and choices by them. */
export const comparisonOperators: readonly Operator[] = [
  Equal,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
  And,
  Or,
  Xor,
  Not,
  Where,
  IsNaN,
  IsInf,
];
