import { numberToHalf } from '../base/half.ts';
import { pack } from '../quant/packing.ts';
import { bitsOf, type HostTensor } from './hostTensor.ts';

/** The elements row-major and little-endian; those below 8 bits packed, the first in the lowest bits. */
export function hostBytes({ elementType, data }: HostTensor): Uint8Array<ArrayBuffer> {
  const bits = bitsOf(elementType);
  if (bits < 8) return pack(data, bits);
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
