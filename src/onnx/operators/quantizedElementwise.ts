import type { Tensor } from '../../gpu/tensor.ts';
import {
  type ChannelsLast,
  NodeContext,
  type Operator,
  type RecordContext,
  type ValueType,
} from '../../graph/operator.ts';
import { toChannelsLast } from '../../nn/channelsLast.ts';
import { lookup, tableOf } from '../../nn/lookup.ts';
import {
  type BinaryQuantization,
  combinationOf,
  prepareCombination,
  quantizedBinary,
} from '../../nn/quantizedBinary.ts';
import type { ByteQuantization, ByteType } from '../../quant/byteCodes.ts';
import { lowestCode } from '../../quant/byteCodes.ts';
import { uploadTable } from '../../quant/codeTable.ts';
import { broadcastInputs, evaluateBroadcast } from './elementwise.ts';
import { hostInput } from './rearrange.ts';

/** An element type of 8 bits. @throws MalformedModel for any other */
export function byteType(context: NodeContext, elementType: string, what: string): ByteType {
  if (elementType === 'int8' || elementType === 'uint8') return elementType;
  return context.fail(`${what} is ${elementType}, but must be int8 or uint8`);
}

/** The only element of an input that is known before the run. */
function single(context: NodeContext, index: number): number {
  const { data } = context.known(index);
  if (data.length !== 1) context.fail(`input ${index} has ${data.length} elements, but one is for the whole tensor`);
  return data[0] ?? 0;
}

/**
 * Scale and zero point in two inputs, of which the second may be left out.
 * @throws MalformedModel; UnsupportedOperator where they are not known before the run
 */
export function quantizationAt(context: NodeContext, index: number, dtype: ByteType): ByteQuantization {
  const zero = context.optionalInput(index + 1);
  if (zero && zero.elementType !== dtype) {
    context.fail(`the zero point in input ${index + 1} is ${zero.elementType}, but its codes are ${dtype}`);
  }
  const [scale, zeroPoint] = [single(context, index), zero ? single(context, index + 1) : 0];
  if (!(Number.isFinite(scale) && scale > 0)) context.fail(`the scale in input ${index} is ${scale}, not above 0`);
  return { dtype, scale, zeroPoint };
}

/** Keeps the order of the axes that input 0 is held in. */
function inHeldOrder(record: RecordContext, work: (x: Tensor<ByteType>) => Tensor<ByteType>): Tensor | ChannelsLast {
  if (record.heldChannelsLast(0)) return { channelsLast: work(record.channelsLast(0)) };
  return work(record.tensor(0) as Tensor<ByteType>);
}

interface CodeTable {
  readonly input: ByteType;
  readonly codes: Int8Array | Uint8Array;
}

/** An operator that takes each code of input 0 from a table. */
function tableOperator(
  name: string,
  domain: string,
  tableFor: (context: NodeContext) => CodeTable,
  outputType: (context: NodeContext) => ByteType,
): Operator {
  return {
    name,
    domain,
    infer: (context) => [{ elementType: outputType(context), shape: context.input(0).shape }],
    evaluate: (context, inputs) => {
      const { input, codes } = tableFor(context);
      const { data, shape } = hostInput(context, inputs, 0);
      const result = outputType(context) === 'int8' ? new Int8Array(data.length) : new Uint8Array(data.length);
      data.forEach((code, index) => {
        result[index] = codes[code - lowestCode(input)] ?? 0;
      });
      return [{ elementType: outputType(context), shape, data: result }];
    },
    record: (record) => {
      const { engine, context } = record;
      const table = record.constant('table', () => {
        const { input, codes } = tableFor(context);
        return uploadTable(engine, codes, input);
      });
      return [inHeldOrder(record, (x) => lookup(engine, x, table))];
    },
    explain: () => 'a lookup of 256 codes',
  };
}

/** The attribute `table`: 256 codes, the first for the lowest code that is replaced. @throws MalformedModel */
export function givenTable(context: NodeContext): { readonly codes: Int8Array | Uint8Array; readonly type: ByteType } {
  const { data, elementType } = context.tensor('table') ?? context.fail('attribute "table" is missing');
  if (data.length !== 256) context.fail(`its table has ${data.length} codes, but needs 256`);
  const codes = data instanceof Int8Array || data instanceof Uint8Array ? data : undefined;
  return {
    codes: codes ?? context.fail('its table is not of 8 bits'),
    type: byteType(context, elementType, 'its table'),
  };
}

/**
 * Cuanta's own: each code of x replaced by its entry in the attribute `table`, 256 codes of the result's type, the first
 * for the lowest code of x.
 */
export const Lookup: Operator = tableOperator(
  'Lookup',
  'cuanta',
  (context) => ({
    input: byteType(context, context.input(0).elementType, 'its input'),
    codes: givenTable(context).codes,
  }),
  (context) => givenTable(context).type,
);

/** An operator of com.microsoft with inputs x, x_scale, x_zero_point, y_scale, y_zero_point. */
function activation(name: string, functionOf: (context: NodeContext) => (x: number) => number): Operator {
  const type = (context: NodeContext): ByteType => byteType(context, context.input(0).elementType, 'its input');
  const table = (context: NodeContext): CodeTable => {
    const input = type(context);
    const codes = tableOf(functionOf(context), quantizationAt(context, 1, input), quantizationAt(context, 3, input));
    return { input, codes };
  };
  return tableOperator(name, 'com.microsoft', table, type);
}

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearSigmoid */
export const QLinearSigmoid = activation('QLinearSigmoid', () => (x) => 1 / (1 + Math.exp(-x)));

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearLeakyRelu */
export const QLinearLeakyRelu = activation('QLinearLeakyRelu', (context) => {
  const alpha = Math.fround(context.number('alpha', 0.01));
  return (x) => (x < 0 ? x * alpha : x);
});

/** The two operands alone, in inputs 0 and 3. */
const operandPlaces = [0, 3] as const;

/** The operands as inputs 0 and 1. */
function operandContext(context: NodeContext): NodeContext {
  return new NodeContext(
    context.node,
    context.opset,
    operandPlaces.map((index) => context.input(index)),
  );
}

function quantizationOf(context: NodeContext, operation: 'add' | 'mul'): BinaryQuantization {
  const [a, b] = operandPlaces.map((index) => byteType(context, context.input(index).elementType, `input ${index}`));
  const aType = a ?? context.fail('an operand is missing');
  const output = quantizationAt(context, 6, outputType(context));
  const bound = (name: string): number | undefined => context.number(name);
  const [lowest, highest] = [bound('lowest_code'), bound('highest_code')];
  return {
    operation,
    a: quantizationAt(context, 1, aType),
    b: quantizationAt(context, 4, b ?? aType),
    output: {
      ...output,
      ...(lowest === undefined ? {} : { lowestCode: lowest }),
      ...(highest === undefined ? {} : { highestCode: highest }),
    },
  };
}

/** That of the result's zero point, else of the operands. */
function outputType(context: NodeContext): ByteType {
  return byteType(context, (context.optionalInput(7) ?? context.input(0)).elementType, 'its result');
}

/** An operand on the GPU with its channels last, of the rank of the result. */
function operandChannelsLast(record: RecordContext, index: number, rank: number): Tensor<ByteType> {
  const { engine, context } = record;
  const { shape, constant, host } = context.input(index);
  const whole = [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
  const converted = (plain: Tensor<ByteType>): Tensor<ByteType> => {
    using reshaped = plain.reshape(whole);
    return toChannelsLast(engine, reshaped);
  };
  if (constant && host) {
    const kept = record.constant(`channels last ${rank} ${index}`, () => {
      using plain = engine.tensor(host.data as Int8Array | Uint8Array, shape);
      return converted(plain as Tensor<ByteType>);
    });
    return kept.reshape(kept.shape);
  }
  if (shape.length < rank) return converted(record.tensor(index) as Tensor<ByteType>);
  const held = record.channelsLast(index);
  return held.reshape(held.shape);
}

function recordBinary(record: RecordContext, operation: 'add' | 'mul'): Tensor | ChannelsLast {
  const { engine, context } = record;
  const combination = record.constant('codes', () => prepareCombination(engine, quantizationOf(context, operation)));
  const [a, b] = operandPlaces;
  if (!operandPlaces.some((index) => record.heldChannelsLast(index))) {
    const operand = (index: number) => record.tensor(index) as Tensor<ByteType>;
    return quantizedBinary(engine, operand(a), operand(b), combination);
  }
  const rank = broadcastInputs(operandContext(context)).length;
  using left = operandChannelsLast(record, a, rank);
  using right = operandChannelsLast(record, b, rank);
  return { channelsLast: quantizedBinary(engine, left, right, combination) };
}

/** An operator with inputs a, a_scale, a_zero_point, b, b_scale, b_zero_point, c_scale, c_zero_point. */
function quantizedOperator(name: string, domain: string, operation: 'add' | 'mul'): Operator {
  return {
    name,
    domain,
    infer: (context): readonly ValueType[] => [
      { elementType: outputType(context), shape: broadcastInputs(operandContext(context)) },
    ],
    evaluate: (context, inputs) => {
      const combine = combinationOf(quantizationOf(context, operation));
      const operands = operandPlaces.map((index) => inputs[index]);
      return [evaluateBroadcast(operandContext(context), operands, outputType(context), combine)];
    },
    record: (record) => [recordBinary(record, operation)],
    explain: () => 'a table of all pairs of codes',
  };
}

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearAdd */
export const QLinearAdd = quantizedOperator('QLinearAdd', 'com.microsoft', 'add');

/** https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearMul */
export const QLinearMul = quantizedOperator('QLinearMul', 'com.microsoft', 'mul');

/** The same with attributes `lowest_code` and `highest_code`, what Relu and Clip leave of the result; both optional. */
export const BoundedAdd = quantizedOperator('QLinearAdd', 'cuanta', 'add');

/** As `BoundedAdd`. */
const BoundedMul = quantizedOperator('QLinearMul', 'cuanta', 'mul');

/** The operators of this file. */
export const quantizedElementwiseOperators: readonly Operator[] = [
  Lookup,
  QLinearSigmoid,
  QLinearLeakyRelu,
  QLinearAdd,
  QLinearMul,
  BoundedAdd,
  BoundedMul,
];
