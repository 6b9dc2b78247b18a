import { InvalidQuantization, UnsupportedOperator } from '../../base/errors.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import { requantizeSums } from '../../gemm/requantize.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { type ElementType, type HostTensor, integerRange, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { forEachBroadcast } from '../../nn/broadcast.ts';
import { binary } from '../../nn/elementwise.ts';
import { mapParameters, perChannel, perTensor } from '../../quant/granularity.ts';
import { dequantizeIntegers } from '../../quant/onnx.ts';
import { requantizationFactor, requantizedInFloat } from '../../quant/requantize.ts';
import { assertOperands, explainProduct, type ProductNode, productNode, recordSums } from './integerMatrix.ts';
import { assertKnownScales, orientedShape, sumsOnHost } from './integerOperands.ts';
import { productOf } from './matrix.ts';
import { hostZeros } from './rearrange.ts';

/** What sums become: codes of a type, or floats where there is no scale for them. */
interface Target {
  readonly type: ElementType;
  /** From a sum to the result: one, or one for each column. */
  readonly factors: readonly number[];
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** Inputs of the result's parameters. */
interface TargetInputs {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The single number of an input that must be known. */
function single(context: NodeContext, index: number): number {
  const { data } = context.known(index);
  if (data.length !== 1) {
    throw new UnsupportedOperator(
      `${context.node.operator} node "${context.node.name}": input ${index} holds ${data.length} parameters, one for each row; codes are made with one scale of the left operand and one of the result.`,
    );
  }
  return data[0] ?? 0;
}

/** @param alpha what the product is multiplied by */
function targetOf(context: NodeContext, node: ProductNode, target: TargetInputs, alpha = 1): Target {
  const { left, right } = node;
  const columns = node.shape.at(-1) ?? 1;
  for (const index of [left.scale, right.scale, target.scale]) assertKnownScales(context, index);
  const scale = Math.fround(alpha * single(context, left.scale ?? 0));
  const { data: scales } = context.known(right.scale ?? 0);
  if (scales.length !== 1 && scales.length !== columns) {
    throw new UnsupportedOperator(
      `${context.node.operator} node "${context.node.name}": its right operand has ${scales.length} scales; codes are made with one, or one for each of ${columns} columns.`,
    );
  }
  const isCode = context.optionalInput(target.scale) !== undefined;
  const yScale = isCode ? single(context, target.scale) : 1;
  const factors = Array.from(scales, (other) => requantizationFactor(scale, other, yScale));
  const bad = factors.find((factor) => !(Number.isFinite(factor) && factor > 0));
  if (bad !== undefined) {
    throw new InvalidQuantization(
      `${context.node.operator} node "${context.node.name}": from sums to the result is a factor of ${bad}; it must be finite and above 0. Quantize the model again.`,
    );
  }
  const type = isCode ? (context.optionalInput(target.zeroPoint)?.elementType ?? 'uint8') : 'float32';
  const [least = 0, greatest = 0] = integerRange(type) ?? [];
  const zeroPoint = isCode && context.optionalInput(target.zeroPoint) ? single(context, target.zeroPoint) : 0;
  const low = Math.max(least, context.number('lowest_code', least));
  const high = Math.min(greatest, context.number('highest_code', greatest));
  return { type, factors, zeroPoint, low, high };
}

/** The result of int32 sums [..., N] on the CPU. */
function targetOnHost(context: NodeContext, sums: Int32Array, shape: Shape, target: Target): HostTensor {
  const { type, factors, zeroPoint, low, high } = target;
  const result = hostZeros(context, type, shape);
  sums.forEach((sum, index) => {
    const factor = factors[index % factors.length] ?? 1;
    result.data[index] = isInteger(type)
      ? Math.min(Math.max(requantizedInFloat(sum, factor) + zeroPoint, low), high)
      : Math.fround(Math.fround(sum) * factor);
  });
  return result;
}

/** Records the result of int32 sums [..., N]. */
function recordTarget(record: RecordContext, sums: Tensor<'int32'>, target: Target, isConstant: boolean): Tensor {
  const { engine, constant } = record;
  const { type, factors, zeroPoint, low, high } = target;
  const columns = sums.shape.at(-1) ?? 1;
  const isCode = isInteger(type);
  const upload = (): Tensor<'int32' | 'float32'> => {
    const given = Float32Array.from(
      { length: isCode ? columns : factors.length },
      (_, n) => factors[n % factors.length] ?? 1,
    );
    if (!isCode) return engine.tensor(given, [given.length]);
    // The kernel takes a pair a column.
    const pairs = Array.from(new Int32Array(given.buffer)).flatMap((bits) => [bits, 0]);
    return engine.tensor(Int32Array.from(pairs), [columns, 2]);
  };
  const held = isConstant ? constant('factors', upload) : upload();
  try {
    if (isCode) {
      const signed = type === 'int8';
      const rounding = 'float32';
      return requantizeSums(engine, sums, { multipliers: held, zeroPoint, signed, low, high, rounding });
    }
    const map = mapParameters(factors.length === 1 ? perTensor() : perChannel(sums.shape.length - 1), sums.shape);
    using zeroPoints = engine.tensor(new Int32Array(factors.length), [factors.length]);
    return dequantizeIntegers(engine, sums, map, { scales: held as Tensor<'float32'>, zeroPoints });
  } finally {
    if (!isConstant) held.dispose();
  }
}

const isConstantInput =
  (context: NodeContext) =>
  (index: number | undefined): boolean =>
    index === undefined || (context.optionalInput(index)?.constant ?? true);

const linearNode = (context: NodeContext): ProductNode =>
  productNode(context, { codes: 0, scale: 1, zeroPoint: 2 }, { codes: 3, scale: 4, zeroPoint: 5 });
const linearTarget: TargetInputs = { scale: 6, zeroPoint: 7 };

/** @throws MalformedModel where a result would be of another type than codes of 8 bits. */
function assertByteTarget(context: NodeContext, { zeroPoint }: TargetInputs): void {
  const type = context.optionalInput(zeroPoint)?.elementType ?? 'uint8';
  if (type !== 'int8' && type !== 'uint8')
    context.fail(`the zero point of its result is ${type}, but must be of 8 bits`);
}

/**
 * Products of 8-bit operands as codes: saturate(halfEven(Σ (a − za)(b − zb) · factor) + zy), the factor and the
 * product in float32 as ONNX Runtime has them. Attributes `lowest_code` and `highest_code`, in Cuanta's own domain, bound the
 * codes: a fused activation.
 */
function linearOperator(domain: string): Operator {
  return {
    name: 'QLinearMatMul',
    domain,
    infer: (context) => {
      const node = linearNode(context);
      assertOperands(context, node);
      assertByteTarget(context, linearTarget);
      return [{ elementType: context.input(linearTarget.zeroPoint).elementType, shape: node.shape }];
    },
    evaluate: (context, inputs) => {
      const node = linearNode(context);
      const sums = Int32Array.from(sumsOnHost(context, inputs, node.left, node.right));
      return [targetOnHost(context, sums, node.shape, targetOf(context, node, linearTarget))];
    },
    record: (record) => {
      const { context, engine } = record;
      const node = linearNode(context);
      const target = targetOf(context, node, linearTarget);
      if (elementCount(node.shape) === 0) return [engine.empty(node.shape, target.type as 'int8')];
      using sums = recordSums(record, { ...node, left: unscaled(node.left), right: unscaled(node.right) });
      using shaped = sums.reshape(node.shape);
      return [recordTarget(record, shaped, target, [1, 4, 6].every(isConstantInput(context)))];
    },
    explain: (context, engine) => `${explainProduct(context, engine, linearNode(context))}, requantized by integers`,
  };
}

/** Scales belong to the requantization, not to the sums. */
const unscaled = <Inputs extends object>(inputs: Inputs) => ({ ...inputs, scale: undefined });

interface GemmNode extends ProductNode {
  readonly alpha: number;
  readonly target: TargetInputs;
}

const gemmBias = 6;

function gemmNode(context: NodeContext): GemmNode {
  const [a, b] = [context.input(0).shape, context.input(3).shape];
  if (a.length !== 2 || b.length !== 2) context.fail(`it multiplies [${a}] by [${b}], but both must be matrices`);
  const left = { codes: 0, scale: 1, zeroPoint: 2, transposed: context.number('transA', 0) !== 0, shape: a };
  const right = { codes: 3, scale: 4, zeroPoint: 5, transposed: context.number('transB', 0) !== 0, shape: b };
  const { shape } = productOf(context, orientedShape(left), orientedShape(right));
  const added = context.optionalInput(gemmBias);
  const addedShape = added?.shape ?? [];
  const fits = addedShape.every((length, axis) => length === 1 || length === shape[axis + 2 - addedShape.length]);
  if (added && (added.elementType !== 'int32' || addedShape.length > 2 || !fits)) {
    context.fail(
      `it adds ${added.elementType} of shape [${addedShape}]; int32 that is broadcast to [${shape}] is added`,
    );
  }
  return { left, right, shape, alpha: context.number('alpha', 1), target: { scale: 7, zeroPoint: 8 } };
}

/**
 * alpha · (Σ (a − za)(b − zb) + c) · scaleA · scaleB, as floats, or as codes where the result has a scale: as of
 * `linearOperator`. It says what the domains are.
 */
function gemmOperator(domain: string): Operator {
  return {
    name: 'QGemm',
    domain,
    infer: (context) => {
      const node = gemmNode(context);
      assertOperands(context, node);
      assertByteTarget(context, node.target);
      const isCode = context.optionalInput(node.target.scale) !== undefined;
      const codeType = context.optionalInput(node.target.zeroPoint)?.elementType ?? 'uint8';
      return [{ elementType: isCode ? codeType : 'float32', shape: node.shape }];
    },
    evaluate: (context, inputs) => {
      const node = gemmNode(context);
      const sums = Int32Array.from(sumsOnHost(context, inputs, node.left, node.right));
      const added = inputs[gemmBias];
      if (added) {
        forEachBroadcast(node.shape, [added.shape], ([place = 0], index) => {
          sums[index] = (sums[index] ?? 0) + (added.data[place] ?? 0);
        });
      }
      return [targetOnHost(context, sums, node.shape, targetOf(context, node, node.target, node.alpha))];
    },
    record: (record) => {
      const { context, engine } = record;
      const node = gemmNode(context);
      const target = targetOf(context, node, node.target, node.alpha);
      if (elementCount(node.shape) === 0) return [engine.empty(node.shape, target.type as 'int8')];
      using sums = recordGemmSums(record, node);
      return [recordTarget(record, sums, target, [1, 4, 7].every(isConstantInput(context)))];
    },
    explain: (context, engine) => {
      const isCode = context.optionalInput(7) !== undefined;
      return `${explainProduct(context, engine, gemmNode(context))}, ${isCode ? 'requantized by integers' : 'scaled to floats'}`;
    },
  };
}

function recordGemmSums(record: RecordContext, node: GemmNode): Tensor<'int32'> {
  const { engine } = record;
  const product = { ...node, left: unscaled(node.left), right: unscaled(node.right) };
  const added = record.optionalTensor(gemmBias) as Tensor<'int32'> | undefined;
  if (!added) return recordSums(record, product);
  const N = node.shape.at(-1) ?? 1;
  if (added.size === N && (added.shape.at(-1) ?? 1) === N) {
    using row = added.reshape([N]);
    return recordSums(record, product, row);
  }
  using sums = recordSums(record, product);
  return binary(engine, 'add', sums, added) as Tensor<'int32'>;
}

/** Products of 8-bit operands with results of 8 bits, and QGemm's floats. */
export const requantizedMatrixOperators: readonly Operator[] = [
  linearOperator(''),
  linearOperator('cuanta'),
  gemmOperator('com.microsoft'),
  gemmOperator('cuanta'),
];
