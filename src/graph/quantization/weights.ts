import type { Shape } from '../../base/shape.ts';
import type { GraphNode } from '../graph.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import type { LayerFormat } from './options.ts';
import { biasCode, chooseGrid, nearestCodes, type WeightGrid, widenedForBias } from './weightGrid.ts';
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
  /** Undefined where there is none, it is not one number a channel, or it stays in float. */
  readonly bias:
    | {
        readonly codes: HostTensor;
        readonly scales: HostTensor;
        readonly attributes: ReadonlyMap<string, number>;
      }
    | undefined;
}

/** What weights are quantized with. */
export interface WeightRequest {
  readonly node: GraphNode;
  readonly weights: HostTensor;
  readonly bias: HostTensor | undefined;
  /** Scale of the layer's input; undefined where that stays in float, and the bias with it. */
  readonly inputScale: number | undefined;
  readonly format: LayerFormat;
}

/**
 * Quantizes weights, and a bias at the scale of the products: that of the input times that of the weights. Channels that are
 * next to nothing beside their bias get a larger scale, at which the bias has a code.
 */
export function quantizeWeights(request: WeightRequest): QuantizedWeights {
  const { node, weights, bias, inputScale, format } = request;
  const matrix = weightMatrix(node, weights);
  const chosen = chooseGrid(matrix, matrix.channelAxis === undefined ? { ...format, granularity: 'tensor' } : format);
  const perChannel = chosen.rowStep > 0;
  const grouped = chosen.rowStep > 1;
  // A bias of another shape stays as it is.
  const fits = bias?.shape.length === 1 && (!perChannel || bias.data.length === matrix.rows);
  const integerBias = fits && inputScale !== undefined && !grouped ? bias : undefined;
  const grid =
    inputScale === undefined || grouped ? chosen : widenedForBias(chosen, matrix, inputScale, integerBias?.data);
  const codes = nearestCodes(grid, matrix);
  return {
    ...dequantizable(matrix, grid, codes),
    bias: integerBias && quantizeBias(integerBias.data, grid, inputScale ?? 1),
  };
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
function dequantizable(matrix: WeightMatrix, grid: WeightGrid, codes: Int8Array): Omit<QuantizedWeights, 'bias'> {
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
