/** Files in the format safetensors: named tensors behind a header in JSON. */
import { InvalidInput, MalformedModel } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';

/** Bytes of an element of each type; of bytes that are not whole ones, none. */
const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

/** Element types of the format. */
export type SafetensorsType = keyof typeof elementBytes;

/** A tensor as the file has it. */
export interface StoredTensor {
  readonly type: SafetensorsType;
  readonly shape: Shape;
  /** Row-major elements, little-endian. */
  readonly bytes: Uint8Array;
}

/** What a file holds. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts by name. */
  readonly metadata: ReadonlyMap<string, string>;
}

const metadataName = '__metadata__';
const lengthBytes = 8;
/** The format's own bound. */
const largestHeader = 100_000_000;
/** Where the first tensor begins is a multiple of this, so that elements of any type are aligned. */
const alignment = 8;

/**
 * Writes tensors one after the other, those of the widest elements first and otherwise by name, so that each begins at a
 * multiple of its element's size and equal tensors make equal files.
 *
 * Format: github.com/huggingface/safetensors, README.
 *
 * @throws InvalidInput where a tensor's bytes do not fill its shape, is named `__metadata__`, or the header grows beyond 100 MB
 */
export function writeSafetensors({ tensors, metadata }: Safetensors): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort(([a, { type: left }], [b, { type: right }]) => {
    return elementBytes[right] - elementBytes[left] || (a < b ? -1 : 1);
  });
  const entries: [string, object][] = [];
  if (metadata.size > 0) entries.push([metadataName, Object.fromEntries(metadata)]);
  let end = 0;
  for (const [name, { type, shape, bytes }] of sorted) {
    const wanted = elementCount(shape) * elementBytes[type];
    if (bytes.length !== wanted || name === metadataName) {
      throw new InvalidInput(
        `The tensor "${name}" of ${type} and shape [${shape}] takes ${wanted} bytes, but has ${bytes.length}; give as many, and another name than ${metadataName}.`,
      );
    }
    entries.push([name, { dtype: type, shape, data_offsets: [end, end + bytes.length] }]);
    end += bytes.length;
  }
  // Written entry by entry: a name may be one that objects treat in a way of their own.
  const text = `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const header = new TextEncoder().encode(text);
  const headerBytes = Math.ceil(header.length / alignment) * alignment;
  if (headerBytes > largestHeader) {
    throw new InvalidInput(
      `The header takes ${headerBytes} bytes, of ${largestHeader} allowed; write fewer tensors or metadata.`,
    );
  }
  const start = lengthBytes + headerBytes;
  const file = new Uint8Array(start + end).fill(0x20, lengthBytes, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(header, lengthBytes);
  let position = start;
  for (const [, { bytes }] of sorted) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

/**
 * Reads a file. The tensors are views of its bytes, which need not be aligned.
 *
 * @throws MalformedModel for a file that breaks a rule of the format: one that is cut off, a header that is no JSON or names
 * a tensor twice, tensors that overlap, leave gaps or do not fill their shapes
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  if (bytes.length < lengthBytes) fail(`has ${bytes.length} bytes, fewer than the ${lengthBytes} of a header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(largestHeader, bytes.length - lengthBytes))) {
    fail(`has a header of ${headerBytes} bytes, but ${bytes.length} bytes in all and ${largestHeader} allowed`);
  }
  const start = lengthBytes + Number(headerBytes);
  const data = bytes.subarray(start);
  const header = parseHeader(bytes.subarray(lengthBytes, start));
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map<string, string>();
  const spans: (readonly [number, number])[] = [];
  for (const [name, value] of header) {
    if (name === metadataName) {
      for (const [key, text] of Object.entries(record(value, name))) {
        if (typeof text !== 'string') fail(`has metadata "${key}" that is no text`);
        metadata.set(key, text);
      }
      continue;
    }
    const { tensor, span } = tensorOf(name, record(value, name), data);
    tensors.set(name, tensor);
    spans.push(span);
  }
  let end = 0;
  for (const [from, to] of spans.sort(([a, c], [b, d]) => a - b || c - d)) {
    if (from !== end) fail(`has tensors that overlap or leave a gap at byte ${Math.min(from, end)} of its data`);
    end = to;
  }
  if (end !== data.length) fail(`has ${data.length} bytes of data, but tensors in ${end} of them`);
  return { tensors, metadata };
}

function fail(what: string): never {
  throw new MalformedModel(`The safetensors file ${what}; it is damaged or no such file: save it again.`);
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`has "${name}" that is no JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

function parseHeader(bytes: Uint8Array): [string, unknown][] {
  let text = '';
  let parsed: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    parsed = JSON.parse(text);
  } catch (cause) {
    fail(`has a header that is no JSON (${cause instanceof Error ? cause.message : cause})`);
  }
  if (!text.startsWith('{')) fail('has a header that does not begin with {');
  const entries = Object.entries(record(parsed, 'the header'));
  // Of a name that comes twice, JSON's reader would keep the last only.
  if (namesIn(text) !== entries.length) fail('names a tensor twice');
  return entries;
}

/** How many names the outermost object of a JSON text has, those that come twice counted twice. */
function namesIn(text: string): number {
  let [depth, names] = [0, 0];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token === ':' && depth === 1) names++;
  }
  return names;
}

function tensorOf(name: string, entry: Readonly<Record<string, unknown>>, data: Uint8Array) {
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(elementBytes, dtype)) {
    fail(`has "${name}" of type ${JSON.stringify(dtype)}, where ${Object.keys(elementBytes).join(', ')} are known`);
  }
  const type = dtype as SafetensorsType;
  if (!isSizes(shape)) fail(`has "${name}" without a shape`);
  if (!isSizes(offsets) || offsets.length !== 2) fail(`has "${name}" without a beginning and an end`);
  const [from = 0, to = 0] = offsets;
  const size = shape.includes(0) ? 0 : elementCount(shape) * elementBytes[type];
  if (to > data.length || to - from !== size) {
    fail(`has "${name}" of ${type} and shape [${shape}] in the bytes ${from} to ${to} of ${data.length}`);
  }
  return { tensor: { type, shape, bytes: data.subarray(from, to) }, span: [from, to] as const };
}

/** Whether this is a list of whole numbers from 0 on. */
function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
