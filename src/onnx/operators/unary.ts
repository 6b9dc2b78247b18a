import { roundHalfToEven } from '../../base/rounding.ts';
import { integerRange } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator } from '../../graph/operator.ts';
import { type ElementwiseParameters, type UnaryOperation, unary } from '../../nn/elementwise.ts';
import { evaluateBroadcast, formatOf } from './elementwise.ts';
import { errorFunction } from './errorFunction.ts';

/** A function of one operand: what ONNX calls it, what the kernels call it, and what it is. */
interface Definition {
  readonly operation: UnaryOperation;
  readonly floats: (x: number, parameters: Required<ElementwiseParameters>) => number;
  /** Undefined where it is not defined for integers. */
  readonly integers?: (x: number) => number;
  /** True where the result of an integer may need one bit more. */
  readonly grows?: boolean;
  readonly parameters?: (context: NodeContext) => ElementwiseParameters;
}

function parametersOf(definition: Definition, context: NodeContext): Required<ElementwiseParameters> {
  return { alpha: 0, beta: 0, low: -(2 ** 31), high: 2 ** 31 - 1, ...definition.parameters?.(context) };
}

/** An operator that maps each element of its input; `choose` may pick the function by the node's attributes. */
function mapping(name: string, choose: Definition | ((context: NodeContext) => Definition), domain = ''): Operator {
  const definitionOf = (context: NodeContext): Definition => (typeof choose === 'function' ? choose(context) : choose);
  return {
    name,
    domain,
    infer: (context) => {
      const { elementType, shape } = context.input(0);
      if (integerRange(elementType) && !definitionOf(context).integers) {
        context.fail(`it takes floats, but input 0 is ${elementType}`);
      }
      return [{ elementType, shape }];
    },
    evaluate: (context, inputs) => {
      const definition = definitionOf(context);
      const { elementType } = context.input(0);
      const parameters = parametersOf(definition, context);
      const { floats, integers } = definition;
      const compute = integerRange(elementType) && integers ? integers : (x: number) => floats(x, parameters);
      return [evaluateBroadcast(context, inputs.slice(0, 1), elementType, compute)];
    },
    record: (record) => {
      const { context, engine } = record;
      const definition = definitionOf(context);
      const format = formatOf(context.input(0).elementType, definition.grows ?? false);
      const parameters = parametersOf(definition, context);
      return [record.narrowed(unary(engine, definition.operation, record.widened(0), parameters, format))];
    },
    explain: (context) => `nn/elementwise ${definitionOf(context).operation}: vectors of 4`,
  };
}

const alphaOf =
  (fallback: number) =>
  (context: NodeContext): ElementwiseParameters => ({ alpha: context.number('alpha', fallback) });
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const unit = (x: number): number => Math.min(Math.max(x, 0), 1);

const Neg = mapping('Neg', { operation: 'neg', floats: (x) => -x, integers: (x) => 0 - x, grows: true });
export const Abs = mapping('Abs', { operation: 'abs', floats: Math.abs, integers: Math.abs, grows: true });
const Sign = mapping('Sign', { operation: 'sign', floats: Math.sign, integers: Math.sign });
const Reciprocal = mapping('Reciprocal', { operation: 'reciprocal', floats: (x) => 1 / x });
export const Sqrt = mapping('Sqrt', { operation: 'sqrt', floats: Math.sqrt });
const Exp = mapping('Exp', { operation: 'exp', floats: Math.exp });
const Log = mapping('Log', { operation: 'log', floats: Math.log });
const Erf = mapping('Erf', { operation: 'erf', floats: errorFunction });
const Sin = mapping('Sin', { operation: 'sin', floats: Math.sin });
const Cos = mapping('Cos', { operation: 'cos', floats: Math.cos });
const Floor = mapping('Floor', { operation: 'floor', floats: Math.floor });
const Ceil = mapping('Ceil', { operation: 'ceil', floats: Math.ceil });
export const Round = mapping('Round', { operation: 'round', floats: roundHalfToEven });

const Relu = mapping('Relu', {
  operation: 'relu',
  floats: (x) => Math.max(x, 0),
  integers: (x) => Math.max(x, 0),
});
const LeakyRelu = mapping('LeakyRelu', {
  operation: 'leakyRelu',
  floats: (x, { alpha }) => (x < 0 ? alpha * x : x),
  parameters: alphaOf(0.01),
});
const ThresholdedRelu = mapping('ThresholdedRelu', {
  operation: 'thresholdedRelu',
  floats: (x, { alpha }) => (x <= alpha ? 0 : x),
  parameters: alphaOf(1),
});
const Elu = mapping('Elu', {
  operation: 'elu',
  floats: (x, { alpha }) => (x < 0 ? alpha * Math.expm1(x) : x),
  parameters: alphaOf(1),
});
const Celu = mapping('Celu', {
  operation: 'celu',
  floats: (x, { alpha }) => (x < 0 ? alpha * Math.expm1(x / alpha) : x),
  parameters: alphaOf(1),
});
export const Selu = mapping('Selu', {
  operation: 'selu',
  floats: (x, { alpha, beta }) => beta * (x <= 0 ? alpha * Math.expm1(x) : x),
  // The attribute gamma is the kernel's beta; the defaults are ONNX's.
  parameters: (context) => ({
    alpha: context.number('alpha', 1.6732632423543772),
    beta: context.number('gamma', 1.0507009873554805),
  }),
});
const Softplus = mapping('Softplus', { operation: 'softplus', floats: softplus });
const Softsign = mapping('Softsign', {
  operation: 'softsign',
  floats: (x) => (Math.abs(x) === Number.POSITIVE_INFINITY ? Math.sign(x) : x / (1 + Math.abs(x))),
});
const Sigmoid = mapping('Sigmoid', { operation: 'sigmoid', floats: logistic });
const HardSigmoid = mapping('HardSigmoid', {
  operation: 'hardSigmoid',
  floats: (x, { alpha, beta }) => unit(alpha * x + beta),
  parameters: (context) => ({ alpha: context.number('alpha', 0.2), beta: context.number('beta', 0.5) }),
});
const HardSwish = mapping('HardSwish', { operation: 'hardSwish', floats: (x) => x * unit(x / 6 + 0.5) });
const Swish = mapping('Swish', {
  operation: 'swish',
  floats: (x, { alpha }) => x * logistic(alpha * x),
  parameters: alphaOf(1),
});
const Tanh = mapping('Tanh', { operation: 'tanh', floats: Math.tanh });
const Mish = mapping('Mish', { operation: 'mish', floats: (x) => x * Math.tanh(softplus(x)) });

const gelu: Definition = { operation: 'gelu', floats: (x) => 0.5 * x * (1 + errorFunction(x / Math.SQRT2)) };
const geluByTangent: Definition = {
  operation: 'geluTanh',
  floats: (x) => x * logistic(Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3)),
};

export const Gelu = mapping('Gelu', (context) => {
  const approximation = context.text('approximate', 'none');
  if (approximation === 'tanh') return geluByTangent;
  return approximation === 'none' ? gelu : context.fail(`there is no approximation "${approximation}"`);
});
/** ONNX Runtime's own, before ONNX had one. */
const MicrosoftGelu = mapping('Gelu', gelu, 'com.microsoft');
export const QuickGelu = mapping(
  'QuickGelu',
  {
    operation: 'swish',
    floats: (x, { alpha }) => x * logistic(alpha * x),
    parameters: alphaOf(1.702),
  },
  'com.microsoft',
);

/** Operators that map each element of one input. */
export const unaryOperators: readonly Operator[] = [
  ...[Neg, Abs, Sign, Reciprocal, Sqrt, Exp, Log, Erf, Sin, Cos, Floor, Ceil, Round],
  ...[Relu, LeakyRelu, ThresholdedRelu, Elu, Celu, Selu, Softplus, Softsign, Sigmoid, HardSigmoid, HardSwish],
  ...[Swish, Tanh, Mish, Gelu, MicrosoftGelu, QuickGelu],
];
