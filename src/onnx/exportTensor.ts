/** Host tensors as ONNX files store them. */
import { create, type MessageShape } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { numberToHalf } from '../base/half.ts';
import { bitsOf, type HostTensor } from '../graph/hostTensor.ts';
import { dataTypeOf } from './tensor.ts';

/** A tensor with its elements as raw bytes. */
export function exportTensor(tensor: HostTensor, name: string): MessageShape<typeof TensorProtoSchema> {
  return create(TensorProtoSchema, {
    name,
    dims: tensor.shape.map(BigInt),
    dataType: dataTypeOf(tensor.elementType),
    rawData: rawBytes(tensor),
  });
}

/** The elements little-endian and row-major; those below 8 bits packed, the first in the lowest bits. */
export function rawBytes({ elementType, data }: HostTensor): Uint8Array<ArrayBuffer> {
  const bits = bitsOf(elementType);
  if (bits < 8) return packed(data, bits);
  switch (elementType) {
    case 'int64':
      return bytesOf(BigInt64Array.from(data, BigInt));
    case 'uint64':
      return bytesOf(BigUint64Array.from(data, BigInt));
    case 'float16':
      return bytesOf(Uint16Array.from(data, numberToHalf));
    default:
      return bytesOf(data);
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));

function packed(data: ArrayLike<number>, bits: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil((data.length * bits) / 8));
  const mask = 2 ** bits - 1;
  for (let index = 0; index < data.length; index++) {
    const at = (index * bits) >> 3;
    bytes[at] = (bytes[at] ?? 0) | (((data[index] ?? 0) & mask) << ((index * bits) & 7));
  }
  return bytes;
}
