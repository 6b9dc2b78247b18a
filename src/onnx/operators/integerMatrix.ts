import { roundHalfToEven } from '../../base/rounding.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import { planActivation } from '../../gemm/activation.ts';
import { sourceOfQuantized } from '../../gemm/codeSource.ts';
import { integerSums, scaledProduct } from '../../gemm/integerMatmul.ts';
import { chooseInteger } from '../../gemm/select.ts';
import type { Engine } from '../../gpu/engine.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type HostTensor, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { forEachBroadcast } from '../../nn/broadcast.ts';
import { quantize } from '../../quant/quantize.ts';
import { fitting } from './elementwise.ts';
import {
  assertBytes,
  assertParameterShapes,
  centredOnHost,
  type OperandInputs,
  orientedShape,
  parameterShape,
  productsOnHost,
  type RecordedOperand,
  recordLeft,
  recordRight,
  sumsOnHost,
} from './integerOperands.ts';
import { matricesOf, productOf } from './matrix.ts';
import { dynamicParameters } from './quantizeLinear.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/** Where the inputs of a product of matrices are, and the shape of its result. */
export interface ProductNode {
  readonly left: OperandInputs;
  readonly right: OperandInputs;
  readonly shape: Shape;
}

interface Places {
  readonly codes: number;
  readonly scale: number | undefined;
  readonly zeroPoint: number | undefined;
}

/** A product as NumPy makes it of any shapes: a vector on the right is a stored row of one transposed matrix. */
export function productNode(context: NodeContext, left: Places, right: Places): ProductNode {
  const { a, b, shape } = matricesOf(context, right.codes);
  const given = context.input(right.codes).shape;
  const isVector = given.length === 1;
  return {
    left: { ...left, transposed: false, shape: a },
    right: { ...right, transposed: isVector, shape: isVector ? [1, ...given] : b },
    shape,
  };
}

/** @throws MalformedModel for codes or parameters that do not go with the product. */
export function assertOperands(context: NodeContext, { left, right }: ProductNode): void {
  assertBytes(context, left.codes, left.zeroPoint);
  assertBytes(context, right.codes, right.zeroPoint);
  assertParameterShapes(context, left, 'left');
  assertParameterShapes(context, right, 'right');
}

/** Which kernel multiplies. */
export function explainProduct(context: NodeContext, engine: Engine, { left, right }: ProductNode): string {
  const { M, N, K, shape } = productOf(context, orientedShape(left), orientedShape(right));
  const { kernel, reason } = chooseInteger(engine, { M, N, batchCount: elementCount(shape.slice(0, -2)) });
  const packed = context.input(right.codes).constant ? ', weights packed once' : '';
  return `integer product of [${M}, ${K}] and [${K}, ${N}] by the ${kernel} kernel (${reason})${packed}`;
}

/** Records exact sums, of the shape of the product's matrices. */
export function recordSums(record: RecordContext, node: ProductNode, bias?: Tensor<'int32'>): Tensor<'int32'> {
  const { engine, context } = record;
  const shape = productOf(context, orientedShape(node.left), orientedShape(node.right));
  const left = recordLeft(record, node.left);
  const right = recordRight(record, node.right, left.source);
  try {
    const { source, prepared } = right;
    return integerSums(engine, { shape, left: left.source, right: source, prepared, ...(bias ? { bias } : {}) });
  } finally {
    left.release();
    right.release();
  }
}

/** Products of the codes of two 8-bit operands less their zero points, as exact int32 sums. */
export const MatMulInteger: Operator = {
  name: 'MatMulInteger',
  domain: '',
  infer: (context) => {
    const node = sumsNode(context);
    assertOperands(context, node);
    return [{ elementType: 'int32', shape: node.shape }];
  },
  evaluate: (context, inputs) => {
    const { left, right, shape } = sumsNode(context);
    const result = hostZeros(context, 'int32', shape);
    sumsOnHost(context, inputs, left, right).forEach((sum, index) => {
      result.data[index] = sum;
    });
    return [result];
  },
  record: (record) => {
    const node = sumsNode(record.context);
    if (elementCount(node.shape) === 0) return [record.engine.empty(node.shape, 'int32')];
    using sums = recordSums(record, node);
    return [sums.reshape(node.shape)];
  },
  explain: (context, engine) => explainProduct(context, engine, sumsNode(context)),
};

function sumsNode(context: NodeContext): ProductNode {
  return productNode(
    context,
    { codes: 0, scale: undefined, zeroPoint: 2 },
    { codes: 1, scale: undefined, zeroPoint: 3 },
  );
}

/** What is added to each row of a float result. @throws MalformedModel */
function assertBias(context: NodeContext, index: number, { shape }: ProductNode): void {
  const bias = context.optionalInput(index);
  if (!bias) return;
  const columns = shape.at(-1) ?? 1;
  if (isInteger(bias.elementType) || bias.shape.length !== 1 || bias.shape[0] !== columns) {
    context.fail(`its bias is ${bias.elementType} of shape [${bias.shape}], but must be floats of shape [${columns}]`);
  }
}

/** The result of sums, one factor for each, and a bias. */
function scaledOnHost(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  sums: Float64Array,
  node: ProductNode,
  scales: { readonly left: HostTensor | number; readonly bias: number },
): HostTensor {
  const { left, right, shape } = node;
  const type = context.input(right.scale ?? 0).elementType;
  const result = hostZeros(context, type, shape);
  const toType = fitting(type);
  const of = (index: number | undefined) => hostInput(context, inputs, index ?? 0).data;
  const aScales = typeof scales.left === 'number' ? [scales.left] : scales.left.data;
  const aShape = typeof scales.left === 'number' ? [1, 1] : parameterShape(context, left.scale ?? 0, left, 'left');
  const bScales = of(right.scale);
  const { shape: matrices, N } = productOf(context, orientedShape(left), orientedShape(right));
  // Columns of a right operand that is stored transposed are its rows.
  const stored = parameterShape(context, right.scale ?? 0, right, 'right');
  const bShape = orientedShape({ shape: stored, transposed: right.transposed });
  const bias = inputs[scales.bias]?.data;
  forEachBroadcast(matrices, [aShape, bShape], ([row = 0, column = 0], index) => {
    const factor = Math.fround((aScales[row] ?? 1) * (bScales[column] ?? 1));
    result.data[index] = toType((sums[index] ?? 0) * factor + (bias?.[index % N] ?? 0));
  });
  return result;
}

function recordScaled(record: RecordContext, node: ProductNode, left: RecordedOperand, biasInput: number): Tensor {
  const { engine, context } = record;
  const shape = productOf(context, orientedShape(node.left), orientedShape(node.right));
  const right = recordRight(record, node.right, left.source);
  const bias = record.optionalTensor(biasInput) as Tensor<'float32'> | undefined;
  try {
    const { source, prepared } = right;
    const product = { shape, left: left.source, right: source, prepared, ...(bias ? { bias } : {}) };
    using y = scaledProduct(engine, product, planActivation('none'));
    return y.reshape(node.shape);
  } finally {
    left.release();
    right.release();
  }
}

const toFloatNode = (context: NodeContext): ProductNode =>
  productNode(context, { codes: 0, scale: 2, zeroPoint: 4 }, { codes: 1, scale: 3, zeroPoint: 5 });
const toFloatBias = 6;

/** The exact sums of MatMulInteger times both scales, with a bias. */
export const MatMulIntegerToFloat: Operator = {
  name: 'MatMulIntegerToFloat',
  domain: 'com.microsoft',
  infer: (context) => {
    const node = toFloatNode(context);
    assertOperands(context, node);
    assertBias(context, toFloatBias, node);
    return [{ elementType: context.input(3).elementType, shape: node.shape }];
  },
  evaluate: (context, inputs) => {
    const node = toFloatNode(context);
    const sums = sumsOnHost(context, inputs, node.left, node.right);
    return [scaledOnHost(context, inputs, sums, node, { left: hostInput(context, inputs, 2), bias: toFloatBias })];
  },
  record: (record) => {
    const node = toFloatNode(record.context);
    if (elementCount(node.shape) === 0) return [record.engine.empty(node.shape, 'float32')];
    return [recordScaled(record, node, recordLeft(record, node.left), toFloatBias)];
  },
  explain: (context, engine) => `${explainProduct(context, engine, toFloatNode(context))}, scaled to floats`,
};

/** The left operand is a float: its `codes` stand for its place only. */
const dynamicNode = (context: NodeContext): ProductNode =>
  productNode(context, { codes: 0, scale: undefined, zeroPoint: undefined }, { codes: 1, scale: 2, zeroPoint: 3 });
const dynamicBias = 4;

/** Floats quantized to uint8 by their own range, times 8-bit weights, scaled, with a bias. */
export const DynamicQuantizeMatMul: Operator = {
  name: 'DynamicQuantizeMatMul',
  domain: 'com.microsoft',
  infer: (context) => {
    const node = dynamicNode(context);
    if (isInteger(context.input(0).elementType)) context.fail('input 0 must be floats');
    assertBytes(context, 1, 3);
    assertParameterShapes(context, node.right, 'right');
    assertBias(context, dynamicBias, node);
    return [{ elementType: context.input(0).elementType, shape: node.shape }];
  },
  evaluate: (context, inputs) => {
    const node = dynamicNode(context);
    const { data } = hostInput(context, inputs, 0);
    const { scale, zeroPoint } = dynamicParameters(data);
    const code = (value: number): number => {
      return Math.min(Math.max(roundHalfToEven(Math.fround(value / scale)) + zeroPoint, 0), 255) - zeroPoint;
    };
    const a = { values: Float64Array.from(data, code), ...node.left };
    const b = { values: centredOnHost(context, inputs, node.right, 'right'), ...node.right };
    return [scaledOnHost(context, inputs, productsOnHost(context, a, b), node, { left: scale, bias: dynamicBias })];
  },
  record: (record) => {
    const { engine, context } = record;
    const node = dynamicNode(context);
    if (elementCount(node.shape) === 0) return [engine.empty(node.shape, 'float32')];
    using x = (record.tensor(0) as Tensor<'float32'>).reshape(node.left.shape);
    const quantized = quantize(engine, x, { scheme: 'asymmetric', layout: 'rows' });
    const source = sourceOfQuantized(quantized, 'left') ?? context.fail('its left operand has no scale');
    const left = { source, prepared: undefined, release: () => quantized.dispose() };
    return [recordScaled(record, node, left, dynamicBias)];
  },
  explain: (context, engine) =>
    `input quantized to uint8 by its range, ${explainProduct(context, engine, dynamicNode(context))}, scaled to floats`,
};

/** Products of 8-bit operands with int32 and float results. */
export const integerMatrixOperators: readonly Operator[] = [MatMulInteger, MatMulIntegerToFloat, DynamicQuantizeMatMul];
