import { elementCount, type Shape } from '../base/shape.ts';

/** Element types of the values of a graph: those of ONNX that Cuanta computes with. */
export type ElementType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'int4'
  | 'int2'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'uint4'
  | 'uint2'
  | 'bool';

/** Elements on the CPU, one a place. */
export type HostData =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A value of a graph on the CPU. */
export interface HostTensor {
  readonly elementType: ElementType;
  readonly shape: Shape;
  /** Row-major elements, in the array that `hostArray` makes for the element type. */
  readonly data: HostData;
}

interface ElementTypeFacts {
  readonly make: (length: number) => HostData;
  /** Bits of one element in memory. */
  readonly bits: number;
  /** Least and greatest value of an integer type; undefined for floats. 64-bit integers are held as safe integers. */
  readonly range: readonly [number, number] | undefined;
}

const safe = Number.MAX_SAFE_INTEGER;
const facts: Readonly<Record<ElementType, ElementTypeFacts>> = {
  float32: { make: (length) => new Float32Array(length), bits: 32, range: undefined },
  float64: { make: (length) => new Float64Array(length), bits: 64, range: undefined },
  float16: { make: (length) => new Float32Array(length), bits: 16, range: undefined },
  int64: { make: (length) => new Float64Array(length), bits: 64, range: [-safe, safe] },
  uint64: { make: (length) => new Float64Array(length), bits: 64, range: [0, safe] },
  int32: { make: (length) => new Int32Array(length), bits: 32, range: [-(2 ** 31), 2 ** 31 - 1] },
  uint32: { make: (length) => new Uint32Array(length), bits: 32, range: [0, 2 ** 32 - 1] },
  int16: { make: (length) => new Int16Array(length), bits: 16, range: [-32768, 32767] },
  uint16: { make: (length) => new Uint16Array(length), bits: 16, range: [0, 65535] },
  int8: { make: (length) => new Int8Array(length), bits: 8, range: [-128, 127] },
  uint8: { make: (length) => new Uint8Array(length), bits: 8, range: [0, 255] },
  int4: { make: (length) => new Int8Array(length), bits: 4, range: [-8, 7] },
  uint4: { make: (length) => new Uint8Array(length), bits: 4, range: [0, 15] },
  int2: { make: (length) => new Int8Array(length), bits: 2, range: [-2, 1] },
  uint2: { make: (length) => new Uint8Array(length), bits: 2, range: [0, 3] },
  bool: { make: (length) => new Uint8Array(length), bits: 8, range: [0, 1] },
};

/** Zeros in the array that holds this element type on the CPU. 64-bit integers are held as float64 safe integers. */
export function hostArray(elementType: ElementType, length: number): HostData {
  return facts[elementType].make(length);
}

/** Bits of one element as a model stores it. */
export function bitsOf(elementType: ElementType): number {
  return facts[elementType].bits;
}

/** Least and greatest value of an integer type; undefined for floats. */
export function integerRange(elementType: ElementType): readonly [number, number] | undefined {
  return facts[elementType].range;
}

/** True for every type but the floats. */
export function isInteger(elementType: ElementType): boolean {
  return facts[elementType].range !== undefined;
}

/** A host tensor from numbers, which must be of the type already. */
export function hostTensor(elementType: ElementType, shape: Shape, values: ArrayLike<number>): HostTensor {
  const data = hostArray(elementType, values.length);
  data.set(values as ArrayLike<number> & number[]);
  return { elementType, shape, data };
}

/** Bytes of tensors as a model stores them, each padded to whole bytes. */
export function storedBytes(tensors: Iterable<Omit<HostTensor, 'data'>>): number {
  let sum = 0;
  for (const { elementType, shape } of tensors) sum += Math.ceil((elementCount(shape) * bitsOf(elementType)) / 8);
  return sum;
}
