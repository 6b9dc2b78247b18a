import { InvalidQuantization } from '../base/errors.ts';
import type { Fault } from '../gpu/allocation.ts';
import type { Engine } from '../gpu/engine.ts';
import { declareKernel } from '../gpu/kernel.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Granularity } from './granularity.ts';
import { assertBits } from './packing.ts';
import type { Ranges } from './range.ts';

/** How a quotient becomes an integer: to the nearest, ties to even (ONNX), or down. */
export type Rounding = 'nearest-even' | 'floor';

/** Which integers stand for numbers. */
export interface CodeFormat {
  /** Bits of a code, 1 to 8. */
  readonly bits: number;
  /** Codes in two's complement (true), or from 0 up (false). */
  readonly signed: boolean;
  /**
   * - `symmetric`: the range of numbers is ±max|x|, 0 is the middle code and the lowest code is not used, so that n bits
   *   have 2ⁿ − 1 codes; 2 bits are ternary. 1 bit is a sign: x ≈ ±mean|x|, +1 unless x < 0, stored as 1 or 0.
   * - `asymmetric`: the range is from the least to the greatest number, widened to include 0, over all 2ⁿ codes.
   */
  readonly scheme: 'symmetric' | 'asymmetric';
}

/** All that decides how a tensor is quantized. */
export interface QuantizationScheme extends CodeFormat {
  /** Which elements share a scale and a zero point. */
  readonly granularity: Granularity;
  readonly rounding: Rounding;
}

/** Scales (float32) and zero points (int32) on the GPU, in the shape of the parameters. */
export interface QuantizationParameters {
  readonly scales: Tensor<'float32'>;
  readonly zeroPoints: Tensor<'int32'>;
}

/** The lowest and the highest code, and what a range is divided by. */
export interface CodeRange {
  readonly low: number;
  readonly high: number;
  /** The symmetric zero point. */
  readonly middle: number;
  readonly steps: number;
  /** True for one symmetric bit. */
  readonly sign: boolean;
}

/**
 * The codes of a format.
 * @throws InvalidQuantization when the number of bits is not 1 to 8.
 */
export function codeRange({ bits, signed, scheme }: CodeFormat): CodeRange {
  assertBits(bits);
  if (scheme !== 'symmetric' && scheme !== 'asymmetric') {
    throw new InvalidQuantization(`There is no scheme "${String(scheme)}"; use "symmetric" or "asymmetric".`);
  }
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  const high = lowest + 2 ** bits - 1;
  if (scheme === 'asymmetric') return { low: lowest, high, middle: 0, steps: 2 ** bits - 1, sign: false };
  if (bits === 1) return { low: lowest, high, middle: 0, steps: 1, sign: true };
  return { low: lowest + 1, high, middle: signed ? 0 : 2 ** (bits - 1), steps: 2 ** (bits - 1) - 1, sign: false };
}

const parametersKernel = declareKernel({
  name: 'quant/parameters',
  uniforms: { count: 'u32', symmetric: 'u32', steps: 'u32', low: 'i32', middle: 'i32' },
  bindings: { minimum: 'read', maximum: 'read', scales: 'write', zeroPoints: 'write' },
});

const checkKernel = declareKernel({
  name: 'quant/checkParameters',
  uniforms: { count: 'u32', low: 'i32', high: 'i32' },
  bindings: { scales: 'read', zeroPoints: 'read', fault: 'write' },
});

/**
 * Scales and zero points from ranges, on the GPU and without a readback, to the same bits on every adapter (float32
 * arithmetic done in integers). With [β, α] the range, widened to include 0, of each parameter:
 * - asymmetric: s = (α − β) / (2ⁿ − 1); z = round(−β / s), less 2ⁿ⁻¹ if signed;
 * - symmetric: s = max(−β, α) / (2ⁿ⁻¹ − 1); z = 0, or 2ⁿ⁻¹ if not signed.
 *
 * A range of zero width, or one so small that the division gives 0, has s = 1 and the z of β = 0.
 * @throws InvalidQuantization for one symmetric bit, whose scale is a mean and not a range, and for bits outside 1 … 8.
 */
export function parametersFromRanges(engine: Engine, ranges: Ranges, format: CodeFormat): QuantizationParameters {
  const { low, middle, steps, sign } = codeRange(format);
  if (sign) {
    throw new InvalidQuantization(
      'One symmetric bit is a sign, and its scale is not made from a range; use quantize(), at least 2 bits, or the asymmetric scheme.',
    );
  }
  const { minimum, maximum } = ranges;
  const scales = engine.empty(minimum.shape, 'float32');
  const zeroPoints = engine.empty(minimum.shape, 'int32');
  const count = minimum.size;
  engine.run(parametersKernel, {
    uniforms: { count, symmetric: format.scheme === 'symmetric' ? 1 : 0, steps, low, middle },
    bindings: { minimum, maximum, scales, zeroPoints },
    workgroups: Math.ceil(count / 64),
    work: count * 300,
  });
  return { scales, zeroPoints };
}

/** Checks parameters that are on the CPU. @throws InvalidQuantization naming the first one that cannot be used. */
export function assertParameters(scales: ArrayLike<number>, zeroPoints: ArrayLike<number>, format: CodeFormat): void {
  const { low, high } = codeRange({ ...format, scheme: 'asymmetric' });
  for (let index = 0; index < scales.length; index++) {
    const scale = Math.fround(scales[index] ?? 0);
    if (!(Number.isFinite(scale) && scale > 0)) {
      throw new InvalidQuantization(
        `Scale ${index} is ${scales[index]}, in float32 ${scale}; scales are finite and above 0.`,
      );
    }
  }
  for (let index = 0; index < zeroPoints.length; index++) {
    const zeroPoint = zeroPoints[index] ?? 0;
    if (!(Number.isInteger(zeroPoint) && zeroPoint >= low && zeroPoint <= high)) {
      throw new InvalidQuantization(
        `Zero point ${index} is ${zeroPoint}; zero points of ${format.signed ? 'signed' : 'unsigned'} ${format.bits}-bit codes are whole numbers from ${low} to ${high}.`,
      );
    }
  }
}

/**
 * Records a check of parameters that are on the GPU: scales finite and above 0, zero points in the range of the codes. The
 * caller lets what it computes with them carry the fault.
 */
export function recordParameterCheck(
  engine: Engine,
  { scales, zeroPoints }: QuantizationParameters,
  { low, high }: Pick<CodeRange, 'low' | 'high'>,
): Fault {
  const fault = engine.fault(
    (index) =>
      new InvalidQuantization(
        `Scale ${index} is not finite and above 0, or zero point ${index} is not from ${low} to ${high}; correct the parameters that were given.`,
      ),
  );
  engine.run(checkKernel, {
    uniforms: { count: scales.size, low, high },
    bindings: { scales, zeroPoints, fault },
    workgroups: Math.ceil(scales.size / 64),
    work: scales.size * 10,
  });
  return fault;
}
