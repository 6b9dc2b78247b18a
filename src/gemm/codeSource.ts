import { elementCount, type Shape } from '../base/shape.ts';
import type { Allocation } from '../gpu/allocation.ts';
import { Tensor } from '../gpu/tensor.ts';
import { mapParameters } from '../quant/granularity.ts';
import { type CodeLayout, type QuantizedTensor, streamsOf } from '../quant/quantizedTensor.ts';

/** Which operand of a product: x [..., M, K] is multiplied along its last axis, w [..., K, N] along the last but one. */
export type Side = 'left' | 'right';

/** From one parameter to that of the next batch, row or group along K. */
export interface ParameterStrides {
  readonly batch: number;
  readonly row: number;
  readonly group: number;
}

/** Where a code is: words to the beginning of its stream, and elements in that. */
export interface CodeStrides {
  readonly wordBatch: number;
  readonly wordRow: number;
  readonly wordDepth: number;
  readonly elementBatch: number;
  readonly elementRow: number;
  readonly elementDepth: number;
}

/** An operand of an integer product as it is stored. Its rows are the columns of w. */
export interface CodeSource {
  readonly codes: Allocation;
  readonly batchCount: number;
  readonly rowCount: number;
  readonly depth: number;
  readonly bits: number;
  readonly signed: boolean;
  /** One bit that stands for −1 or +1. */
  readonly isSign: boolean;
  /** Subtracted from codes and zero points alike, so that they are signed bytes. */
  readonly shift: number;
  /** The largest |code − zero point| there can be. */
  readonly magnitude: number;
  /** True where zero points, less the shift, are all 0. */
  readonly centred: boolean;
  readonly strides: CodeStrides;
  /** True where rows of 8-bit codes along K begin at 16-byte boundaries, one after the other. */
  readonly direct: boolean;
  readonly scales: Tensor<'float32'> | undefined;
  readonly zeroPoints: Tensor<'int32'> | undefined;
  /** The parameters where there are no tensors of them. */
  readonly constantScale: number;
  readonly constantZeroPoint: number;
  readonly parameters: ParameterStrides;
  /** Codes along K that share a scale, where not all do. */
  readonly groupSize: number | undefined;
}

/** The parameters of a tensor without any of its own. */
export interface ConstantParameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Parameters of a tensor that are tensors themselves. */
export interface TensorParameters {
  readonly scales: Tensor<'float32'>;
  readonly zeroPoints: Tensor<'int32'>;
  readonly strides: ParameterStrides;
  /** The zero points where the CPU knows them. */
  readonly known: ArrayLike<number> | undefined;
}

const noStrides: CodeStrides = {
  wordBatch: 0,
  wordRow: 0,
  wordDepth: 0,
  elementBatch: 0,
  elementRow: 0,
  elementDepth: 0,
};

function strideOf(shape: Shape, layout: CodeLayout, unitWords: number, side: Side): CodeStrides {
  const outer = shape.at(-2) ?? 1;
  const inner = shape.at(-1) ?? 1;
  const depthIsLast = side === 'left';
  if (layout === 'flat') {
    const elementBatch = outer * inner;
    return depthIsLast
      ? { ...noStrides, elementBatch, elementRow: inner, elementDepth: 1 }
      : { ...noStrides, elementBatch, elementRow: 1, elementDepth: inner };
  }
  const wordBatch = (layout === 'rows' ? outer : inner) * unitWords;
  const streamsAlongDepth = (layout === 'rows') === depthIsLast;
  return streamsAlongDepth
    ? { ...noStrides, wordBatch, wordRow: unitWords, elementDepth: 1 }
    : { ...noStrides, wordBatch, wordDepth: unitWords, elementRow: 1 };
}

/** Strides of the parameters, or nothing where they change along K from one code to the next. */
function parametersOf(
  { granularity, shape }: QuantizedTensor,
  side: Side,
): { readonly strides: ParameterStrides; readonly groupSize: number | undefined } | undefined {
  if (granularity.kind === 'tensor') return { strides: { batch: 0, row: 0, group: 0 }, groupSize: undefined };
  const map = mapParameters(granularity, shape);
  const axis = granularity.axis < 0 ? granularity.axis + shape.length : granularity.axis;
  const depthAxis = shape.length - (side === 'left' ? 1 : 2);
  const rowAxis = shape.length - (side === 'left' ? 2 : 1);
  if (granularity.kind === 'channel') {
    if (axis === rowAxis) return { strides: { batch: 0, row: 1, group: 0 }, groupSize: undefined };
    // The only batch axis: one parameter a matrix.
    if (axis === 0 && shape.length === 3) return { strides: { batch: 1, row: 0, group: 0 }, groupSize: undefined };
    return undefined;
  }
  if (axis !== depthAxis || side === 'left') return undefined;
  return { strides: { batch: map.outerStep, row: 1, group: map.groupStep }, groupSize: granularity.size };
}

/**
 * A quantized tensor as an operand, or nothing where the integer product cannot take its scales out of the sum: one per
 * coordinate of K, per group of x along K, or per group along any other axis.
 */
export function sourceOfQuantized(tensor: QuantizedTensor, side: Side): CodeSource | undefined {
  const parameters = parametersOf(tensor, side);
  if (!parameters) return undefined;
  const { shape, bits, signed, isSign, layout, scheme } = tensor;
  const { unitWords } = streamsOf(shape, bits, layout);
  const strides = strideOf(shape, layout, unitWords, side);
  const half = 2 ** (bits - 1);
  const symmetricMagnitude = isSign ? 1 : half - 1;
  // An empty K has no groups, so no parameters either; its sums are 0 at any scale.
  const hasParameters = tensor.scales.size > 0;
  return {
    codes: tensor.data,
    batchCount: elementCount(shape.slice(0, -2)),
    rowCount: shape.at(side === 'left' ? -2 : -1) ?? 1,
    depth: shape.at(side === 'left' ? -1 : -2) ?? 1,
    bits,
    signed,
    isSign,
    shift: signed || isSign ? 0 : half,
    magnitude: scheme === 'symmetric' ? symmetricMagnitude : 2 ** bits - 1,
    centred: scheme === 'symmetric',
    strides,
    direct: bits === 8 && strides.wordRow > 0,
    scales: hasParameters ? tensor.scales : undefined,
    zeroPoints: hasParameters ? tensor.zeroPoints : undefined,
    constantScale: 1,
    constantZeroPoint: 0,
    parameters: parameters.strides,
    groupSize: parameters.groupSize,
  };
}

/**
 * An int8 or uint8 tensor as an operand.
 * @param side of the product where it would be multiplied along the axis that it is multiplied along: `left` for the last,
 * `right` for the last but one.
 */
export function sourceOfTensor(
  tensor: Tensor<'int8' | 'uint8'>,
  parameters: ConstantParameters | TensorParameters,
  side: Side = 'left',
): CodeSource {
  const { shape } = tensor;
  const signed = tensor.dtype === 'int8';
  const shift = signed ? 0 : 128;
  const lowest = signed ? -128 : 0;
  const tensors = 'scales' in parameters ? parameters : undefined;
  const constants = 'scale' in parameters ? parameters : { scale: 1, zeroPoint: 0 };
  const known = tensors ? tensors.known : [constants.zeroPoint];
  const reach = (zeroPoint: number): number => Math.max(zeroPoint - lowest, lowest + 255 - zeroPoint);
  const strides = strideOf(shape, 'rows', tensor.layout.rowBytes / 4, side);
  return {
    codes: tensor.allocation,
    batchCount: elementCount(shape.slice(0, -2)),
    rowCount: shape.at(side === 'left' ? -2 : -1) ?? 1,
    depth: shape.at(side === 'left' ? -1 : -2) ?? 1,
    bits: 8,
    signed,
    isSign: false,
    shift,
    magnitude: known ? Array.from(known).reduce((most, zeroPoint) => Math.max(most, reach(zeroPoint)), 0) : 255,
    centred: known !== undefined && Array.from(known).every((zeroPoint) => zeroPoint === shift),
    strides,
    direct: side === 'left',
    scales: tensors?.scales,
    zeroPoints: tensors?.zeroPoints,
    constantScale: constants.scale,
    constantZeroPoint: constants.zeroPoint,
    parameters: tensors?.strides ?? { batch: 0, row: 0, group: 0 },
    groupSize: undefined,
  };
}

/** Whether an operand is one of codes and not of floats. */
export function isTensorOf8Bits(operand: Tensor | QuantizedTensor): operand is Tensor<'int8' | 'uint8'> {
  return operand instanceof Tensor && (operand.dtype === 'int8' || operand.dtype === 'uint8');
}
