/** Tensors as ONNX files store them, as host tensors. */
import { isFieldSet, type MessageShape } from '@bufbuild/protobuf';
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from 'onnx-buf';
import { InvalidInput, LimitExceeded, MalformedModel, UnsupportedOperator } from '../base/errors.ts';
import { bfloat16ToNumber, halfToNumber } from '../base/half.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { bitsOf, type ElementType, type HostTensor, hostArray, integerRange } from '../graph/hostTensor.ts';

type TensorProto = MessageShape<typeof TensorProtoSchema>;

/** Files that a model keeps tensors in, by the name (`location`) that it gives them. */
export type ExternalData = Readonly<Record<string, Uint8Array>>;

const largestRank = 64;

/** bfloat16 is computed in float32: every value of it is one of float32. */
const elementTypes: ReadonlyMap<number, ElementType> = new Map<DataType, ElementType>([
  [DataType.FLOAT, 'float32'],
  [DataType.DOUBLE, 'float64'],
  [DataType.FLOAT16, 'float16'],
  [DataType.BFLOAT16, 'float32'],
  [DataType.INT64, 'int64'],
  [DataType.INT32, 'int32'],
  [DataType.INT16, 'int16'],
  [DataType.INT8, 'int8'],
  [DataType.INT4, 'int4'],
  [DataType.INT2, 'int2'],
  [DataType.UINT64, 'uint64'],
  [DataType.UINT32, 'uint32'],
  [DataType.UINT16, 'uint16'],
  [DataType.UINT8, 'uint8'],
  [DataType.UINT4, 'uint4'],
  [DataType.UINT2, 'uint2'],
  [DataType.BOOL, 'bool'],
]);

/**
 * The element type that an ONNX file names by a number.
 * @throws UnsupportedOperator for a type that Cuanta does not compute with, MalformedModel for no type
 */
export function elementTypeOf(dataType: number, what: string): ElementType {
  const type = elementTypes.get(dataType);
  if (type) return type;
  const name = DataType[dataType];
  if (name === undefined || dataType === DataType.UNDEFINED) {
    throw new MalformedModel(`${what} has the element type ${dataType}, which ONNX does not have; save it again.`);
  }
  throw new UnsupportedOperator(
    `${what} has elements of type ${name.toLowerCase()}; Cuanta computes with ${[...new Set(elementTypes.values())].join(', ')}. Convert it.`,
  );
}

/** The number by which an ONNX file names an element type. */
export function dataTypeOf(elementType: ElementType): DataType {
  for (const [dataType, type] of elementTypes)
    if (type === elementType && dataType !== DataType.BFLOAT16) return dataType;
  return DataType.UNDEFINED;
}

/**
 * A tensor of a model. Its size is compared with the data that is there before anything is allocated.
 *
 * @param what names the tensor in errors
 * @throws MalformedModel where data and shape differ, LimitExceeded for 64-bit integers beyond ±(2⁵³ − 1) (save those next
 * to the ends of int64, which mean "as far as possible" and become the nearest safe integer), InvalidInput for external
 * data that was not given, UnsupportedOperator for other element types
 */
export function importTensor(proto: TensorProto, what: string, externalData: ExternalData = {}): HostTensor {
  const elementType = elementTypeOf(proto.dataType, what);
  if (proto.segment) throw new UnsupportedOperator(`${what} is stored in segments; save the model in one piece.`);
  const shape = shapeOf(proto.dims, what);
  const raw = rawBytes(proto, what, externalData);
  const data = raw
    ? fromRaw(proto.dataType, elementType, shape, raw, what)
    : fromTyped(proto, elementType, shape, what);
  return { elementType, shape, data };
}

/** A 64-bit integer as a number. @throws LimitExceeded beyond ±(2⁵³ − 1), unless it means "as far as possible" */
export function safeInteger(value: bigint, what: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  // Slices and clips say so: the ends of int64, give or take one.
  if (value >= 2n ** 63n - 2n && value < 2n ** 63n) return Number.MAX_SAFE_INTEGER;
  if (value <= -(2n ** 63n) + 1n) return Number.MIN_SAFE_INTEGER;
  throw new LimitExceeded(
    `${what} holds the integer ${value}; Cuanta holds 64-bit integers from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}. Make it smaller.`,
  );
}

function shapeOf(dims: readonly bigint[], what: string): Shape {
  if (dims.length > largestRank) {
    throw new MalformedModel(`${what} has ${dims.length} dimensions, at most ${largestRank} are read; save it again.`);
  }
  const shape = dims.map(Number);
  const count = shape.includes(0) ? 0 : elementCount(shape);
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0) || !Number.isSafeInteger(count)) {
    throw new MalformedModel(`${what} has the shape [${shape}], which no tensor has; save it again.`);
  }
  return shape;
}

/** The bytes of a tensor that is stored as such, here or in another file. */
function rawBytes(proto: TensorProto, what: string, externalData: ExternalData): Uint8Array | undefined {
  if (proto.dataLocation === DataLocation.EXTERNAL) return externalBytes(proto, what, externalData);
  return isFieldSet(proto, TensorProtoSchema.field.rawData) ? proto.rawData : undefined;
}

function externalBytes(proto: TensorProto, what: string, externalData: ExternalData): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (!location) throw new MalformedModel(`${what} lies in another file, but the model does not say in which.`);
  if (!Object.hasOwn(externalData, location)) {
    throw new InvalidInput(
      `${what} lies in the file ${JSON.stringify(location)}, which was not given; hand its bytes over in externalData.`,
    );
  }
  const file = externalData[location] ?? new Uint8Array();
  const [offset, length] = ['offset', 'length'].map((key) => {
    const text = entries.get(key);
    if (text !== undefined && !/^\d{1,15}$/.test(text)) {
      throw new MalformedModel(`${what} has the ${key} ${JSON.stringify(text)} in its file; save the model again.`);
    }
    return text === undefined ? undefined : Number(text);
  });
  const start = offset ?? 0;
  const end = length === undefined ? file.length : start + length;
  if (start > end || end > file.length) {
    throw new MalformedModel(
      `${what} takes the bytes ${start} to ${end} of ${JSON.stringify(location)}, which has ${file.length}; give the file that was saved with the model.`,
    );
  }
  return file.subarray(start, end);
}

/** Elements as they lie in memory, little-endian; those below 8 bits packed, the first in the lowest bits. */
function fromRaw(
  dataType: number,
  elementType: ElementType,
  shape: Shape,
  raw: Uint8Array,
  what: string,
): HostTensor['data'] {
  const count = countOf(shape);
  const bits = dataType === DataType.BFLOAT16 ? 16 : bitsOf(elementType);
  const expected = Math.ceil((count * bits) / 8);
  if (raw.length !== expected) wrongSize(what, shape, `${expected} bytes`, `${raw.length}`);
  if (bits < 8) return unpacked(elementType, raw, count);
  // A copy, which starts where elements of any size may.
  const { buffer } = new Uint8Array(raw);
  switch (elementType) {
    case 'float32':
      return bits === 16 ? Float32Array.from(new Uint16Array(buffer), bfloat16ToNumber) : new Float32Array(buffer);
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer), (value) => safeInteger(value, what));
    case 'uint64':
      return Float64Array.from(new BigUint64Array(buffer), (value) => safeInteger(value, what));
    case 'int32':
      return new Int32Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'bool':
      return new Uint8Array(buffer).map((value) => (value === 0 ? 0 : 1));
    default:
      return new Uint8Array(buffer);
  }
}

/** Elements of 2 or 4 bits. */
function unpacked(elementType: ElementType, bytes: ArrayLike<number>, count: number): HostTensor['data'] {
  const bits = bitsOf(elementType);
  const signShift = elementType.startsWith('int') ? 32 - bits : 0;
  const mask = 2 ** bits - 1;
  const data = hostArray(elementType, count);
  for (let index = 0; index < count; index++) {
    const code = ((bytes[(index * bits) >> 3] ?? 0) >> ((index * bits) & 7)) & mask;
    data[index] = (code << signShift) >> signShift;
  }
  return data;
}

/** Elements in the list of numbers that ONNX has for the type. */
function fromTyped(proto: TensorProto, elementType: ElementType, shape: Shape, what: string): HostTensor['data'] {
  const list = typedList(proto, elementType);
  const count = countOf(shape);
  const bits = bitsOf(elementType);
  const expected = bits < 8 ? Math.ceil((count * bits) / 8) : count;
  if (list.length !== expected) wrongSize(what, shape, `${expected} numbers`, `${list.length}`);
  if (bits < 8) return unpacked(elementType, list as readonly number[], count);
  const data = hostArray(elementType, count);
  if (proto.dataType === DataType.BFLOAT16) data.set((list as readonly number[]).map(bfloat16ToNumber));
  else if (elementType === 'float16') data.set((list as readonly number[]).map(halfToNumber));
  else {
    const [least, greatest] = integerRange(elementType) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let index = 0; index < count; index++) {
      const item = list[index] ?? 0;
      const value = typeof item === 'bigint' ? safeInteger(item, what) : item;
      if (value < least || value > greatest) {
        throw new MalformedModel(
          `${what}: element ${index} is ${value}, but ${elementType} goes from ${least} to ${greatest}; save it again.`,
        );
      }
      data[index] = value;
    }
  }
  return data;
}

function typedList(proto: TensorProto, elementType: ElementType): readonly number[] | readonly bigint[] {
  switch (elementType) {
    case 'float32':
      return proto.dataType === DataType.BFLOAT16 ? proto.int32Data : proto.floatData;
    case 'float64':
      return proto.doubleData;
    case 'int64':
      return proto.int64Data;
    case 'uint32':
    case 'uint64':
      return proto.uint64Data;
    default:
      return proto.int32Data;
  }
}

const countOf = (shape: Shape): number => (shape.includes(0) ? 0 : elementCount(shape));

function wrongSize(what: string, shape: Shape, expected: string, found: string): never {
  throw new MalformedModel(
    `${what} of shape [${shape}] takes ${expected}, but the file has ${found}; it is truncated or damaged: save it again.`,
  );
}
