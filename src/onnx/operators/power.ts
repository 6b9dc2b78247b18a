import { UnsupportedOperator } from '../../base/errors.ts';
import { bitsOf, isInteger } from '../../graph/hostTensor.ts';
import type { NodeInput, Operator, RecordContext } from '../../graph/operator.ts';
import { binary, unary, walkOf } from '../../nn/elementwise.ts';
import { broadcastInputs, type ElementTensor, evaluateBroadcast, formatOf, ownInput } from './elementwise.ts';

/** a^b for whole a and b, of which at least the lowest 32 bits are right where there are no more. */
function integerPower(a: number, b: number, bits: number): number {
  if (b < 0) return Math.trunc(a ** b);
  const power = a ** b;
  if (bits > 32 || Number.isSafeInteger(power)) return power;
  let [result, factor] = [1, a];
  for (let rest = b; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, factor);
    factor = Math.imul(factor, factor);
  }
  return result;
}

/** As IEEE 754 has it; JavaScript differs for 1 and -1. */
const floatPower = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;

/** The exponents as whole numbers on the GPU. @throws UnsupportedOperator for fractions of integers */
function wholeExponents(record: RecordContext, exponent: NodeInput): ElementTensor {
  const { engine, context } = record;
  const { host } = exponent;
  if (isInteger(exponent.elementType)) return ownInput(record, 1);
  const whole = host?.data.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31);
  if (host && whole) return engine.tensor(Int32Array.from(host.data), host.shape);
  throw new UnsupportedOperator(
    `Pow node "${context.node.name}": the power of integers with exponents that are ${host ? 'fractions' : 'computed floats'} is not exact on the GPU; cast its first input to float32 in the model.`,
  );
}

export const Pow: Operator = {
  name: 'Pow',
  domain: '',
  infer: (context) => [{ elementType: context.input(0).elementType, shape: broadcastInputs(context, 2) }],
  evaluate: (context, inputs) => {
    const { elementType } = context.input(0);
    const exponentType = context.input(1).elementType;
    const bits = bitsOf(elementType);
    const whole = isInteger(elementType) && isInteger(exponentType);
    const compute = (a: number, b: number): number =>
      whole || (isInteger(elementType) && Number.isInteger(b))
        ? integerPower(a, b, bits)
        : isInteger(elementType)
          ? Math.trunc(floatPower(a, b))
          : floatPower(a, b);
    return [evaluateBroadcast(context, inputs, elementType, compute)];
  },
  record: (record) => {
    const { engine, context } = record;
    const [base, exponent] = [context.input(0), context.input(1)];
    if (isInteger(base.elementType)) {
      using exponents = wholeExponents(record, exponent);
      const format = formatOf(base.elementType, true);
      return [record.narrowed(binary(engine, 'pow', record.widened(0), exponents, format))];
    }
    using exponents = isInteger(exponent.elementType)
      ? unary(engine, 'toFloat', record.widened(1), {}, formatOf(exponent.elementType, false))
      : ownInput(record, 1);
    return [binary(engine, 'pow', record.widened(0), exponents)];
  },
  explain: (context) => `nn/elementwise pow: ${walkOf([context.input(0).shape, context.input(1).shape])}`,
};
