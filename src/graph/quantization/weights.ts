import { InvalidInput } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import type { GraphNode } from '../graph.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import { type LookupWeights, lookupWeights, normalFloat4 } from './codebook.ts';
import type { InputMoments } from './layerInputs.ts';
import type { LayerFormat } from './options.ts';
import type { PreparedLayer } from './prepared.ts';
import type { RoundedWeights, WeightGrid } from './roundedWeights.ts';
import { meansOf, roundedCodes } from './rounding.ts';
import { biasCode, chooseGrid, nearestCodes, valuesOfCodes, widenedForBias } from './weightGrid.ts';
import { isFlattened, transpose, type WeightMatrix, weightMatrix } from './weightMatrix.ts';

/** Weights as codes with equal steps. */
export interface DequantizableWeights {
  readonly codes: HostTensor;
  /** One a channel, a scalar, or one a block. */
  readonly scales: HostTensor;
  /** As many as scales, of the type of the codes. */
  readonly zeroPoints: HostTensor;
  /** Attributes of the DequantizeLinear. */
  readonly attributes: ReadonlyMap<string, number>;
  /** The shape of the weights, where codes are those of a matrix instead. */
  readonly reshape: Shape | undefined;
}

/** Weights as codes, and a bias as int32 codes. */
export interface QuantizedWeights {
  readonly constant: DequantizableWeights | LookupWeights;
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
  /** What was found before; undefined where nothing was. */
  readonly prepared: PreparedLayer | undefined;
}

/** What the codes of a layer are chosen from. */
export interface WeightTask {
  readonly matrix: WeightMatrix;
  /** `tensor` for the granularity of a weight without output channels. */
  readonly format: LayerFormat;
  readonly moments: InputMoments | undefined;
  /** Whether the mean error goes off the bias. */
  readonly correct: boolean;
  /** Whether the bias is one element a channel. */
  readonly biasFits: boolean;
}

/** A request seen as a matrix. */
export function taskOf({ node, weights, bias, format, correctBias, ...request }: WeightRequest): WeightTask {
  const matrix = weightMatrix(node, weights);
  const isWhole = matrix.channelAxis === undefined;
  const moments = isWhole ? undefined : request.moments;
  const perChannel = !isWhole && format.granularity !== 'tensor';
  return {
    matrix,
    format: isWhole && format.quantizer !== 'nf4' ? { ...format, granularity: 'tensor' } : format,
    moments,
    correct: correctBias && moments !== undefined,
    // A bias of another shape stays as it is.
    biasFits: bias?.shape.length === 1 && (!perChannel || bias.data.length === matrix.rows),
  };
}

/** Scales and zero points of a layer with equal steps. */
export interface ChosenGrid {
  readonly grid: WeightGrid;
  /** The scale of the layer's input, where the grid had to be widened for a bias at that scale. */
  readonly widenedFor: number | undefined;
}

export function gridOf(task: WeightTask, request: WeightRequest): ChosenGrid {
  const chosen = chooseGrid(task.matrix, task.format);
  const grid = gridForBias(chosen, task, request);
  return { grid, widenedFor: grid === chosen ? undefined : request.inputScale };
}

function gridForBias(
  grid: WeightGrid,
  { matrix, biasFits }: WeightTask,
  { inputScale, bias }: WeightRequest,
): WeightGrid {
  return inputScale === undefined ? grid : widenedForBias(grid, matrix, inputScale, biasFits ? bias?.data : undefined);
}

/** What weights are prepared for. */
export function preparationKey({ format, matrix, correct }: WeightTask, widenedFor?: number): string {
  const { activationBits: _, ...weights } = format;
  return JSON.stringify([weights, matrix.shape, correct, widenedFor ?? null]);
}

/** What was prepared, if it is for this very request. */
export function holding(
  prepared: PreparedLayer | undefined,
  task: WeightTask,
  request: WeightRequest,
): PreparedLayer | undefined {
  if (prepared?.key === preparationKey(task)) {
    const grid = prepared.rounded?.grid;
    return !grid || gridForBias(grid, task, request) === grid ? prepared : undefined;
  }
  const { inputScale } = request;
  return inputScale !== undefined && prepared?.key === preparationKey(task, inputScale) ? prepared : undefined;
}

/**
 * Quantizes weights, and a bias at the scale of the products: that of the input times that of the weights. Channels that are
 * next to nothing beside their bias get a larger scale, at which the bias has a code.
 *
 * @throws InvalidInput where something had to be prepared and was not, or for other options
 */
export function quantizeWeights(request: WeightRequest): QuantizedWeights {
  const task = taskOf(request);
  return task.format.quantizer === 'uniform' ? quantizeEvenly(task, request) : quantizeByTable(task, request);
}

function quantizeEvenly(task: WeightTask, request: WeightRequest): QuantizedWeights {
  const { matrix, biasFits } = task;
  const { node, inputScale } = request;
  const { grid, codes } = roundedWeights(task, request);
  const isInteger = inputScale !== undefined && grid.rowStep <= 1 && node.operator !== 'MatMul';
  const { errors, corrected } = correction(task, request, () =>
    valuesOfCodes(grid, codes, matrix.rows, matrix.columns),
  );
  const bias = corrected ?? request.bias;
  const isCodes = bias !== undefined && isInteger && (biasFits || corrected !== undefined);
  return {
    constant: dequantizable(matrix, grid, codes),
    bias: isCodes ? quantizeBias(bias.data, grid, inputScale) : corrected && { floats: corrected },
    errors,
  };
}

/** Codes, as prepared or computed now. @throws InvalidInput where `adaround` was not prepared */
function roundedWeights(task: WeightTask, request: WeightRequest): RoundedWeights {
  const { matrix, moments, correct, format } = task;
  const { rounding } = format;
  const known = holding(request.prepared, task, request)?.rounded;
  if (known) return known;
  if (moments && rounding === 'adaround') throw unprepared(request);
  const { grid } = gridOf(task, request);
  if (!moments || rounding === 'nearest' || rounding === 'adaround') return { grid, codes: nearestCodes(grid, matrix) };
  return { grid, codes: roundedCodes(grid, matrix, moments, rounding, correct) };
}

/** @throws InvalidInput where a table was not prepared */
function quantizeByTable(task: WeightTask, request: WeightRequest): QuantizedWeights {
  const { matrix, format } = task;
  const table = format.quantizer === 'nf4' ? normalFloat4 : holding(request.prepared, task, request)?.table;
  if (!table) throw unprepared(request);
  const { constant, values } = lookupWeights(matrix, format, table);
  const { errors, corrected } = correction(task, request, () => values);
  return { constant, bias: corrected && { floats: corrected }, errors };
}

function unprepared({ node, prepared }: WeightRequest): InvalidInput {
  const what = prepared ? 'were prepared for other options or another model' : 'have to be prepared on the GPU';
  return new InvalidInput(
    `The weights of "${node.name}" ${what}; pass prepared: await prepareWeights(model, statistics, options), with these very options.`,
  );
}

/** The mean error of each channel where it is to be made up for, and a bias that does so where the layer has one. */
function correction(
  { matrix, moments, correct, biasFits }: WeightTask,
  { node, bias }: WeightRequest,
  valuesOf: () => Float64Array,
): { readonly errors: Float64Array | undefined; readonly corrected: HostTensor | undefined } {
  if (!correct || !moments) return { errors: undefined, corrected: undefined };
  const errors = meanErrors(matrix, valuesOf(), moments);
  const takes = node.operator !== 'MatMul' && (biasFits || !bias);
  return { errors, corrected: takes ? shifted(bias, errors) : undefined };
}

/** What the errors of each channel's weights come to for the mean input. */
function meanErrors({ rows, columns, values }: WeightMatrix, found: Float64Array, moments: InputMoments): Float64Array {
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
function dequantizable(matrix: WeightMatrix, grid: WeightGrid, codes: Int8Array): DequantizableWeights {
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
