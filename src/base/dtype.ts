import { InvalidInput } from './errors.ts';

/** Element types of tensors on the GPU, named as in NumPy and ONNX. */
export type DType = 'float32' | 'int32' | 'uint32' | 'int8' | 'uint8';

/** The typed array that carries each element type on the CPU. */
export interface ArrayOf {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
}

/** A typed array that can become a tensor. */
export type TensorData = ArrayOf[DType];

/** The element type of a tensor made of an array of type `T`. */
export type DTypeOf<T extends TensorData> = T extends Float32Array
  ? 'float32'
  : T extends Int32Array
    ? 'int32'
    : T extends Uint32Array
      ? 'uint32'
      : T extends Int8Array
        ? 'int8'
        : 'uint8';

const constructors = {
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int8: Int8Array,
  uint8: Uint8Array,
} as const;

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/**
 * The element type that a typed array holds.
 * @throws InvalidInput for an array that no tensor can be made of: float64, 16 or 64 bits, plain arrays.
 */
export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint32Array) return 'uint32';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array || (data as unknown) instanceof Uint8ClampedArray) return 'uint8';
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  throw new InvalidInput(
    `A tensor cannot be made of a ${kind}; give a Float32Array, Int32Array, Uint32Array, Int8Array or Uint8Array (for instance by Float32Array.from).`,
  );
}

/** A typed array of `dtype` over the bytes of `buffer`, without a copy. */
export function viewAs<D extends DType>(dtype: D, buffer: ArrayBuffer, offset = 0, length?: number): ArrayOf[D] {
  return new constructors[dtype](buffer, offset, length) as ArrayOf[D];
}
