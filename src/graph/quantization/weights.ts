import type { Shape } from '../../base/shape.ts';
import type { GraphNode } from '../graph.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import type { InputMoments } from './layerInputs.ts';
import type { LayerFormat } from './options.ts';
import { meansOf, roundedCodes } from './rounding.ts';
import { biasCode, chooseGrid, nearestCodes, valuesOfCodes, type WeightGrid, widenedForBias } from './weightGrid.ts';
import { isFlattened, transpose, type WeightMatrix, weightMatrix } from './weightMatrix.ts';

/** Weights as codes, and a bias as int32 codes. */
export interface QuantizedWeights {
  readonly codes: HostTensor;
  /** One a channel, a scalar, or one a block. */
  readonly scales: HostTensor;
  /** As many as scales, of the type of the codes. */
  readonly zeroPoints: HostTensor;
  /** Attributes of the DequantizeLinear. */
  readonly attributes: ReadonlyMap<string, number>;
  /** The shape of the weights, where codes are those of a matrix instead. */
  readonly reshape: Shape | undefined;
  /** The bias as codes, or in float but corrected; undefined where it stays as it is. */
  readonly bias:
    | {
        readonly codes: HostTensor;
        readonly scales: HostTensor;
        readonly attributes: ReadonlyMap<string, number>;
      }
    | { readonly floats: HostTensor }
    | undefined;
  /** The mean error of each channel, where it is to be made up for. */
  readonly errors: Float64Array | undefined;
}

/** What weights are quantized with. */
export interface WeightRequest {
  readonly node: GraphNode;
  readonly weights: HostTensor;
  readonly bias: HostTensor | undefined;
  /** Scale of the layer's input; undefined where that stays in float, and the bias with it. */
  readonly inputScale: number | undefined;
  readonly format: LayerFormat;
  /** What the layer was given, where it is known. */
  readonly moments: InputMoments | undefined;
  /** Whether the mean error goes off the bias, so that only what varies matters. */
  readonly correctBias: boolean;
}

/**
 * Quantizes weights, and a bias at the scale of the products: that of the input times that of the weights. Channels that are
 * next to nothing beside their bias get a larger scale, at which the bias has a code.
 */
export function quantizeWeights(request: WeightRequest): QuantizedWeights {
  const { node, weights, inputScale, format } = request;
  const matrix = weightMatrix(node, weights);
  const moments = matrix.channelAxis === undefined ? undefined : request.moments;
  const correct = request.correctBias && moments !== undefined;
  const chosen = chooseGrid(matrix, matrix.channelAxis === undefined ? { ...format, granularity: 'tensor' } : format);
  const perChannel = chosen.rowStep > 0;
  const grouped = chosen.rowStep > 1;
  const isInteger = inputScale !== undefined && !grouped && node.operator !== 'MatMul';
  // A bias of another shape stays as it is.
  const fits = request.bias?.shape.length === 1 && (!perChannel || request.bias.data.length === matrix.rows);
  const grid =
    inputScale !== undefined && !grouped
      ? widenedForBias(chosen, matrix, inputScale, fits ? request.bias?.data : undefined)
      : chosen;
  const codes =
    moments && format.rounding !== 'nearest'
      ? roundedCodes(grid, matrix, moments, format.rounding, correct)
      : nearestCodes(grid, matrix);
  const errors = correct ? meanErrors(grid, matrix, codes, moments) : undefined;
  const corrects = errors !== undefined && node.operator !== 'MatMul' && (fits || !request.bias);
  const bias = corrects ? shifted(request.bias, errors) : request.bias;
  const isCodes = bias !== undefined && isInteger && (fits || corrects);
  return {
    ...dequantizable(matrix, grid, codes),
    bias: isCodes ? quantizeBias(bias.data, grid, inputScale) : corrects && bias ? { floats: bias } : undefined,
    errors,
  };
}

/** What the errors of each channel's weights come to for the mean input. */
function meanErrors(
  grid: WeightGrid,
  { rows, columns, values }: WeightMatrix,
  codes: Int8Array,
  moments: InputMoments,
): Float64Array {
  const found = valuesOfCodes(grid, codes, rows, columns);
  const means = Array.from({ length: moments.groups }, (_, group) => meansOf(moments, group));
  return Float64Array.from({ length: rows }, (_, row) => {
    const inputs = means[Math.floor((row * moments.groups) / rows)] ?? [];
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      sum += ((found[index] ?? 0) - (values[index] ?? 0)) * (inputs[column] ?? 0);
    }
    return sum;
  });
}

/** A bias, zeros where there is none, less an error of each channel. */
function shifted(bias: HostTensor | undefined, errors: Float64Array): HostTensor {
  return hostTensor(
    'float32',
    [errors.length],
    errors.map((error, channel) => (bias?.data[channel] ?? 0) - error),
  );
}

function quantizeBias(
  biases: HostTensor['data'],
  { scales, rowStep }: WeightGrid,
  inputScale: number,
): QuantizedWeights['bias'] {
  const biasScales = scales.map((scale) => scale * inputScale);
  const codes = Array.from(biases, (value, channel) => biasCode(value, biasScales[channel * rowStep] ?? 1));
  return {
    codes: hostTensor('int32', [biases.length], codes),
    scales: hostTensor('float32', rowStep === 0 ? [] : [biasScales.length], biasScales),
    attributes: new Map(rowStep === 0 ? [] : [['axis', 0]]),
  };
}

/** Codes and parameters in the form that DequantizeLinear takes. */
function dequantizable(
  matrix: WeightMatrix,
  grid: WeightGrid,
  codes: Int8Array,
): Omit<QuantizedWeights, 'bias' | 'errors'> {
  const { rows, columns, shape, transposed, channelAxis = 0 } = matrix;
  const { scales, zeroPoints, rowStep, groupSize } = grid;
  const type = grid.format.bits === 4 ? 'int4' : 'int8';
  const ordered = transposed ? transpose(codes, rows, columns) : codes;
  if (rowStep <= 1) {
    const parameterShape = rowStep === 0 ? [] : [rows];
    return {
      codes: hostTensor(type, shape, ordered),
      scales: hostTensor('float32', parameterShape, scales),
      zeroPoints: hostTensor(type, parameterShape, zeroPoints),
      attributes: new Map(rowStep === 0 ? [] : [['axis', channelAxis]]),
      reshape: undefined,
    };
  }
  const flattened = isFlattened(matrix);
  const inputAxis = transposed ? 0 : 1;
  const parameterShape = transposed ? [rowStep, rows] : [rows, rowStep];
  if (!flattened) parameterShape.push(...shape.slice(2));
  const zeros = Float32Array.from(zeroPoints);
  return {
    codes: hostTensor(type, flattened ? [rows, columns] : shape, ordered),
    scales: hostTensor('float32', parameterShape, transposed ? transpose(scales, rows, rowStep) : scales),
    zeroPoints: hostTensor(type, parameterShape, transposed ? transpose(zeros, rows, rowStep) : zeros),
    attributes: new Map([
      ['axis', inputAxis],
      ['block_size', groupSize],
    ]),
    reshape: flattened ? shape : undefined,
  };
}
