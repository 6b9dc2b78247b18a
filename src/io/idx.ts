import { InvalidInput } from '../base/errors.ts';
import { decodeNpy, type NpyArray, type NpyHeader } from './npy.ts';

/** Elements by the third byte of the file. */
const elementTypes: ReadonlyMap<number, Pick<NpyHeader, 'dtype' | 'itemBytes' | 'view'>> = new Map([
  [0x08, { dtype: 'uint8', itemBytes: 1, view: Uint8Array }],
  [0x09, { dtype: 'int8', itemBytes: 1, view: Int8Array }],
  [0x0b, { dtype: 'int16', itemBytes: 2, view: Int16Array }],
  [0x0c, { dtype: 'int32', itemBytes: 4, view: Int32Array }],
  [0x0d, { dtype: 'float32', itemBytes: 4, view: Float32Array }],
  [0x0e, { dtype: 'float64', itemBytes: 8, view: Float64Array }],
]);

const lengthsOffset = 4;
const lengthBytes = 4;

/**
 * Reads an IDX file, the format of MNIST and Fashion-MNIST (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`), once it is
 * decompressed (`gunzip`). The data is a copy.
 *
 * The file has two bytes of zero, one for the type of the elements, one for the number of axes; a big-endian uint32 length for each
 * axis, outermost first; then the elements, big-endian, in row-major order (LeCun, Cortes, Burges, "The MNIST database").
 *
 * @throws InvalidInput if the file does not begin so, is truncated, or is longer than its lengths say
 */
export function readIdx(bytes: Uint8Array): NpyArray {
  const [first, second, code = -1, rank = 0] = bytes;
  const type = elementTypes.get(code);
  if (first !== 0 || second !== 0 || !type) {
    const begin = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new InvalidInput(
      `Not an IDX file: it begins with the bytes "${begin}"; such files begin with 00 00 and one of ${[
        ...elementTypes.keys(),
      ]
        .map((each) => each.toString(16).padStart(2, '0'))
        .join(', ')} for the type. Name a file such as t10k-images-idx3-ubyte.`,
    );
  }
  const dataOffset = lengthsOffset + lengthBytes * rank;
  if (bytes.length < dataOffset) {
    throw new InvalidInput(
      `The IDX file ends inside its header: ${rank} axes take ${dataOffset} bytes, but it has ${bytes.length}. It is truncated: fetch it again.`,
    );
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, dataOffset);
  const shape = Array.from({ length: rank }, (_, axis) => header.getUint32(lengthsOffset + lengthBytes * axis));
  const dataBytes = shape.reduce((product, length) => product * length, type.itemBytes);
  // Compared before anything is allocated: damaged lengths may ask for any number of bytes.
  if (dataBytes !== bytes.length - dataOffset) {
    throw new InvalidInput(
      `The IDX file has ${bytes.length - dataOffset} bytes of data; its shape (${shape.join(', ')}) of ${type.dtype} takes ${dataBytes}. It is truncated or damaged: fetch it again.`,
    );
  }
  // Not `slice`, which does not copy where the bytes are a Node Buffer.
  const data = decodeNpy({ ...type, bigEndian: true }, new Uint8Array(bytes.subarray(dataOffset)).buffer);
  return { shape, dtype: type.dtype, data };
}
