import { UnsupportedOperator } from '../../base/errors.ts';
import { roundToBfloat16 } from '../../base/half.ts';
import type { Tensor } from '../../gpu/tensor.ts';
import { bitsOf, type ElementType, type HostTensor, integerRange, isInteger } from '../../graph/hostTensor.ts';
import type { NodeContext, Operator, RecordContext } from '../../graph/operator.ts';
import { type UnaryOperation, unary } from '../../nn/elementwise.ts';
import { elementTypeOf } from '../tensor.ts';
import { type ElementTensor, evaluateBroadcast, formatOf, ownInput } from './elementwise.ts';
import { hostInput, hostZeros } from './rearrange.ts';

/**
 * A number in another type: floats become integers towards 0, saturating, NaN becoming 0 (what ONNX leaves open beyond the
 * range); integers wrap around; everything but 0 is true.
 */
function converted(from: ElementType, to: ElementType): (value: number) => number {
  if (to === 'bool') return (value) => Number(value !== 0);
  const range = integerRange(to);
  if (isInteger(from) || !range) return (value) => value;
  const [least, greatest] = bitsOf(to) > 32 ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : range;
  return (value) => (Number.isNaN(value) ? 0 : Math.min(Math.max(Math.trunc(value), least), greatest));
}

/** @param brain whether the numbers are to be those of bfloat16, which are held as float32 */
function evaluateCast(
  context: NodeContext,
  inputs: readonly (HostTensor | undefined)[],
  to: ElementType,
  brain = false,
): HostTensor {
  const convert = converted(context.input(0).elementType, to);
  const compute = brain ? (value: number) => roundToBfloat16(convert(value)) : convert;
  return evaluateBroadcast(context, inputs.slice(0, 1), to, compute);
}

/** Whether int32 elements that hold one integer type hold the other with the same bits. */
function sameBits(from: ElementType, to: ElementType): boolean {
  const [range, goal] = [integerRange(from), integerRange(to)];
  if (!range || !goal) return false;
  // 64-bit integers were checked when they came to the GPU; those of 8 bits are cut off when they are narrowed.
  if (bitsOf(to) === 8 || (range[0] >= goal[0] && range[1] <= goal[1])) return from !== 'uint32' || bitsOf(to) <= 32;
  return bitsOf(to) === 32;
}

/** The kernel's operation, or undefined where elements stay as they are. */
function operationOf(from: ElementType, to: ElementType): UnaryOperation | undefined {
  if (from === to) return undefined;
  if (to === 'bool') return 'toBool';
  if (isInteger(from)) return isInteger(to) ? (sameBits(from, to) ? undefined : 'wrap') : 'toFloat';
  if (isInteger(to)) return to === 'uint32' ? 'toUnsigned' : 'toInteger';
  return to === 'float16' ? 'half' : undefined;
}

function recordCast(record: RecordContext, to: ElementType, brain = false): Tensor {
  const { engine, context } = record;
  const from = context.input(0).elementType;
  if (from === to && !brain) return record.tensor(0).reshape(context.input(0).shape);
  if (to === 'float64') {
    throw new UnsupportedOperator(
      `${context.node.operator} node "${context.node.name}" casts to float64, which is computed on the CPU only, before a model runs; cast to float32 in the model.`,
    );
  }
  const operation = operationOf(from, to);
  let result: ElementTensor = ownInput(record, 0);
  const replace = (next: ElementTensor): void => {
    result.dispose();
    result = next;
  };
  if (operation) {
    const [least, greatest] = integerRange(to) ?? [0, 0];
    const bounds = bitsOf(to) > 32 ? {} : { low: Math.max(least, -(2 ** 31)), high: Math.min(greatest, 2 ** 31 - 1) };
    // Bits that are negative in int32 are a uint32 beyond it.
    const format =
      operation === 'toFloat'
        ? formatOf(from, false)
        : operation === 'toBool'
          ? {}
          : from === 'uint32' && bitsOf(to) > 32
            ? { checkedFrom: 0 }
            : formatOf(to, true);
    replace(unary(engine, operation, result, bounds, format));
  }
  // Integers above 2048 are not all halves.
  if (operation === 'toFloat' && to === 'float16') replace(unary(engine, 'half', result));
  if (brain) replace(unary(engine, 'brain', result));
  return record.narrowed(result);
}

const bfloat16Code = 16;
const isBrain = (context: NodeContext): boolean => context.number('to') === bfloat16Code;
const goalOf = (context: NodeContext): ElementType =>
  elementTypeOf(context.number('to') ?? context.fail('attribute "to" is missing'), `Cast node "${context.node.name}"`);

export const Cast: Operator = {
  name: 'Cast',
  domain: '',
  unsupported: ({ node }) => {
    const to = node.attributes.get('to');
    try {
      if (typeof to === 'number') elementTypeOf(to, 'its result');
    } catch (error) {
      if (error instanceof UnsupportedOperator) return error.message;
    }
    return undefined;
  },
  infer: (context) => [{ elementType: goalOf(context), shape: context.input(0).shape }],
  evaluate: (context, inputs) => [evaluateCast(context, inputs, goalOf(context), isBrain(context))],
  record: (record) => [recordCast(record, goalOf(record.context), isBrain(record.context))],
  explain: (context) => {
    const [from, to] = [context.input(0).elementType, goalOf(context)];
    const operation = operationOf(from, to);
    if (isBrain(context)) return `${from} to bfloat16, held as float32: nn/elementwise brain`;
    return `${from} to ${to}: ${operation ? `nn/elementwise ${operation}` : 'elements stay as they are'}`;
  },
};

export const CastLike: Operator = {
  name: 'CastLike',
  domain: '',
  infer: (context) => [{ elementType: context.input(1).elementType, shape: context.input(0).shape }],
  evaluate: (context, inputs) => [evaluateCast(context, inputs, context.input(1).elementType)],
  record: (record) => [recordCast(record, record.context.input(1).elementType)],
};

export const Identity: Operator = {
  name: 'Identity',
  domain: '',
  infer: (context) => [context.input(0)],
  evaluate: (context, inputs) => [hostInput(context, inputs, 0)],
  record: ({ context, tensor }) => [tensor(0).reshape(context.input(0).shape)],
  explain: () => 'shares the memory of its input',
};

/** Type of the mask: of the data's type before version 10. */
const maskType = (context: NodeContext): ElementType => (context.opset < 10 ? context.input(0).elementType : 'bool');

/** Inference: the data as it is, and a mask of ones. */
export const Dropout: Operator = {
  name: 'Dropout',
  domain: '',
  infer: (context) => {
    const training = context.opset >= 12 ? context.optionalInput(2) : undefined;
    if (training && (!training.host || training.host.data.some((flag) => flag !== 0))) {
      throw new UnsupportedOperator(
        `Dropout node "${context.node.name}" is in training mode, in which models are not run; export the model for inference.`,
      );
    }
    const { elementType, shape } = context.input(0);
    return [
      { elementType, shape },
      { elementType: maskType(context), shape },
    ];
  },
  evaluate: (context, inputs) => {
    const data = hostInput(context, inputs, 0);
    const mask = hostZeros(context, maskType(context), data.shape);
    mask.data.fill(1);
    return [data, mask];
  },
  record: ({ engine, context, tensor }) => {
    const { shape, elementType } = context.input(0);
    const data = tensor(0).reshape(shape);
    if (!context.node.outputs[1]) return [data];
    const ones = new Int32Array(data.size).fill(1);
    const isFloat = maskType(context) === elementType && !isInteger(elementType);
    return [data, isFloat ? engine.tensor(Float32Array.from(ones), shape) : engine.tensor(ones, shape)];
  },
  explain: () => 'shares the memory of its input',
};

/** Operators that change the type of a value, or nothing. */
export const castOperators: readonly Operator[] = [Cast, CastLike, Identity, Dropout];
