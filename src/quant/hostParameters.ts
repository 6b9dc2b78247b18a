/** Parameters and codes of numbers that are on the CPU, bit for bit as the GPU makes them. */
import { roundHalfToEven } from '../base/rounding.ts';
import { type CodeFormat, type CodeRange, codeRange } from './parameters.ts';

/** A scale (a float32) and a zero point. */
export interface HostParameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

const largestFloat = (2 - 2 ** -23) * 2 ** 127;

/**
 * The scale and zero point of a range, by the rules of `parametersFromRanges`.
 * @param format not one symmetric bit, whose scale is a mean
 */
export function hostParameters(minimum: number, maximum: number, format: CodeFormat): HostParameters {
  const { low, middle, steps } = codeRange(format);
  const [below, above] = [Math.max(-minimum, 0), Math.max(maximum, 0)].map(Math.fround) as [number, number];
  const symmetric = format.scheme === 'symmetric';
  const scale = (symmetric ? Math.fround(Math.max(below, above) / steps) : asymmetricScale(below, above, steps)) || 1;
  if (symmetric) return { scale, zeroPoint: middle };
  return { scale, zeroPoint: low + Math.min(roundHalfToEven(Math.fround(below / scale)), steps) };
}

function asymmetricScale(below: number, above: number, steps: number): number {
  const extent = Math.fround(below + above);
  if (Number.isFinite(extent)) return Math.fround(extent / steps);
  return Math.min(2 * Math.fround(Math.fround(below / 2 + above / 2) / steps), largestFloat);
}

/** The code of a number: saturate(halfEven(fround(x / scale)) + zero point). */
export const hostCode = (value: number, parameters: HostParameters, format: CodeFormat): number =>
  codeWithin(value, parameters, codeRange(format));

/** The same where the codes of the format are known. */
export function codeWithin(
  value: number,
  { scale, zeroPoint }: HostParameters,
  { low, high }: Pick<CodeRange, 'low' | 'high'>,
): number {
  return Math.min(Math.max(roundHalfToEven(Math.fround(value / scale)) + zeroPoint, low), high);
}
