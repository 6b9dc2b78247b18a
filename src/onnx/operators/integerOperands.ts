import { InvalidQuantization, UnsupportedOperator } from '../../base/errors.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import {
  type CodeSource,
  type ConstantParameters,
  type ParameterStrides,
  sourceOfTensor,
  type TensorParameters,
} from '../../gemm/codeSource.ts';
import { IntegerWeights } from '../../gemm/integerWeights.ts';
import type { PreparedWeights } from '../../gemm/operand.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import type { HostTensor } from '../../graph/hostTensor.ts';
import type { NodeContext, NodeInput, RecordContext } from '../../graph/operator.ts';
import { forEachBroadcast } from '../../nn/broadcast.ts';
import { productOf } from './matrix.ts';

/** The inputs of a node that make an operand of a product. */
export interface OperandInputs {
  readonly codes: number;
  /** Undefined where the sums are not scaled, or are later. */
  readonly scale: number | undefined;
  readonly zeroPoint: number | undefined;
  /** Stored as [..., K, M] in place of [..., M, K], or [..., N, K] in place of [..., K, N]. */
  readonly transposed: boolean;
  /** Shape of the matrices as they are stored. */
  readonly shape: Shape;
}

/** Rows of A or columns of B: what may have parameters of their own. */
type Side = 'left' | 'right';

/** @throws MalformedModel for an operand that is not of 8 bits. */
export function assertBytes(context: NodeContext, index: number, zeroPoint?: number): void {
  const { elementType } = context.input(index);
  if (elementType !== 'int8' && elementType !== 'uint8') {
    context.fail(`input ${index} is ${elementType}, but must be int8 or uint8`);
  }
  const zeroType = zeroPoint === undefined ? undefined : context.optionalInput(zeroPoint)?.elementType;
  if (zeroType !== undefined && zeroType !== elementType) {
    context.fail(`input ${index} is ${elementType}, but its zero point ${zeroType}`);
  }
}

function laneCount({ shape, transposed }: OperandInputs, side: Side): number {
  return shape.at((side === 'left') === transposed ? -1 : -2) ?? 1;
}

/** The shape of parameters as what is broadcast to the stored matrices. */
export function parameterShape(context: NodeContext, index: number, operand: OperandInputs, side: Side): Shape {
  const { shape } = context.input(index);
  const lanes = laneCount(operand, side);
  const onLast = (side === 'left') === operand.transposed;
  const batches = operand.shape.slice(0, -2);
  const wanted = onLast ? [1, lanes] : [lanes, 1];
  if (elementCount(shape) === 1) return [1, 1];
  if (shape.length === 1 && shape[0] === lanes) return wanted;
  const whole = [...batches, ...wanted];
  if (shape.length === whole.length && shape.every((length, axis) => length === whole[axis])) return whole;
  return context.fail(
    `input ${index} has shape [${shape}], but operands of shape [${operand.shape}] have one parameter, ${lanes}, or those of [${whole}]`,
  );
}

function stridesOf(shape: Shape, lanes: number): ParameterStrides {
  const count = elementCount(shape);
  if (count === 1) return { batch: 0, row: 0, group: 0 };
  return { batch: count === lanes ? 0 : lanes, row: 1, group: 0 };
}

/** Checks the parameters of an operand. @throws MalformedModel */
export function assertParameterShapes(context: NodeContext, operand: OperandInputs, side: Side): void {
  for (const index of [operand.scale, operand.zeroPoint]) {
    if (index !== undefined && context.optionalInput(index)) parameterShape(context, index, operand, side);
  }
}

/** @throws InvalidQuantization for a known scale that cannot be used. */
export function assertKnownScales(context: NodeContext, index: number | undefined): void {
  const host = index === undefined ? undefined : context.optionalInput(index)?.host;
  const bad = host ? host.data.findIndex((scale) => !(Number.isFinite(scale) && scale > 0)) : -1;
  if (host && bad >= 0) {
    throw new InvalidQuantization(
      `${context.node.operator} node "${context.node.name}": scale ${bad} of input ${index} is ${host.data[bad]}; scales are finite and above 0. Quantize the model again.`,
    );
  }
}

interface Parameters {
  readonly strides: ParameterStrides;
  readonly scale: NodeInput | undefined;
  readonly zeroPoint: NodeInput | undefined;
  /** The parameters where the CPU knows them, `count` of each. */
  readonly scales: readonly number[] | undefined;
  readonly zeroPoints: readonly number[] | undefined;
  readonly count: number;
}

function parametersOf(context: NodeContext, operand: OperandInputs, side: Side): Parameters {
  const given = (index: number | undefined) => (index === undefined ? undefined : context.optionalInput(index));
  const scale = given(operand.scale);
  const zeroPoint = given(operand.zeroPoint);
  assertKnownScales(context, operand.scale);
  const shapes = [operand.scale, operand.zeroPoint].flatMap((index) =>
    given(index) && index !== undefined ? [parameterShape(context, index, operand, side)] : [],
  );
  const shape = shapes.reduce((most, next) => (elementCount(next) > elementCount(most) ? next : most), [1, 1]);
  const count = elementCount(shape);
  const lanes = laneCount(operand, side);
  // A parameter of fewer than the others stands for all lanes, or for all batches.
  const spread = (input: NodeInput | undefined, fallback: number): readonly number[] | undefined => {
    if (input && !input.host) return undefined;
    const values = input?.host?.data ?? [fallback];
    return Array.from({ length: count }, (_, index) => values[index % values.length] ?? fallback);
  };
  return {
    strides: stridesOf(shape, lanes),
    scale,
    zeroPoint,
    scales: spread(scale, 1),
    zeroPoints: spread(zeroPoint, 0),
    count,
  };
}

/** An operand on the GPU, held until the product is recorded. */
export interface RecordedOperand {
  readonly source: CodeSource;
  readonly prepared: PreparedWeights | undefined;
  release(): void;
}

/** The parameters in the form that the products take, on the GPU unless there is a single pair that the CPU knows. */
function recordParameters(
  record: RecordContext,
  operand: OperandInputs,
  side: Side,
): { readonly parameters: ConstantParameters | TensorParameters; release(): void } {
  const { engine, context } = record;
  const { strides, scale, zeroPoint, scales, zeroPoints, count } = parametersOf(context, operand, side);
  if (scales && zeroPoints && count === 1) {
    return { parameters: { scale: scales[0] ?? 1, zeroPoint: zeroPoints[0] ?? 0 }, release: () => undefined };
  }
  for (const input of [scale, zeroPoint]) {
    if (input && !input.host && elementCount(input.shape) !== count) {
      throw new UnsupportedOperator(
        `${context.node.operator} node "${context.node.name}": a scale or zero point of shape [${input.shape}] is computed on the GPU, beside ${count} of the other; give as many of both, or constants.`,
      );
    }
  }
  const made: Tensor[] = [];
  const keep = <T extends Tensor>(tensor: T): T => {
    made.push(tensor);
    return tensor;
  };
  const scaleTensor = scales
    ? keep(engine.tensor(Float32Array.from(scales), [count]))
    : (record.tensor(operand.scale ?? 0) as Tensor<'float32'>);
  const zeroTensor = zeroPoints
    ? keep(engine.tensor(Int32Array.from(zeroPoints), [count]))
    : (record.widened(operand.zeroPoint ?? 0) as Tensor<'int32'>);
  return {
    parameters: { scales: scaleTensor, zeroPoints: zeroTensor, strides, known: zeroPoints },
    release: () => {
      for (const tensor of made) tensor.dispose();
    },
  };
}

/** An operand whose codes are on the GPU, or are brought there for this plan. */
function recordBytes(record: RecordContext, operand: OperandInputs, side: Side): RecordedOperand {
  const { parameters, release } = recordParameters(record, operand, side);
  const codes = (record.tensor(operand.codes) as Tensor<'int8' | 'uint8'>).reshape(operand.shape);
  const alongLast = (side === 'left') !== operand.transposed;
  return {
    source: sourceOfTensor(codes, parameters, alongLast ? 'left' : 'right'),
    prepared: undefined,
    release: () => {
      codes.dispose();
      release();
    },
  };
}

/** The left operand of a product. */
export function recordLeft(record: RecordContext, operand: OperandInputs): RecordedOperand {
  return recordBytes(record, operand, 'left');
}

/** The right operand of a product: where it is constant, packed once for the model. */
export function recordRight(
  record: RecordContext,
  operand: OperandInputs,
  left: Pick<CodeSource, 'magnitude'>,
): RecordedOperand {
  const { context, engine, constant } = record;
  const codes = context.input(operand.codes);
  const { scale, zeroPoint, scales, zeroPoints, strides } = parametersOf(context, operand, 'right');
  const isConstant = [codes, scale, zeroPoint].every((input) => input === undefined || input.constant === true);
  if (!isConstant || !codes.host || !scales || !zeroPoints || elementCount(operand.shape) === 0) {
    return recordBytes(record, operand, 'right');
  }
  const { data, elementType } = codes.host;
  const { shape, transposed } = operand;
  const signed = elementType === 'int8';
  const weights = constant(`weights ${left.magnitude}`, () => {
    return new IntegerWeights(engine, { data, shape, transposed, signed, scales, zeroPoints, strides }, left);
  });
  return { source: weights.source, prepared: weights.prepared, release: () => undefined };
}

/** The codes of an operand less their zero points, as stored. */
export function centredOnHost(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  operand: OperandInputs,
  side: Side,
): Float64Array {
  const codes = inputs[operand.codes] ?? context.fail(`input ${operand.codes} is missing`);
  const zeroPoint = operand.zeroPoint === undefined ? undefined : inputs[operand.zeroPoint];
  const centred = Float64Array.from(codes.data);
  if (zeroPoint && operand.zeroPoint !== undefined) {
    const shape = parameterShape(context, operand.zeroPoint, operand, side);
    forEachBroadcast(operand.shape, [shape], ([place = 0], index) => {
      centred[index] = (centred[index] ?? 0) - (zeroPoint.data[place] ?? 0);
    });
  }
  return centred;
}

/** The exact sums of products of two operands, one for each element of the result. */
export function sumsOnHost(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  left: OperandInputs,
  right: OperandInputs,
): Float64Array {
  const a = centredOnHost(context, inputs, left, 'left');
  const b = centredOnHost(context, inputs, right, 'right');
  return productsOnHost(context, { values: a, ...left }, { values: b, ...right });
}

/** Numbers of an operand as stored. */
export interface HostOperand extends Pick<OperandInputs, 'shape' | 'transposed'> {
  readonly values: Float64Array;
}

/** Matrix products in float64, exact for integers. */
export function productsOnHost(context: NodeContext, left: HostOperand, right: HostOperand): Float64Array {
  const { M, N, K, shape } = operandsProduct(context, left, right);
  const batches = shape.slice(0, -2);
  const result = new Float64Array(elementCount(shape));
  const steps = (transposed: boolean, outer: number, inner: number) => (transposed ? [1, outer] : [inner, 1]);
  const [aRow = 0, aDepth = 0] = steps(left.transposed, M, K);
  const [bDepth = 0, bColumn = 0] = steps(right.transposed, K, N);
  forEachBroadcast(batches, [left.shape.slice(0, -2), right.shape.slice(0, -2)], ([aBatch = 0, bBatch = 0], batch) => {
    for (let row = 0; row < M; row++) {
      const goal = (batch * M + row) * N;
      for (let k = 0; k < K; k++) {
        const factor = left.values[aBatch * M * K + row * aRow + k * aDepth] ?? 0;
        const start = bBatch * K * N + k * bDepth;
        for (let column = 0; column < N; column++) {
          const product = factor * (right.values[start + column * bColumn] ?? 0);
          result[goal + column] = (result[goal + column] ?? 0) + product;
        }
      }
    }
  });
  return result;
}

interface MatrixSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly shape: Shape;
}

/** The sizes of a product; M is that of one matrix. @throws MalformedModel where the operands do not fit. */
function operandsProduct(
  context: NodeContext,
  left: Pick<OperandInputs, 'shape' | 'transposed'>,
  right: Pick<OperandInputs, 'shape' | 'transposed'>,
): MatrixSizes {
  const { shape, N, K } = productOf(context, orientedShape(left), orientedShape(right));
  return { M: shape.at(-2) ?? 0, N, K, shape };
}

/** The shape of the matrices as they are multiplied. */
export function orientedShape({ shape, transposed }: Pick<OperandInputs, 'shape' | 'transposed'>): Shape {
  return transposed ? [...shape.slice(0, -2), shape.at(-1) ?? 0, shape.at(-2) ?? 0] : shape;
}
