import { bitsOf, isInteger } from '../../graph/hostTensor.ts';
import type { Operator, RecordContext } from '../../graph/operator.ts';
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

/** The exponents of integers, which on the GPU must be whole numbers: other powers of integers are not exact there. */
function wholeExponents(record: RecordContext): ElementTensor {
  if (isInteger(record.context.input(1).elementType)) return ownInput(record, 1);
  return unary(record.engine, 'toInteger', record.widened(1), {}, { whole: true });
}

export const Pow: Operator = {
  name: 'Pow',
  domain: '',
  infer: (context) => [{ elementType: context.input(0).elementType, shape: broadcastInputs(context, 2) }],
  evaluate: (context, inputs) => {
    const { elementType } = context.input(0);
    const bits = bitsOf(elementType);
    const integers = (a: number, b: number): number =>
      Number.isInteger(b) ? integerPower(a, b, bits) : Math.trunc(floatPower(a, b));
    return [evaluateBroadcast(context, inputs, elementType, isInteger(elementType) ? integers : floatPower)];
  },
  record: (record) => {
    const { engine, context } = record;
    const [base, exponent] = [context.input(0), context.input(1)];
    if (isInteger(base.elementType)) {
      using exponents = wholeExponents(record);
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
