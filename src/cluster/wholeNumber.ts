import { InvalidInput } from '../base/errors.ts';

/**
 * @param what names the number in errors: estimator and option
 * @throws InvalidInput unless `value` is a whole number of at least `least`
 */
export function wholeNumber(value: number, least: number, what: string, remedy: string): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InvalidInput(`${what} is ${value}; it must be a whole number of at least ${least}. ${remedy}`);
  }
  return value;
}
