/**
 * Exact references of quantization on the CPU. They define, bit for bit, what the shaders must give. The ONNX operators
 * follow ONNX Runtime (a float32 division, then rounding half to even, then the zero point); `quant.node.test.ts`
 * compares them with it.
 */

export type Rounding = 'nearest-even' | 'floor';

/** What a quantized number may be. */
export interface IntegerFormat {
  /** Width of a code in bits, 1 to 16. */
  readonly bits: number;
  /** Two's complement (true) or from 0 up (false). */
  readonly signed: boolean;
  /** Leaves out the lowest code, so that the range is symmetric about its middle, as symmetric schemes do. Default false. */
  readonly narrow?: boolean;
}

/** Scales and zero points, one of each per parameter index. */
export interface ReferenceParameters extends IntegerFormat {
  /** Positive float32 scales. */
  readonly scales: ArrayLike<number>;
  /** Zero points, in the range of the format. Default all 0. */
  readonly zeroPoints?: ArrayLike<number>;
  /** Index of the parameters of each element, as `parameterIndices` gives. Default all 0. */
  readonly indices?: ArrayLike<number>;
}

/** The lowest and the highest code of a format. */
export function integerRange(format: IntegerFormat): { readonly low: number; readonly high: number } {
  const lowest = format.signed ? -(2 ** (format.bits - 1)) : 0;
  return { low: format.narrow ? lowest + 1 : lowest, high: lowest + 2 ** format.bits - 1 };
}

/** Rounds to the nearest integer, ties to the even one. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const fraction = value - below;
  if (fraction !== 0.5) return fraction < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

function saturate(value: number, format: IntegerFormat): number {
  const { low, high } = integerRange(format);
  return Math.min(Math.max(value, low), high);
}

/** The code of one number: `saturate(round(fround(x / scale)) + zeroPoint)`. Infinities saturate; NaN throws. */
function quantizeValue(
  value: number,
  scale: number,
  zeroPoint: number,
  format: IntegerFormat,
  rounding: Rounding = 'nearest-even',
): number {
  const ratio = Math.fround(Math.fround(value) / Math.fround(scale));
  if (Number.isNaN(ratio)) throw new RangeError(`no code for ${value} / ${scale}`);
  return saturate((rounding === 'floor' ? Math.floor(ratio) : roundHalfEven(ratio)) + zeroPoint, format);
}

/** ONNX QuantizeLinear for any format: the codes, in the shape of `values`. */
export function quantizeLinear(
  values: ArrayLike<number>,
  parameters: ReferenceParameters,
  rounding: Rounding = 'nearest-even',
): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: values.length }, (_, element) => {
    const index = parameters.indices?.[element] ?? 0;
    const zeroPoint = parameters.zeroPoints?.[index] ?? 0;
    return quantizeValue(
      values[element] as number,
      parameters.scales[index] as number,
      zeroPoint,
      parameters,
      rounding,
    );
  });
}

/** ONNX DequantizeLinear in float32: `fround(fround(code − zeroPoint) · scale)`. */
export function dequantizeLinear(
  codes: ArrayLike<number>,
  parameters: Omit<ReferenceParameters, keyof IntegerFormat>,
): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: codes.length }, (_, element) => {
    const index = parameters.indices?.[element] ?? 0;
    const zeroPoint = parameters.zeroPoints?.[index] ?? 0;
    return Math.fround((codes[element] as number) - zeroPoint) * Math.fround(parameters.scales[index] as number);
  });
}

/**
 * The parameter index of every element of a row-major tensor.
 * - no axis: one parameter for the tensor;
 * - an axis: one per coordinate on it (per channel);
 * - an axis and a group size: one per run of `groupSize` elements along it, the last run possibly shorter; parameters
 *   are row-major in the shape of the tensor with that axis divided by the group size, rounded up (ONNX's blocks).
 */
export function parameterIndices(
  shape: readonly number[],
  axis?: number,
  groupSize?: number,
): { readonly indices: Int32Array<ArrayBuffer>; readonly parameterCount: number } {
  const product = (part: readonly number[]): number => part.reduce((total, extent) => total * extent, 1);
  const indices = new Int32Array(product(shape));
  if (axis === undefined) return { indices, parameterCount: 1 };
  const extent = shape[axis] as number;
  const inner = product(shape.slice(axis + 1));
  const groups = groupSize === undefined ? extent : Math.ceil(extent / groupSize);
  for (let element = 0; element < indices.length; element++) {
    const coordinate = Math.floor(element / inner) % extent;
    const outer = Math.floor(element / (inner * extent));
    indices[element] =
      groupSize === undefined
        ? coordinate
        : (outer * groups + Math.floor(coordinate / groupSize)) * inner + (element % inner);
  }
  const parameterCount = groupSize === undefined ? extent : product(shape.slice(0, axis)) * groups * inner;
  return { indices, parameterCount };
}

interface Ranges {
  readonly minimum: Float32Array<ArrayBuffer>;
  readonly maximum: Float32Array<ArrayBuffer>;
  readonly count: Int32Array;
}

function findRanges(values: ArrayLike<number>, indices: ArrayLike<number> | undefined, parameterCount: number): Ranges {
  // From zero outwards: every quantization range includes 0, so that 0 stays exact.
  const minimum = new Float32Array(parameterCount);
  const maximum = new Float32Array(parameterCount);
  const count = new Int32Array(parameterCount);
  for (let element = 0; element < values.length; element++) {
    const value = Math.fround(values[element] as number);
    if (!Number.isFinite(value)) throw new RangeError(`no range: element ${element} is ${value}`);
    const index = indices?.[element] ?? 0;
    minimum[index] = Math.min(minimum[index] as number, value);
    maximum[index] = Math.max(maximum[index] as number, value);
    count[index] = (count[index] as number) + 1;
  }
  return { minimum, maximum, count };
}

/** Scales and zero points that some data asks for. */
export interface ChosenParameters extends ReferenceParameters {
  readonly scales: Float32Array<ArrayBuffer>;
  readonly zeroPoints: Int32Array<ArrayBuffer>;
}

/** A scale in float32; 1 where it would be 0 (all elements 0, or so small that the division underflows). */
function scaleOf(extent: number, steps: number): number {
  const rounded = Math.fround(extent);
  if (Number.isFinite(rounded)) return Math.fround(rounded / steps) || 1;
  // Wider than the largest float: divided before it is doubled, and never infinite.
  return Math.min(2 * Math.fround(Math.fround(extent / 2) / steps), (2 - 2 ** -23) * 2 ** 127);
}

/**
 * Asymmetric parameters over the range [β, α] of each parameter's elements, widened to include 0:
 * s = fround(fround(α − β) / (2ⁿ − 1)), z = low + clamp(roundHalfEven(fround(−β / s)), 0, 2ⁿ − 1).
 * Signed codes are the unsigned ones less 2ⁿ⁻¹. A range of zero width gives s = 1. A range wider than the largest float
 * is halved before the division and doubled after it. A non-finite element throws.
 */
export function chooseAsymmetric(
  values: ArrayLike<number>,
  format: IntegerFormat,
  indices?: ArrayLike<number>,
  parameterCount = 1,
): ChosenParameters {
  const { minimum, maximum } = findRanges(values, indices, parameterCount);
  const { low } = integerRange(format);
  const steps = 2 ** format.bits - 1;
  const scales = maximum.map((high, index) => scaleOf(high - (minimum[index] as number), steps));
  const zeroPoints = Int32Array.from({ length: parameterCount }, (_, index) => {
    const steps0 = roundHalfEven(Math.fround((0 - (minimum[index] as number)) / (scales[index] as number)));
    return low + Math.min(steps0, steps);
  });
  return { ...format, scales, zeroPoints, ...(indices && { indices }) };
}

/**
 * Symmetric parameters of 2 bits and more: s = fround(max|x| / (2ⁿ⁻¹ − 1)), zero point in the middle of the range (0
 * if signed, else 2ⁿ⁻¹), lowest code unused. All zeros give s = 1. A non-finite element throws.
 */
export function chooseSymmetric(
  values: ArrayLike<number>,
  format: IntegerFormat,
  indices?: ArrayLike<number>,
  parameterCount = 1,
): ChosenParameters {
  if (format.bits < 2) throw new RangeError('one symmetric bit is a sign: use quantizeSign');
  const { minimum, maximum } = findRanges(values, indices, parameterCount);
  const scales = maximum.map((high, index) =>
    scaleOf(Math.max(high, -(minimum[index] as number)), 2 ** (format.bits - 1) - 1),
  );
  const zeroPoints = new Int32Array(parameterCount).fill(format.signed ? 0 : 2 ** (format.bits - 1));
  return { ...format, narrow: true, scales, zeroPoints, ...(indices && { indices }) };
}

/** The unit in which absolute values are summed: 2⁻⁷ units in the last place of the greatest of them. */
function sumUnit(greatest: number): number {
  const field = (new Uint32Array(Float32Array.of(greatest).buffer)[0] ?? 0) >>> 23;
  return 2 ** (Math.max(field, 1) - 150 - 7);
}

/**
 * One symmetric bit: q = −1 for x < 0, else +1, and x ≈ q · s with s = mean|x| (1 where that is 0). Each |x| is rounded
 * (half up) to a whole number of 2⁻⁷ units in the last place of the parameter's greatest, so that the sum is exact in
 * any order; the mean is rounded once. As a stored bit the code is (q + 1) / 2. A non-finite element throws.
 */
export function quantizeSign(
  values: ArrayLike<number>,
  indices?: ArrayLike<number>,
  parameterCount = 1,
): { readonly codes: Int32Array<ArrayBuffer>; readonly scales: Float32Array<ArrayBuffer> } {
  const { minimum, maximum, count } = findRanges(values, indices, parameterCount);
  const units = Float64Array.from(maximum, (high, index) => sumUnit(Math.max(high, -(minimum[index] as number))));
  const sums = new Float64Array(parameterCount);
  for (let element = 0; element < values.length; element++) {
    const index = indices?.[element] ?? 0;
    const unit = units[index] as number;
    sums[index] = (sums[index] as number) + Math.floor(Math.abs(Math.fround(values[element] as number)) / unit + 0.5);
  }
  return {
    codes: Int32Array.from({ length: values.length }, (_, element) => ((values[element] as number) < 0 ? -1 : 1)),
    scales: Float32Array.from(
      sums,
      (sum, index) => Math.fround((sum / (count[index] || 1)) * (units[index] as number)) || 1,
    ),
  };
}

/**
 * ONNX DynamicQuantizeLinear: uint8 codes with the asymmetric parameters of the data itself. An all-zero (or empty)
 * tensor gives scale 1 and zero point 0, as in ONNX Runtime.
 */
export function dynamicQuantizeLinear(values: ArrayLike<number>): {
  readonly codes: Int32Array<ArrayBuffer>;
  readonly scale: number;
  readonly zeroPoint: number;
} {
  const parameters = chooseAsymmetric(values, { bits: 8, signed: false });
  return {
    codes: quantizeLinear(values, parameters),
    scale: parameters.scales[0] as number,
    zeroPoint: parameters.zeroPoints[0] as number,
  };
}

/**
 * Packs codes into a stream of `bits` bits each, without padding: element i takes the bits from i · bits on, the lowest
 * bit first, in little-endian u32 words. Negative codes are kept in two's complement.
 */
export function packBits(codes: ArrayLike<number>, bits: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil((codes.length * bits) / 32));
  for (let element = 0; element < codes.length; element++) {
    for (let bit = 0; bit < bits; bit++) {
      const position = element * bits + bit;
      const word = Math.floor(position / 32);
      words[word] = (words[word] as number) | ((((codes[element] as number) >> bit) & 1) << (position % 32));
    }
  }
  return words;
}

/** Unpacks `count` codes of a stream that `packBits` made. */
export function unpackBits(words: ArrayLike<number>, format: IntegerFormat, count: number): Int32Array<ArrayBuffer> {
  const { bits, signed } = format;
  return Int32Array.from({ length: count }, (_, element) => {
    let code = 0;
    for (let bit = 0; bit < bits; bit++) {
      const position = element * bits + bit;
      code |= (((words[Math.floor(position / 32)] as number) >>> (position % 32)) & 1) << bit;
    }
    return signed && code >> (bits - 1) === 1 ? code - 2 ** bits : code;
  });
}

/** Shapes and zero points of an integer product. */
export interface IntegerMatmulOptions {
  /** Rows of A. */
  readonly M: number;
  /** Columns of B. */
  readonly N: number;
  /** Columns of A and rows of B. */
  readonly K: number;
  /** Zero point of A: one, or one per row. Default 0. */
  readonly zeroPointA?: number | ArrayLike<number>;
  /** Zero point of B: one, or one per column. Default 0. */
  readonly zeroPointB?: number | ArrayLike<number>;
}

/**
 * ONNX MatMulInteger without its 32-bit limit: Σ (a − zA)(b − zB) for row-major A [M, K] and B [K, N], as [M, N] exact
 * integers in float64 (below 2⁵³). `Int32Array.from` of it is what wrapping 32-bit arithmetic gives.
 */
export function integerMatmul(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: IntegerMatmulOptions,
): Float64Array<ArrayBuffer> {
  const { M, N, K, zeroPointA = 0, zeroPointB = 0 } = options;
  const at = (zeroPoint: number | ArrayLike<number>, index: number): number =>
    typeof zeroPoint === 'number' ? zeroPoint : (zeroPoint[index] as number);
  const product = new Float64Array(M * N);
  for (let row = 0; row < M; row++) {
    const zeroA = at(zeroPointA, row);
    for (let column = 0; column < N; column++) {
      const zeroB = at(zeroPointB, column);
      let sum = 0;
      for (let k = 0; k < K; k++) {
        sum += ((a[row * K + k] as number) - zeroA) * ((b[k * N + column] as number) - zeroB);
      }
      product[row * N + column] = sum;
    }
  }
  return product;
}
