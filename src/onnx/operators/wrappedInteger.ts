import { LimitExceeded } from '../../base/errors.ts';
import { bitsOf, type ElementType, integerRange } from '../../graph/hostTensor.ts';

/** An integer as its type wraps it around. @throws LimitExceeded for one of 64 bits that no float64 holds. */
export function wrappedInteger(value: bigint, elementType: ElementType): number {
  const range = integerRange(elementType);
  const bits = bitsOf(elementType);
  const result = Number(range && range[0] < 0 ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
  if (!Number.isSafeInteger(result)) {
    throw new LimitExceeded(
      `A constant of type ${elementType} becomes ${result}, but 64-bit integers are held up to ${Number.MAX_SAFE_INTEGER}; make it smaller.`,
    );
  }
  return result;
}
