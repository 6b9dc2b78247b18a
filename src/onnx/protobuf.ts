/** ONNX files as protocol buffers: checked byte by byte before they are decoded. */
import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { LimitExceeded, MalformedModel } from '../base/errors.ts';

/** Graphs within attributes of nodes take three levels each. */
const deepestMessages = 96;
/** What decoding may allocate, weights aside, which stay where they are. */
const largestDecodedBytes = 2 ** 30;
/** What decoded things take in memory, roughly. */
const messageBytes = 400;
const textBytes = 64;
const longBytes = 32;
const numberBytes = 8;

/** Decodes a model. @throws MalformedModel or LimitExceeded */
export function decodeModel(bytes: Uint8Array): MessageShape<typeof ModelProtoSchema> {
  return decode(ModelProtoSchema, bytes, 'model');
}

/** Decodes a tensor, as in the `.pb` files of ONNX's tests. @throws MalformedModel or LimitExceeded */
export function decodeTensor(bytes: Uint8Array): MessageShape<typeof TensorProtoSchema> {
  return decode(TensorProtoSchema, bytes, 'tensor');
}

function decode<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array, what: string): MessageShape<Schema> {
  new WireCheck(bytes).message(schema, 0, bytes.length, 1);
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new MalformedModel(
      `The ${what} cannot be decoded: ${cause instanceof Error ? cause.message : cause}. The file is damaged; save it again.`,
      { cause },
    );
  }
}

/** Kinds of records on the wire. */
const wire = { varint: 0, bit64: 1, bytes: 2, bit32: 5 } as const;

/**
 * Walks the records of a message without allocating: every length within its parent, every record of the kind that its
 * field has, and the sum of what decoding would allocate below a bound. The decoder itself checks neither.
 *
 * Format: protobuf.dev/programming-guides/encoding.
 */
class WireCheck {
  readonly #bytes: Uint8Array;
  #position = 0;
  #decodedBytes = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(schema: DescMessage, start: number, end: number, depth: number): void {
    if (depth > deepestMessages) {
      this.#fail(`messages lie within one another more than ${deepestMessages} deep`, start);
    }
    this.#allocate(messageBytes);
    this.#position = start;
    const fields = fieldsOf(schema);
    while (this.#position < end) {
      const at = this.#position;
      const tag = this.#varint(end);
      const [number, kind] = [Math.floor(tag / 8), tag % 8];
      if (number === 0) this.#fail('a field has the number 0', at);
      const field = fields.get(number);
      if (kind === wire.bytes) {
        const length = this.#varint(end);
        const from = this.#position;
        if (length > end - from) this.#fail(`a length of ${length} bytes goes ${length - (end - from)} too far`, at);
        if (field) this.#content(field, from, from + length, depth, at);
        this.#position = from + length;
      } else {
        if (field && kind !== kindOf(field)) this.#fail(`the ${field} is of another kind`, at);
        if (field?.fieldKind === 'list') this.#allocate(longBytes);
        if (kind === wire.varint) this.#varint(end);
        else if (kind === wire.bit32) this.#skip(4, end);
        else if (kind === wire.bit64) this.#skip(8, end);
        else this.#fail(`there is no kind ${kind} of record`, at);
      }
    }
  }

  /** Checks what lies in a record of a known field, between two offsets. */
  #content(field: DescField, from: number, to: number, depth: number, at: number): void {
    if (field.message) {
      this.message(field.message, from, to, depth + 1);
      return;
    }
    const kind = kindOf(field);
    if (kind === wire.bytes) this.#allocate(textBytes + (field.scalar === ScalarType.STRING ? to - from : 0));
    else if (field.fieldKind !== 'list') this.#fail(`the ${field} is of another kind`, at);
    else if (kind === wire.varint) this.#packedVarints(from, to);
    else {
      const size = kind === wire.bit32 ? 4 : 8;
      if ((to - from) % size !== 0) this.#fail(`${to - from} bytes are no list of ${field}`, at);
      this.#allocate(((to - from) / size) * numberBytes);
    }
  }

  #packedVarints(from: number, to: number): void {
    this.#position = from;
    let count = 0;
    for (; this.#position < to; count++) this.#varint(to);
    this.#allocate(count * longBytes);
  }

  /** A number of up to 64 bits; beyond 2⁵³ only roughly. */
  #varint(end: number): number {
    let value = 0;
    let weight = 1;
    for (let count = 0; count < 10 && this.#position < end; count++) {
      const byte = this.#bytes[this.#position++] ?? 0;
      value += (byte & 127) * weight;
      if (byte < 128) return value;
      weight *= 128;
    }
    return this.#fail('a number does not end', this.#position);
  }

  #skip(size: number, end: number): void {
    if (size > end - this.#position) this.#fail(`${size} bytes go too far`, this.#position);
    this.#position += size;
  }

  #allocate(bytes: number): void {
    this.#decodedBytes += bytes;
    if (this.#decodedBytes > largestDecodedBytes) {
      throw new LimitExceeded(
        `Decoding the model of ${this.#bytes.length} bytes would take more than ${largestDecodedBytes} bytes beside its weights; store its tensors as raw data, or split the model.`,
      );
    }
  }

  #fail(reason: string, offset: number): never {
    throw new MalformedModel(
      `The file is no ONNX model, or damaged: at byte ${offset} of ${this.#bytes.length}, ${reason}. Save it again.`,
    );
  }
}

/** The kind of record in which a single value of the field comes. */
function kindOf(field: DescField): number {
  if (field.message) return wire.bytes;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return wire.bytes;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return wire.bit32;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return wire.bit64;
    default:
      return wire.varint;
  }
}

const fieldMaps = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(schema: DescMessage): ReadonlyMap<number, DescField> {
  let fields = fieldMaps.get(schema);
  if (!fields) {
    fields = new Map(schema.fields.map((field) => [field.number, field]));
    fieldMaps.set(schema, fields);
  }
  return fields;
}
