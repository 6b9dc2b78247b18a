import { bitsOf, type HostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { type BinaryOperation, binary, unary, walkOf } from '../../nn/elementwise.ts';
import {
  broadcastInputs,
  commonType,
  type ElementTensor,
  evaluateBroadcast,
  formatOf,
  ownInput,
} from './elementwise.ts';

type Combine = (a: number, b: number) => number;

/** A function of two operands: what the kernels call it, and what it is. */
interface Definition {
  readonly operation: BinaryOperation;
  readonly floats: Combine;
  /** Results are exact, or need only be right in the lowest 32 bits where the type has no more. */
  readonly integers: (bits: number) => Combine;
  /** True where the result of integers may need more bits than they have. */
  readonly grows: boolean;
}

/** A product of integers, of which at least the lowest 32 bits are right. */
const exactProduct =
  (bits: number): Combine =>
  (a, b) => {
    const product = a * b;
    return bits > 32 || Number.isSafeInteger(product) ? product : Math.imul(a, b);
  };

/** Dividing by 0, which ONNX does not define for integers, gives the dividend, as on the GPU. */
const integerQuotient = (): Combine => (a, b) => (b === 0 ? a : Math.trunc(a / b));

const definitions = {
  add: { operation: 'add', floats: (a, b) => a + b, integers: () => (a, b) => a + b, grows: true },
  sub: { operation: 'sub', floats: (a, b) => a - b, integers: () => (a, b) => a - b, grows: true },
  mul: { operation: 'mul', floats: (a, b) => a * b, integers: exactProduct, grows: true },
  div: { operation: 'div', floats: (a, b) => a / b, integers: integerQuotient, grows: true },
  min: { operation: 'min', floats: Math.min, integers: () => Math.min, grows: false },
  max: { operation: 'max', floats: Math.max, integers: () => Math.max, grows: false },
  prelu: {
    operation: 'prelu',
    floats: (a, b) => (a < 0 ? a * b : a),
    integers: (bits) => (a, b) => (a < 0 ? exactProduct(bits)(a, b) : a),
    grows: false,
  },
} as const satisfies Record<string, Definition>;

function evaluateBinary(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  { floats, integers }: Definition,
): HostTensor {
  const elementType = commonType(context);
  const compute = isInteger(elementType) ? integers(bitsOf(elementType)) : floats;
  return evaluateBroadcast(context, inputs, elementType, compute);
}

const explainBinary = (operation: BinaryOperation, context: NodeContext): string =>
  `nn/elementwise ${operation}: ${walkOf([context.input(0).shape, context.input(1).shape])}`;

/** An operator that combines two inputs of one type; `choose` may pick the function by the node. */
function combining(name: string, choose: (context: NodeContext) => Definition): Operator {
  return {
    name,
    domain: '',
    infer: (context) => {
      choose(context);
      return [{ elementType: commonType(context, 0, 2), shape: broadcastInputs(context, 2) }];
    },
    evaluate: (context, inputs) => [evaluateBinary(context, inputs, choose(context))],
    record: (record) => {
      const { engine, context } = record;
      const { operation, grows } = choose(context);
      const format = formatOf(context.input(0).elementType, grows);
      return [record.narrowed(binary(engine, operation, record.widened(0), record.widened(1), format))];
    },
    explain: (context) => explainBinary(choose(context).operation, context),
  };
}

export const Add = combining('Add', () => definitions.add);
export const Sub = combining('Sub', () => definitions.sub);
export const Mul = combining('Mul', () => definitions.mul);
export const Div = combining('Div', () => definitions.div);

export const PRelu = combining('PRelu', (context) => {
  const [x, result] = [context.input(0).shape, broadcastInputs(context, 2)];
  const grows = result.length !== x.length || result.some((length, axis) => length !== x[axis]);
  if (grows) context.fail(`its slope of shape [${context.input(1).shape}] does not fit into [${x}]`);
  return definitions.prelu;
});

const truncatedRemainder: Combine = (a, b) => (b === 0 ? 0 : a % b);
const flooredRemainder: Combine = (a, b) => (b === 0 ? 0 : a - b * Math.floor(a / b));

export const Mod = combining('Mod', (context) => {
  const truncated = context.number('fmod', 0) === 1;
  if (!truncated && !isInteger(context.input(0).elementType)) {
    context.fail('the remainder of floats is only defined with the attribute fmod = 1');
  }
  return truncated
    ? { operation: 'truncatedMod', floats: (a, b) => a % b, integers: () => truncatedRemainder, grows: false }
    : { operation: 'floorMod', floats: () => Number.NaN, integers: () => flooredRemainder, grows: false };
});

/** An operator that combines any number of inputs of one type, from the first to the last. */
function folding(
  name: string,
  definition: Definition,
  finish?: {
    evaluate(total: number, count: number): number;
    record(total: ElementTensor, record: RecordContext): ElementTensor;
  },
): Operator {
  return {
    name,
    domain: '',
    infer: (context) => [{ elementType: commonType(context), shape: broadcastInputs(context) }],
    evaluate: (context, inputs) => {
      const elementType = commonType(context);
      const { floats, integers } = definition;
      const combine = isInteger(elementType) ? integers(bitsOf(elementType)) : floats;
      return [
        evaluateBroadcast(context, inputs, elementType, (first = 0, ...rest) => {
          const total = rest.reduce((left, right) => combine(left, right), first);
          return finish ? finish.evaluate(total, inputs.length) : total;
        }),
      ];
    },
    record: (record) => {
      const { engine, context } = record;
      const format = formatOf(context.input(0).elementType, definition.grows);
      let total = ownInput(record, 0);
      for (let index = 1; index < context.inputCount; index++) {
        const next = binary(engine, definition.operation, total, record.widened(index), format);
        total.dispose();
        total = next;
      }
      return [record.narrowed(finish ? finish.record(total, record) : total)];
    },
    explain: (context) => `nn/elementwise ${definition.operation}, ${context.inputCount - 1} times`,
  };
}

export const Min = folding('Min', definitions.min);
export const Max = folding('Max', definitions.max);
export const Sum = folding('Sum', definitions.add);
export const Mean = folding('Mean', definitions.add, {
  evaluate: (total, count) => total / count,
  record: (total, { engine, context }) => {
    const mean = unary(engine, 'linear', total, { alpha: 1 / context.inputCount });
    total.dispose();
    return mean;
  },
});

/** Arithmetic of two or more inputs. */
export const binaryOperators: readonly Operator[] = [Add, Sub, Mul, Div, PRelu, Mod, Min, Max, Sum, Mean];
