import { InvalidInput } from '../base/errors.ts';
import { halfToNumber, numberToHalf } from '../base/half.ts';

/** Element types of NumPy that are read and written. */
export type NpyDtype =
  | 'float16'
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

/** The elements of an array in row-major (C) order. `float16` is widened to float32; `bool` is 0 or 1 in a Uint8Array. */
export type NpyData =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

export interface NpyArray {
  /** Extents, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /** Type of the elements in the file. */
  readonly dtype: NpyDtype;
  /** The elements in row-major order. */
  readonly data: NpyData;
}

interface ElementType {
  readonly dtype: NpyDtype;
  /** NumPy's letter for the kind and the size in bytes. */
  readonly code: string;
  readonly view: new (buffer: ArrayBuffer) => NpyData;
}

const elementTypes: readonly ElementType[] = [
  { dtype: 'float16', code: 'f2', view: Uint16Array },
  { dtype: 'float32', code: 'f4', view: Float32Array },
  { dtype: 'float64', code: 'f8', view: Float64Array },
  { dtype: 'int8', code: 'i1', view: Int8Array },
  { dtype: 'int16', code: 'i2', view: Int16Array },
  { dtype: 'int32', code: 'i4', view: Int32Array },
  { dtype: 'int64', code: 'i8', view: BigInt64Array },
  { dtype: 'uint8', code: 'u1', view: Uint8Array },
  { dtype: 'uint16', code: 'u2', view: Uint16Array },
  { dtype: 'uint32', code: 'u4', view: Uint32Array },
  { dtype: 'uint64', code: 'u8', view: BigUint64Array },
  { dtype: 'bool', code: 'b1', view: Uint8Array },
];

const magic = '\u0093NUMPY';
const alignmentBytes = 64;
const largestRank = 64;

/** Whether bytes begin as a `.npy` file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && [...magic].every((letter, index) => bytes[index] === letter.charCodeAt(0));
}

/** What the header of a `.npy` file says. */
export interface NpyHeader {
  /** Extents, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  readonly dtype: NpyDtype;
  /** Elements, of `itemBytes` bytes each. */
  readonly count: number;
  readonly itemBytes: number;
  /** Where the elements begin in the file, in bytes. */
  readonly dataOffset: number;
  readonly fortranOrder: boolean;
  readonly bigEndian: boolean;
  /** The array that holds elements as they are stored. */
  readonly view: ElementType['view'];
}

/**
 * Reads the header of a `.npy` file (format 1, 2 or 3).
 *
 * @param bytes the beginning of the file
 * @param fileBytes size of the file
 * @throws InvalidInput if the file is malformed, truncated, longer than its shape says, or holds another element type
 */
export function readNpyHeader(bytes: Uint8Array, fileBytes: number): NpyHeader {
  if (!isNpy(bytes))
    throw new InvalidInput('Not a .npy file: it does not begin with \\x93NUMPY. Save it with numpy.save.');
  const { header, dataOffset } = findHeader(bytes);
  const { descr, fortranOrder, shape } = parseHeader(header);
  const type = elementTypes.find(({ code }) => code === descr.slice(1));
  if (!type || !'<>|='.includes(descr.charAt(0))) {
    throw new InvalidInput(
      `The .npy file holds elements of type '${descr.slice(0, 40)}'; readable are ${elementTypes.map(({ code }) => code).join(', ')}. ` +
        'Convert it with numpy.astype.',
    );
  }
  const itemBytes = Number(type.code.slice(1));
  const count = shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1);
  // Compared before anything is allocated: a mutated shape may ask for any number of bytes.
  if (count * itemBytes !== fileBytes - dataOffset) {
    throw new InvalidInput(
      `The .npy file has ${fileBytes - dataOffset} bytes of data; its shape (${shape.join(', ')}) of ${type.code} takes ` +
        `${count * itemBytes}. The file is truncated or damaged: save it again.`,
    );
  }
  const { dtype, view } = type;
  return { shape, dtype, count, itemBytes, dataOffset, fortranOrder, bigEndian: descr.startsWith('>'), view };
}

/** Elements as they are stored; the bytes are changed. */
export function decodeNpy(
  { dtype, itemBytes, bigEndian, view }: Pick<NpyHeader, 'dtype' | 'itemBytes' | 'bigEndian' | 'view'>,
  buffer: ArrayBuffer,
): NpyData {
  if (bigEndian) reverseBytes(new Uint8Array(buffer), itemBytes);
  const stored = new view(buffer);
  return dtype === 'float16' ? Float32Array.from(stored as Uint16Array, halfToNumber) : stored;
}

/**
 * Reads a `.npy` file (format 1, 2 or 3; little- or big-endian; C or Fortran order, returned in C order). The data is
 * a copy.
 *
 * Format: `numpy/lib/format.py`.
 *
 * @throws InvalidInput if the file is malformed, truncated, longer than its shape says, or holds another element type
 */
export function readNpy(bytes: Uint8Array): NpyArray {
  const header = readNpyHeader(bytes, bytes.length);
  const { shape, dtype, dataOffset, fortranOrder } = header;
  // Not `slice`, which does not copy where the bytes are a Node Buffer.
  const data = decodeNpy(header, new Uint8Array(bytes.subarray(dataOffset)).buffer);
  return { shape, dtype, data: fortranOrder && shape.length > 1 ? toRowMajor(data, shape) : data };
}

/**
 * Writes a `.npy` file of format 1, little-endian, in C order, its header padded to a multiple of 64 bytes as NumPy's.
 *
 * @param array its `dtype` may be left out: it then follows from the typed array. `bool` takes a Uint8Array, `float16` a
 *   Float32Array, whose elements are rounded to the nearest half.
 * @throws InvalidInput if the data does not fill the shape or is not of the type
 */
export function writeNpy(array: Omit<NpyArray, 'dtype'> & { readonly dtype?: NpyDtype }): Uint8Array<ArrayBuffer> {
  const { shape, data, dtype } = array;
  const type = elementTypes.find((candidate) =>
    candidate.dtype === 'float16'
      ? dtype === 'float16' && data instanceof Float32Array
      : data instanceof candidate.view && candidate.dtype === (dtype ?? candidate.dtype),
  );
  if (!type) {
    throw new InvalidInput(
      `Cannot write a ${data.constructor.name} as ${dtype}. Leave dtype out to have it follow from the typed array.`,
    );
  }
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (
    count !== data.length ||
    shape.length > largestRank ||
    !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)
  ) {
    throw new InvalidInput(
      `The shape (${shape.join(', ')}) takes ${count} elements in at most ${largestRank} dimensions; the data has ${data.length}.`,
    );
  }
  const order = type.code.endsWith('1') ? '|' : '<';
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${order}${type.code}', 'fortran_order': False, 'shape': (${extents}), }`;
  const prefixBytes = magic.length + 4;
  const dataOffset = Math.ceil((prefixBytes + header.length + 1) / alignmentBytes) * alignmentBytes;
  const stored = type.dtype === 'float16' ? Uint16Array.from(data as Float32Array, numberToHalf) : data;
  const bytes = new Uint8Array(dataOffset + stored.byteLength);
  const headerBytes = dataOffset - prefixBytes;
  const text = `${magic}\u0001\u0000${String.fromCharCode(headerBytes & 255, headerBytes >> 8)}${header.padEnd(headerBytes - 1)}\n`;
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  bytes.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), dataOffset);
  return bytes;
}

function findHeader(bytes: Uint8Array): { readonly header: string; readonly dataOffset: number } {
  const version = bytes[magic.length];
  if (version === undefined || version < 1 || version > 3) {
    throw new InvalidInput(
      `The .npy file has format version ${version}; 1, 2 and 3 are readable. Save it with numpy.save.`,
    );
  }
  const lengthOffset = magic.length + 2;
  const lengthBytes = version === 1 ? 2 : 4;
  const headerOffset = lengthOffset + lengthBytes;
  if (bytes.length >= headerOffset) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const headerBytes = lengthBytes === 2 ? view.getUint16(lengthOffset, true) : view.getUint32(lengthOffset, true);
    const dataOffset = headerOffset + headerBytes;
    if (dataOffset <= bytes.length) {
      return { header: new TextDecoder().decode(bytes.subarray(headerOffset, dataOffset)), dataOffset };
    }
  }
  throw new InvalidInput(
    `The .npy file ends inside its header, after ${bytes.length} bytes. It is truncated: save it again.`,
  );
}

interface Header {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

const headerEntry = /\s*'(descr|fortran_order|shape)'\s*:\s*(?:'([^']*)'|(True|False)|\(([\d\s,L]*)\))\s*(?:,|(?=\}))/y;

/** Reads the header, a Python dictionary of exactly `descr`, `fortran_order` and `shape` in any order. */
function parseHeader(header: string): Header {
  let descr: string | undefined;
  let fortranOrder: boolean | undefined;
  let shape: readonly number[] | undefined;
  let position = header.startsWith('{') ? 1 : header.length;
  for (;;) {
    headerEntry.lastIndex = position;
    const match = headerEntry.exec(header);
    if (!match) break;
    position = headerEntry.lastIndex;
    if (match[1] === 'descr') descr = match[2];
    if (match[1] === 'fortran_order' && match[3]) fortranOrder = match[3] === 'True';
    if (match[1] === 'shape') shape = parseShape(match[4]);
  }
  const closed = header.slice(position).trim() === '}';
  if (!closed || descr === undefined || fortranOrder === undefined || shape === undefined) {
    throw new InvalidInput(
      `The .npy header cannot be read: ${JSON.stringify(header.slice(0, 120).trimEnd())}. It needs a simple 'descr', 'fortran_order' and ` +
        "'shape'; structured types are not supported. Save each field as an array of its own.",
    );
  }
  return { descr, fortranOrder, shape };
}

function parseShape(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(',').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  // Python 2 wrote long integers with an L.
  if (parts.length > largestRank || !parts.every((part) => /^\d{1,16}L?$/.test(part))) return undefined;
  return parts.map((part) => Number.parseInt(part, 10));
}

/** Reverses the bytes of each item in place. */
function reverseBytes(bytes: Uint8Array, itemBytes: number): void {
  if (itemBytes === 1) return;
  for (let offset = 0; offset < bytes.length; offset += itemBytes) bytes.subarray(offset, offset + itemBytes).reverse();
}

/** Copies elements in column-major order into row-major order. */
function toRowMajor(data: NpyData, shape: readonly number[]): NpyData {
  const result = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, extent) => product * extent, 1));
  const coordinates = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let target = 0; target < data.length; target++) {
    result[target] = data[source] as number | bigint;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const coordinate = (coordinates[axis] as number) + 1;
      source += strides[axis] as number;
      if (coordinate < (shape[axis] as number)) {
        coordinates[axis] = coordinate;
        break;
      }
      source -= coordinate * (strides[axis] as number);
      coordinates[axis] = 0;
    }
  }
  return result;
}
